import CRabbitMQ

extension AMQPError {
    /// The error for a status of the library.
    static func library(_ status: Int32, doing action: String) -> AMQPError {
        let text = unsafe String(cString: amqp_error_string2(status))
        let code = amqp_status_enum(rawValue: status)
        switch code {
        case AMQP_STATUS_TIMEOUT:
            return AMQPError(.timeout, "while \(action): no answer in time", isRetriable: true)
        case AMQP_STATUS_HEARTBEAT_TIMEOUT:
            return AMQPError(
                .heartbeat, "while \(action): no heartbeat from the broker; it or the network is gone",
                isRetriable: true)
        case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED:
            return .network("while \(action): the host name cannot be resolved")
        case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
            return AMQPError(
                .tls,
                "while \(action): the certificate is for another host name (it needs a DNS name in "
                    + "subjectAltName)", isRetriable: false)
        case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
            return AMQPError(
                .tls,
                "while \(action): the broker's certificate is not signed by an authority we trust, or has expired",
                isRetriable: false)
        case AMQP_STATUS_SSL_CONNECTION_FAILED, AMQP_STATUS_SSL_ERROR, AMQP_STATUS_SSL_SET_ENGINE_FAILED:
            return AMQPError(
                .tls,
                "while \(action): \(text); is this the broker's TLS port, does it offer TLS 1.2 or later, and does it "
                    + "accept our certificate?", isRetriable: true)
        case AMQP_STATUS_BAD_AMQP_DATA:
            return AMQPError(
                .protocolViolation,
                "while \(action): the broker sent what librabbitmq cannot read, for example headers "
                    + "larger than a frame", isRetriable: true)
        case AMQP_STATUS_TABLE_TOO_BIG:
            return AMQPError(.invalidMessage, "while \(action): headers do not fit a frame", isRetriable: false)
        case AMQP_STATUS_NO_MEMORY:
            return AMQPError(.resources, "while \(action): out of memory", isRetriable: true)
        default:
            return .network("while \(action): \(text)")
        }
    }

    /// The error of an answer to a question; nil if the answer is normal.
    init?(_ reply: amqp_rpc_reply_t, channel: Bool, doing action: String) {
        switch unsafe reply.reply_type {
        case AMQP_RESPONSE_NORMAL:
            return nil
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            guard let decoded = unsafe reply.reply.decoded else { fallthrough }
            let method = unsafe reply.reply.id
            let text = unsafe crmq_reply_text(method, decoded)
            self = unsafe .closedByBroker(
                code: Int(crmq_reply_code(method, decoded)), text: Self.text(text),
                channel: method == Method.channelClose, doing: action)
        default:
            self = unsafe .library(reply.library_error, doing: action)
        }
    }

    /// A text of the broker, whatever its bytes.
    static func text(_ bytes: amqp_bytes_t) -> String {
        guard let start = unsafe bytes.bytes else { return "" }
        return unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: bytes.len), as: UTF8.self)
    }
}

/// Method numbers: class << 16 | method. Written out, for the C macros are casts.
enum Method {
    static let connectionClose: UInt32 = 10 << 16 | 50
    static let connectionBlocked: UInt32 = 10 << 16 | 60
    static let connectionUnblocked: UInt32 = 10 << 16 | 61
    static let channelFlow: UInt32 = 20 << 16 | 20
    static let channelClose: UInt32 = 20 << 16 | 40
    static let basicCancel: UInt32 = 60 << 16 | 30
    static let basicReturn: UInt32 = 60 << 16 | 50
    static let basicDeliver: UInt32 = 60 << 16 | 60
    static let basicGetOk: UInt32 = 60 << 16 | 71
    static let basicAck: UInt32 = 60 << 16 | 80
    static let basicNack: UInt32 = 60 << 16 | 120
}
