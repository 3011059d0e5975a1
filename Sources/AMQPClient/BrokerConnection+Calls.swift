import CRabbitMQ

/// Questions to the broker. Each waits for its answer up to the RPC timeout; frames that come meanwhile are kept by the
/// library and read later.
extension BrokerConnection {
    func openChannel(_ channel: UInt16 = workChannel) throws(AMQPError) {
        _ = unsafe amqp_channel_open(state, channel)
        try answered(channel, "opening a channel")
    }

    func closeChannel(_ channel: UInt16) throws(AMQPError) {
        let reply = unsafe amqp_channel_close(state, channel, AMQP_REPLY_SUCCESS)
        if let error = unsafe AMQPError(reply, channel: true, doing: "closing a channel") {
            isBroken = true
            throw error
        }
    }

    func setPrefetch(_ count: UInt16) throws(AMQPError) {
        _ = unsafe amqp_basic_qos(state, Self.workChannel, 0, count, 0)
        try answered(Self.workChannel, "setting the prefetch")
    }

    func consume(queue: String, tag: String) throws(AMQPError) {
        _ = unsafe amqp_basic_consume(
            state, Self.workChannel, arena.bytes(queue), arena.bytes(tag), 0, 0, 0, amqp_table_t())
        try answered(Self.workChannel, "consuming from queue '\(queue)'")
    }

    func cancel(tag: String) throws(AMQPError) {
        _ = unsafe amqp_basic_cancel(state, Self.workChannel, arena.bytes(tag))
        try answered(Self.workChannel, "cancelling a consumer")
    }

    func selectConfirms() throws(AMQPError) {
        _ = unsafe amqp_confirm_select(state, Self.workChannel)
        try answered(Self.workChannel, "asking for publisher confirms")
    }

    func declareExchange(
        _ exchange: TopologyPlan.Exchange, passive: Bool, channel: UInt16
    ) throws(AMQPError) {
        _ = unsafe amqp_exchange_declare(
            state, channel, arena.bytes(exchange.name), arena.bytes(exchange.kind), passive ? 1 : 0,
            exchange.durable ? 1 : 0, 0, 0, amqp_table_t())
        try answered(channel, "\(passive ? "looking for" : "declaring") exchange '\(exchange.name)'")
    }

    /// Answers the number of ready messages and of consumers.
    @discardableResult
    func declareQueue(
        _ queue: TopologyPlan.Queue, passive: Bool, channel: UInt16
    ) throws(AMQPError) -> (messages: Int, consumers: Int) {
        var arguments = queue.arguments
        if queue.type == .quorum, !arguments.contains(where: { $0.name == "x-queue-type" }) {
            arguments.append(Header("x-queue-type", .string("quorum")))
        }
        let answer = unsafe amqp_queue_declare(
            state, channel, arena.bytes(queue.name), passive ? 1 : 0, queue.durable ? 1 : 0, 0, 0,
            arena.table(passive ? [] : arguments))
        let counts = unsafe answer.map { unsafe (Int($0.pointee.message_count), Int($0.pointee.consumer_count)) }
        try answered(channel, "\(passive ? "looking for" : "declaring") queue '\(queue.name)'")
        return counts ?? (0, 0)
    }

    func bind(_ binding: TopologyPlan.Binding, channel: UInt16) throws(AMQPError) {
        _ = unsafe amqp_queue_bind(
            state, channel, arena.bytes(binding.queue), arena.bytes(binding.exchange), arena.bytes(binding.key),
            amqp_table_t())
        try answered(channel, "binding queue '\(binding.queue)' to exchange '\(binding.exchange)'")
    }

    func purge(queue: String) throws(AMQPError) -> Int {
        let answer = unsafe amqp_queue_purge(state, Self.workChannel, arena.bytes(queue))
        let count = unsafe answer.map { unsafe Int($0.pointee.message_count) }
        try answered(Self.workChannel, "purging queue '\(queue)'")
        return count ?? 0
    }

