import CRabbitMQ

/// The version of librabbitmq in use.
public let libraryVersion = unsafe String(cString: amqp_version())
