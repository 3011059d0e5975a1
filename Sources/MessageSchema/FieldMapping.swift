public import InventoryCore

/// How the messages of one input, which come in somebody else's shape, are read: made once from the configuration, used
/// by any number of threads.
public struct FieldMapping: Sendable {
    let plan: MapPlan

    /// - Parameters:
    ///   - tree: the `map` of an input, as the operator wrote it.
    ///   - pinnedType: the `type` of that input.
    /// - Throws: everything that can be found to be wrong before the first message, in the order of the file.
    public init(_ tree: MapTree, pinnedType: InputType? = nil) throws(MapFaults) {
        var compiler = MapCompiler(pinnedType: pinnedType)
        let plan = compiler.compile(tree)
        guard let plan, compiler.faults.isEmpty else { throw MapFaults(faults: compiler.faults) }
        self.plan = plan
    }
}

/// What is wrong with a mapping. Never empty.
public struct MapFaults: Error, Sendable, Equatable {
    public var faults: [MapFault]
}

/// What comes beside the body, by the names that mappings use.
struct MapAttributes {
    var envelope: Envelope
    /// The attributes of a structured event: the document and its outermost object.
    var event: (document: JSONDocument, root: Int)?

    static let properties = [
        "type", "id", "time", "source", "subject", "routing_key", "content_type",
    ]

    func property(_ name: String) -> String? {
        if let found = eventAttribute(name) ?? envelope.attribute(name) { return found }
        switch name {
        case "type": return envelope.type
        case "id": return envelope.messageID
        case "time": return envelope.timestamp.map { "\($0)" }
        case "content_type": return envelope.contentType
        case "routing_key": return envelope.routingKey
        default: return nil
        }
    }

    func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return envelope.headers.first { $0.name == name || $0.name.lowercased() == wanted }?.value
    }

    private func eventAttribute(_ name: String) -> String? {
        guard let event else { return nil }
        var name = name
        return name.withUTF8 { bytes in
            guard let index = event.document.member(bytes, of: event.root), event.document[index].kind == .string
            else { return nil }
            return event.document.string(index)
        }
    }
}

/// One field as it was read, for people.
public struct MappedField: Sendable, Equatable {
    /// As the contract calls it, `lines[0].sku`.
    public var key: String
    /// As JSON.
    public var value: String
    /// A JSON pointer into the message, or what the mapping says where there is none.
    public var origin: String
}

extension DecoderCall {
    /// A foreign message, by the input's mapping, through the same rules as our own.
    func mapped(_ document: JSONDocument, _ plan: MapPlan) throws(Rejection) -> Reading {
        try withMade(document, plan) { (made, builder, trace) throws(Rejection) -> Reading in
            switch made {
            case .skipped(let cause): return .skipped(cause)
            case .rejected(let rejection): return .rejected(builder.told(rejection))
            case .message(let attributes):
                return try builder.withDocument { (document) throws(Rejection) -> Reading in
                    do throws(Rejection) {
                        let attributes = try completed(attributes, from: document)
                        return .message(try content(document, JSONDocument.root, attributes, trace: trace))
                    } catch {
                        return .rejected(builder.told(builder.located(error, in: document)))
                    }
                }
            }
        }
    }

    /// What each field was read from. Empty where the mapping itself failed.
    func fields(_ document: JSONDocument, _ plan: MapPlan) throws(Rejection) -> [MappedField] {
        try withMade(document, plan) { (made, builder, _) throws(Rejection) -> [MappedField] in
            guard case .message = made else { return [] }
            return try builder.withDocument { (document) throws(Rejection) -> [MappedField] in
                builder.fields(of: document)
            }
        }
    }

    enum Made {
        case message(Attributes)
        case skipped(String)
        case rejected(Rejection)
    }

    private func withMade<Value>(
        _ document: JSONDocument, _ plan: MapPlan,
        _ body: (Made, borrowing MapBuilder, TraceContext?) throws(Rejection) -> Value
    ) throws(Rejection) -> Value {
        let root = JSONDocument.root
        // A list is no event.
        let form = document[root].kind == .object ? envelope.form(of: root, in: document) : .native
        switch form {
        case .native: return try with(document, root, plan, event: nil, trace: envelope.trace { _ in nil }, body)
        case .binary:
            let trace = envelope.trace { envelope.attribute($0) }
            return try with(document, root, plan, event: nil, trace: trace, body)
        case .structured:
            let trace = structuredTrace(document, root)
            return try withData(of: root, in: document) { (inner, data) throws(Rejection) -> Value in
                try with(inner, data, plan, event: (document, root), trace: trace, body)
            }
        }
    }

