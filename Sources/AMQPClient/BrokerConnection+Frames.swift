import CRabbitMQ

/// What a turn of reading yields.
enum Incoming {
    /// Nothing has come in the time given.
    case nothing
    /// A frame was read that says nothing by itself.
    case partial
    case message(FrameAssembler.Content, DecodedProperties, body: [UInt8])
    case skimmed(FrameAssembler.Content, DecodedProperties, bodyBytes: UInt64)
    case confirm(tag: UInt64, multiple: Bool, nack: Bool)
    case cancelled(consumerTag: String)
    case blocked(String)
    case unblocked
}

extension BrokerConnection {
    /// Reads at most one frame. Any frame is legal at any time, on any channel.
    ///
    /// Also sends our heartbeats and checks the broker's, but only when it finds nothing to read: so always read until
    /// `.nothing`. A close by the broker is answered and thrown.
    func receive(waitMilliseconds: Int32 = 0) throws(AMQPError) -> Incoming {
        let status = unsafe crmq_wait_frame(state, frame, waitMilliseconds)
        if status == AMQP_STATUS_TIMEOUT.rawValue { return .nothing }
        try check(status, doing: "reading from the broker")
        let channel = unsafe frame.pointee.channel
        defer { unsafe amqp_maybe_release_buffers_on_channel(state, channel) }
        do {
            switch unsafe Int32(frame.pointee.frame_type) {
            case AMQP_FRAME_METHOD: return try method(channel)
            case AMQP_FRAME_HEADER where channel == Self.workChannel:
                return try header()
            case AMQP_FRAME_BODY where channel == Self.workChannel:
                return try body()
            default: return .partial
            }
        } catch let violation as FrameAssembler.Violation {
            isBroken = true
            throw AMQPError(.protocolViolation, "the broker's frames make no sense (\(violation))", isRetriable: true)
        } catch let error as AMQPError {
            throw error
        } catch {
            isBroken = true
            throw AMQPError(.protocolViolation, "a frame could not be taken in: \(error)", isRetriable: true)
        }
    }

    private func header() throws(FrameAssembler.Violation) -> Incoming {
        let payload = unsafe frame.pointee.payload.properties
        guard let decoded = unsafe payload.decoded else { throw .headerWithoutMethod }
        let properties = unsafe decoder.properties(
            UnsafePointer(decoded.assumingMemoryBound(to: amqp_basic_properties_t.self)))
        return Self.incoming(try assembler.header(properties, bodySize: unsafe payload.body_size))
    }

    private func body() throws(FrameAssembler.Violation) -> Incoming {
        let fragment = unsafe frame.pointee.payload.body_fragment
        let bytes = unsafe UnsafeRawBufferPointer(start: fragment.bytes, count: fragment.len)
        return unsafe Self.incoming(try assembler.body(bytes.bytes))
    }

    private static func incoming(_ event: FrameAssembler.Event?) -> Incoming {
        switch event {
        case nil: .partial
        case .message(let content, let properties, let body): .message(content, properties, body: body)
        case .skimmed(let content, let properties, let size): .skimmed(content, properties, bodyBytes: size)
        }
    }

    private func method(_ channel: UInt16) throws -> Incoming {
        let id = unsafe frame.pointee.payload.method.id
        guard let decoded = unsafe frame.pointee.payload.method.decoded else { return .partial }
        switch id {
        case Method.basicDeliver:
            let method = unsafe decoded.assumingMemoryBound(to: amqp_basic_deliver_t.self).pointee
            try assembler.method(
                .deliver(
                    consumerTag: unsafe name(method.consumer_tag), tag: unsafe method.delivery_tag,
                    redelivered: unsafe method.redelivered != 0, exchange: unsafe name(method.exchange),
                    routingKey: unsafe name(method.routing_key)))
            return .partial
        case Method.basicAck:
            let method = unsafe decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            return .confirm(tag: method.delivery_tag, multiple: method.multiple != 0, nack: false)
        case Method.basicNack:
            let method = unsafe decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            return .confirm(tag: method.delivery_tag, multiple: method.multiple != 0, nack: true)
        case Method.basicReturn:
            let method = unsafe decoded.assumingMemoryBound(to: amqp_basic_return_t.self).pointee
            try assembler.method(
                .returned(
                    code: unsafe Int(method.reply_code), text: unsafe AMQPError.text(method.reply_text),
                    exchange: unsafe name(method.exchange), routingKey: unsafe name(method.routing_key)))
            return .partial
        case Method.basicGetOk:
            let method = unsafe decoded.assumingMemoryBound(to: amqp_basic_get_ok_t.self).pointee
            try assembler.method(
                .getOk(
                    tag: unsafe method.delivery_tag, redelivered: unsafe method.redelivered != 0,
                    exchange: unsafe name(method.exchange), routingKey: unsafe name(method.routing_key),
                    messagesLeft: unsafe method.message_count))
            return .partial
        case Method.basicCancel:
            // Sent with no-wait: there is nothing to answer.
            let method = unsafe decoded.assumingMemoryBound(to: amqp_basic_cancel_t.self).pointee
            return unsafe .cancelled(consumerTag: name(method.consumer_tag))
        case Method.connectionBlocked:
            let method = unsafe decoded.assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee
            return unsafe .blocked(AMQPError.text(method.reason))
        case Method.connectionUnblocked: return .unblocked
        case Method.channelFlow:
            let active = unsafe decoded.assumingMemoryBound(to: amqp_channel_flow_t.self).pointee.active
            try check(unsafe crmq_send_channel_flow_ok(state, channel, active), doing: "answering channel.flow")
            return .partial
        case Method.channelClose, Method.connectionClose:
            throw unsafe closed(channel, id, decoded)
        default: return .partial
        }
    }

    /// Neither kind of close is answered by the library, and RabbitMQ repeats itself until it is.
    private func closed(_ channel: UInt16, _ id: UInt32, _ decoded: UnsafeMutableRawPointer) -> AMQPError {
        let isChannel = id == Method.channelClose
        let error = unsafe AMQPError.closedByBroker(
            code: Int(crmq_reply_code(id, decoded)), text: AMQPError.text(crmq_reply_text(id, decoded)),
            channel: isChannel, doing: "working")
        if isChannel {
            if unsafe crmq_send_channel_close_ok(state, channel) != 0 { isBroken = true }
        } else {
            _ = unsafe crmq_send_connection_close_ok(state)
            isBroken = true
        }
        return error
    }

    /// Names that are not UTF-8 are shown with replacement characters; nothing is decided by them.
    private func name(_ bytes: amqp_bytes_t) -> String {
        unsafe decoder.string(bytes) ?? AMQPError.text(bytes)
    }
}