    func deleteQueue(_ queue: String) throws(AMQPError) {
        _ = unsafe amqp_queue_delete(state, Self.workChannel, arena.bytes(queue), 0, 0)
        try answered(Self.workChannel, "deleting queue '\(queue)'")
    }

    /// Asks for one message. True: it comes with the next frames.
    func get(queue: String) throws(AMQPError) -> Bool {
        let reply = unsafe amqp_basic_get(state, Self.workChannel, arena.bytes(queue), 0)
        arena.recycle()
        if let error = unsafe AMQPError(reply, channel: true, doing: "getting from queue '\(queue)'") {
            throw settle(error, channel: Self.workChannel)
        }
        guard unsafe reply.reply.id == Method.basicGetOk, let decoded = unsafe reply.reply.decoded else { return false }
        // The library has consumed the method frame, so the assembler is told of it by hand.
        let method = unsafe decoded.assumingMemoryBound(to: amqp_basic_get_ok_t.self).pointee
        do throws(FrameAssembler.Violation) {
            try assembler.method(
                .getOk(
                    tag: unsafe method.delivery_tag, redelivered: unsafe method.redelivered != 0,
                    exchange: unsafe AMQPError.text(method.exchange),
                    routingKey: unsafe AMQPError.text(method.routing_key),
                    messagesLeft: unsafe method.message_count))
        } catch {
            throw AMQPError(.protocolViolation, "a message within a message", isRetriable: true)
        }
        return true
    }

    func acknowledge(_ tag: UInt64, multiple: Bool) throws(AMQPError) {
        try check(
            unsafe amqp_basic_ack(state, Self.workChannel, tag, multiple ? 1 : 0), doing: "acknowledging")
    }

    func reject(_ tag: UInt64, requeue: Bool) throws(AMQPError) {
        try check(unsafe amqp_basic_reject(state, Self.workChannel, tag, requeue ? 1 : 0), doing: "rejecting")
    }

    func sendHeartbeat() throws(AMQPError) {
        try check(unsafe crmq_send_heartbeat(state), doing: "sending a heartbeat")
    }

    /// Sends one message, mandatory, on the work channel. It may block: arm the supervisor first.
    func publish(_ message: OutgoingMessage) throws(AMQPError) {
        var properties = unsafe arena.properties(message.properties)
        let status = unsafe message.body.withUnsafeBytes { body in
            let bytes = unsafe amqp_bytes_t(
                len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress))
            return unsafe amqp_basic_publish(
                state, Self.workChannel, arena.bytes(message.exchange), arena.bytes(message.routingKey), 1, 0,
                &properties, bytes)
        }
        arena.recycle()
        try check(status, doing: "publishing")
        // The library marks the last piece of an exactly full frame as "more to come"; setting NODELAY flushes it.
        if !message.body.isEmpty, message.body.count % (frameMax - 8) == 0 {
            _ = crmq_set_tcp_option(fd, Int32(CRMQ_TCP_NODELAY), 1)
        }
    }

    /// Holds small packets back until uncorked, so that a burst of messages goes out in few packets.
    func cork(_ corked: Bool) { _ = crmq_set_tcp_option(fd, Int32(CRMQ_TCP_CORK), corked ? 1 : 0) }

    /// Bytes that can be sent without waiting, by the kernel's account; nil when it cannot say.
    var sendRoom: Int? {
        let room = crmq_send_room(fd)
        return room == -1 ? nil : Int(room)
    }

    private func answered(_ channel: UInt16, _ action: String) throws(AMQPError) {
        arena.recycle()
        supervisor.checkpoint()
        let reply = unsafe amqp_get_rpc_reply(state)
        if let error = unsafe AMQPError(reply, channel: true, doing: action) { throw settle(error, channel: channel) }
    }

    /// Answers a channel's close; anything else ends the connection.
    private func settle(_ error: AMQPError, channel: UInt16) -> AMQPError {
        if error.endsConnection {
            isBroken = true
        } else if unsafe crmq_send_channel_close_ok(state, channel) != 0 {
            isBroken = true
        }
        return error
    }
}