    @inline(__always)
    private func with<Value>(
        _ document: JSONDocument, _ root: Int, _ plan: MapPlan, event: (document: JSONDocument, root: Int)?,
        trace: TraceContext?, _ body: (Made, borrowing MapBuilder, TraceContext?) throws(Rejection) -> Value
    ) throws(Rejection) -> Value {
        let sources = MapAttributes(envelope: envelope, event: event)
        if !plan.unwraps.isEmpty {
            let unwrapped = UnwrappedDocument(document, root: root, plan)
            return try unwrapped.withDocument { (document) throws(Rejection) -> Value in
                var builder = MapBuilder(plan, document, root, sources, linesMax: options.linesMax)
                builder.faults = unwrapped.faults
                let made = make(plan, &builder, event)
                return try body(made, builder, trace)
            }
        }
        var builder = MapBuilder(plan, document, root, sources, linesMax: options.linesMax)
        let made = make(plan, &builder, event)
        return try body(made, builder, trace)
    }

    private func make(
        _ plan: MapPlan, _ builder: inout MapBuilder, _ event: (document: JSONDocument, root: Int)?
    ) -> Made {
        do throws(MapStop) {
            if !plan.filter.isEmpty, let cause = builder.passes(plan.filter) { throw .skipped(cause) }
            let type = try type(plan, &builder)
            if !plan.filterByType.isEmpty, let filter = plan.filterByType[type], let cause = builder.passes(filter) {
                throw .skipped(cause)
            }
            guard let shape = plan.shapes[type] else {
                throw .rejected(Rejection(.unknownType, "type: \(quoted(type.rawValue)) has no mapping"))
            }
            try builder.build(shape)
            return .message(try attributes(type, event))
        } catch {
            switch error {
            case .skipped(let cause): return .skipped(cause)
            case .rejected(let rejection): return .rejected(rejection)
            }
        }
    }

    private func type(_ plan: MapPlan, _ builder: inout MapBuilder) throws(MapStop) -> InputType {
        if let pinned = options.pinnedType { return pinned }
        do throws(Rejection) {
            guard let value = plan.type else {
                guard let name = builder.attributes.property("type"), !name.isEmpty else {
                    throw Rejection(.unknownType, "type: is missing")
                }
                return try messageType(name, mayHavePrefix: true)
            }
            guard let made = try builderValue(value, &builder) else {
                throw Rejection(.unknownType, "type: is missing (nothing at \(plan.typeOrigin))")
            }
            guard let text = builder.plainText(made.node) else {
                let place = place(of: made, builder)
                throw Rejection(.unknownType, "type: \(builder.shown(made.node)), a message type is needed\(place)")
            }
            if text == MapCompiler.skipType { throw Rejection(.unknownType, MapCompiler.skipType) }
            do throws(Rejection) {
                return try messageType(text, mayHavePrefix: true)
            } catch {
                throw Rejection(error.reason, error.detail + place(of: made, builder))
            }
        } catch {
            if error.detail == MapCompiler.skipType { throw .skipped("type is skip, from \(plan.typeOrigin)") }
            throw .rejected(error)
        }
    }

    /// For people: slow.
    private func place(of made: MapBuilder.Made, _ builder: borrowing MapBuilder) -> String {
        made.origin >= 0 ? " (at \(builder.source.pointer(to: Int(made.origin))))" : ""
    }

    private func builderValue(_ value: PlanValue, _ builder: inout MapBuilder) throws(Rejection) -> MapBuilder.Made? {
        do throws(MapStop) {
            return try builder.value(value, member: -1)
        } catch {
            switch error {
            case .rejected(let rejection): throw rejection
            case .skipped(let cause): throw Rejection(.invalid, cause)
            }
        }
    }

    /// What the event says of itself; the mapping and the AMQP properties come later.
    private func attributes(
        _ type: InputType, _ event: (document: JSONDocument, root: Int)?
    ) throws(MapStop) -> Attributes {
        do throws(Rejection) {
            if let event {
                let reader = ObjectReader(event.document, event.root)
                return Attributes(type: type, id: try reader.identifier("id")?.text, time: try reader.time("time"))
            }
            return try attributesInHeaders(type, fillsFromProperties: false)
        } catch {
            throw .rejected(error)
        }
    }

    /// What the mapping found wins.
    private func completed(_ given: Attributes, from document: JSONDocument) throws(Rejection) -> Attributes {
        var attributes = given
        let reader = ObjectReader(document, JSONDocument.root)
        if let id = try reader.identifier("id") { attributes.id = id.text }
        if let time = try reader.time("time") { attributes.time = time }
        try fillFromProperties(&attributes)
        return attributes
    }
}

extension Decoder {
    /// How a body is read, field by field, each with the pointer it came from; of our own shape, too. Slow: for people.
    ///
    /// - Returns: empty where the message could not be taken apart; `read` says why.
    public func fields(
        _ body: [UInt8], envelope: Envelope, arrival: Instant, options: DecodeOptions = DecodeOptions()
    ) -> [MappedField] {
        let call = DecoderCall(envelope: envelope, arrival: arrival, options: options)
        let fields = body.withUnsafeBufferPointer { bytes -> [MappedField]? in
            do throws(Rejection) {
                return try JSONDocument.withParsed(bytes) { (document) throws(Rejection) -> [MappedField] in
                    guard call.isReadable(document) else { return [] }
                    if let mapping = options.mapping { return try call.fields(document, mapping.plan) }
                    return document.leaves { document.pointer(to: $0) }
                }
            } catch {
                return nil
            }
        }
        return fields ?? []
    }
}
