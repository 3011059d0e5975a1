public import InventoryCore

/// One line of the journal that a worker in the shadow keeps: one JSON object, with `at`, when it was written.
public enum ShadowEntry: Sendable, Equatable {
    case note(ShadowNote)
    /// An output as it would have been published. Its body is not looked at.
    case output(routingKey: String)
    /// A message that could not be used, and why.
    case deadLetter(reason: String, detail: String, queue: String)
    /// The worker started.
    case started([QueueState])
    /// Queues of its own were full while it ran: the broker drops their oldest messages.
    case full([QueueState])
    /// The worker stopped when it was told to.
    case stopped

    /// How one of its queues was found.
    public struct QueueState: Sendable, Equatable {
        public var queue: String
        /// Ready messages; nil: the queue was not there.
        public var messages: Int?
        /// How many it may hold.
        public var limit: Int

        public init(queue: String, messages: Int?, limit: Int) {
            self.queue = queue
            self.messages = messages
            self.limit = limit
        }
    }
}

// MARK: Writing

extension ShadowNote {
    /// One JSON object on one line.
    public var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 256 + effects.count * 256)
        writer.openObject()
        if let cause {
            writer.member("id", cause.id)
            writer.member("type", cause.type)
            writer.member("time", cause.time)
        }
        if let placed {
            writer.member("order_id", placed.orderID)
            writer.member("placed_at", placed.placedAt)
            ShadowNote.write(placed.lines, to: &writer)
        }
        if let shipped {
            writer.member("order_id", shipped.orderID)
            writer.member("shipment_id", shipped.shipmentID)
            if let location = shipped.location { writer.member("location", location) }
            writer.member("dispatched_at", shipped.dispatchedAt)
        }
        if !effects.isEmpty {
            writer.key("effects")
            writer.openArray()
            for effect in effects {
                writer.openObject()
                writer.member("kind", effect.kind)
                writer.member("cause", effect.cause)
                writer.member("time", effect.time)
                writer.member("order_id", effect.orderID)
                if let location = effect.location { writer.member("location", location) }
                ShadowNote.write(effect.lines, to: &writer)
                writer.closeObject()
            }
            writer.closeArray()
        }
        writer.closeObject()
        return writer.bytes
    }

    private static func write(_ lines: [Line], to writer: inout JSONWriter) {
        writer.key("lines")
        writer.openArray()
        for line in lines {
            writer.openObject()
            writer.member("line_id", line.lineID)
            writer.member("sku", line.sku)
            writer.member("quantity", line.quantity)
            writer.memberIfKnown("promised_at", line.promisedAt)
            writer.closeObject()
        }
        writer.closeArray()
    }
}

extension ShadowEntry {
    private static func line(at time: Instant, _ name: String, _ json: [UInt8]) -> [UInt8] {
        var bytes = Array("{\"at\":\"\(formatRFC3339(time))\",".utf8)
        bytes.reserveCapacity(bytes.count + json.count + name.utf8.count + 8)
        bytes += "\"\(name)\":".utf8
        bytes += json
        bytes += "}\n".utf8
        return bytes
    }

    /// A line of the journal, line feed included.
    /// - Parameter encoded: what `ShadowNote.encoded` made.
    public static func noteLine(_ encoded: [UInt8], at time: Instant) -> [UInt8] { line(at: time, "note", encoded) }

    /// - Parameter body: one JSON object on one line.
    public static func outputLine(_ body: [UInt8], routingKey: String, at time: Instant) -> [UInt8] {
        let key = Array(JSONText.string(routingKey).rendered.utf8)
        return line(at: time, "routing_key", key + Array(",\"output\":".utf8) + body)
    }

    /// - Parameter body: the message as it came; kept if it is text.
    public static func deadLetterLine(
        reason: String, detail: String, queue: String, body: [UInt8]?, at time: Instant
    ) -> [UInt8] {
        let text = body.flatMap { String(validating: $0, as: UTF8.self) }
        let letter = JSONText.object([
            ("reason", .string(reason)), ("detail", .string(detail)), ("queue", .string(queue)),
            ("body", .optional(text)),
        ])
        return line(at: time, "dead_letter", Array(letter.rendered.utf8))
    }

    public static func startedLine(_ queues: [QueueState], at time: Instant) -> [UInt8] {
        line(at: time, "started", json(queues))
    }

    public static func fullLine(_ queues: [QueueState], at time: Instant) -> [UInt8] {
        line(at: time, "full", json(queues))
    }

    private static func json(_ queues: [QueueState]) -> [UInt8] {
        let states = queues.map { state in
            JSONText.object([
                ("queue", .string(state.queue)), ("messages", state.messages.map { .integer(Int64($0)) } ?? .null),
                ("limit", .integer(Int64(state.limit))),
            ])
        }
        return Array(JSONText.array(states).rendered.utf8)
    }

    public static func stoppedLine(at time: Instant) -> [UInt8] { line(at: time, "stopped", Array("true".utf8)) }

    // MARK: Reading

    /// nil: it is no line of a journal.
    public static func read(_ line: [UInt8]) -> (at: Instant, entry: ShadowEntry)? {
        try? line.withUnsafeBufferPointer { (text) throws(Rejection) -> (at: Instant, entry: ShadowEntry)? in
            try JSONDocument.withParsed(text) { (document) throws(Rejection) -> (at: Instant, entry: ShadowEntry)? in
                guard document[JSONDocument.root].kind == .object else { return nil }
                let reader = ObjectReader(document, JSONDocument.root)
                let at = try reader.requiredTime("at")
                if let note = try reader.member("note") { return (at, .note(try ShadowEntry.note(note))) }
                if let key = try reader.text("routing_key") { return (at, .output(routingKey: key)) }
                if let letter = try reader.member("dead_letter") {
                    return (
                        at,
                        .deadLetter(
                            reason: try letter.text("reason") ?? "",
                            detail: try letter.text("detail", bytesMax: textMax) ?? "",
                            queue: try letter.text("queue") ?? "")
                    )
                }
                if let list = document.value("started", of: JSONDocument.root), document[list].kind == .array {
                    return (at, .started(try elements(document, list).map(queueState)))
                }
                if let list = document.value("full", of: JSONDocument.root), document[list].kind == .array {
                    return (at, .full(try elements(document, list).map(queueState)))
                }
                return document.value("stopped", of: JSONDocument.root) == nil ? nil : (at, .stopped)
            }
        }
    }

    private static let textMax = 1 << 16

    private static func queueState(_ reader: ObjectReader) -> QueueState {
        let messages = (try? reader.whole("messages", 0...Int64.max)) ?? nil
        let limit = (try? reader.whole("limit", 0...Int64.max)) ?? nil
        return QueueState(
            queue: ((try? reader.text("queue")) ?? nil) ?? "", messages: messages.map { Int($0) },
            limit: Int(limit ?? 0))
    }

    private static func elements(_ document: JSONDocument, _ list: Int) throws(Rejection) -> [ObjectReader] {
        var readers: [ObjectReader] = []
        var index = list + 1
        while index < document.end(of: list) {
            let reader = ObjectReader(document, index)
            if document[index].kind != .object { throw reader.invalid("an object is needed") }
            readers.append(reader)
            index = document.next(after: index)
        }
        return readers
    }

    private static func note(_ reader: ObjectReader) throws(Rejection) -> ShadowNote {
        var note = ShadowNote(cause: nil)
        if let id = try reader.text("id", bytesMax: textMax) {
            note.cause = .init(id: id, type: try reader.text("type") ?? "", time: try reader.requiredTime("time"))
        }
        if let orderID = try reader.identifier("order_id") {
            if let shipmentID = try reader.identifier("shipment_id") {
                note.shipped = .init(
                    shipmentID: shipmentID, orderID: orderID, location: try reader.identifier("location"),
                    dispatchedAt: try reader.requiredTime("dispatched_at"))
            } else {
                note.placed = .init(
                    orderID: orderID, placedAt: try reader.requiredTime("placed_at"), lines: try lines(reader))
            }
        }
        if let list = reader.document.value("effects", of: reader.object), reader.document[list].kind == .array {
            for effect in try elements(reader.document, list) {
                note.effects.append(
                    .init(
                        kind: try effect.text("kind") ?? "", cause: try effect.text("cause", bytesMax: textMax) ?? "",
                        time: try effect.requiredTime("time"), orderID: try effect.requiredIdentifier("order_id"),
                        location: try effect.identifier("location"), lines: try lines(effect)))
            }
        }
        return note
    }

    private static func lines(_ reader: ObjectReader) throws(Rejection) -> [ShadowNote.Line] {
        try reader.requiredLines(max: .max) { (line, _) throws(Rejection) in
            ShadowNote.Line(
                lineID: try line.requiredIdentifier("line_id"), sku: try line.requiredIdentifier("sku"),
                quantity: try line.quantity(), promisedAt: try line.time("promised_at"))
        }
    }
}
