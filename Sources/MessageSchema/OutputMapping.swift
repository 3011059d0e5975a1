import InventoryCore

/// How outputs are published where somebody else's shape is wanted: made once from the configuration, used by any
/// number of threads. A pure function of the contract's own output.
public struct OutputMapping: Sendable {
    /// By the contract's routing key; absent: as the contract has it.
    private let plans: [String: OutputPlan]
    /// Every exchange that the mapping names, in the order of the file.
    public let exchanges: [(name: String, place: MapPlace?)]

    /// - Parameter tree: the `map` of the output, as the operator wrote it.
    /// - Throws: everything that is wrong with it, in the order of the file.
    public init(_ tree: MapTree) throws(MapFaults) {
        var compiler = OutputMapCompiler()
        plans = compiler.compile(tree)
        exchanges = compiler.exchanges.sorted { left, right in
            (left.place?.line ?? 0, left.place?.column ?? 0) < (right.place?.line ?? 0, right.place?.column ?? 0)
        }
        guard compiler.faults.isEmpty else {
            let ordered = compiler.faults.enumerated().sorted {
                ($0.element.place?.line ?? 0, $0.element.place?.column ?? 0, $0.offset)
                    < ($1.element.place?.line ?? 0, $1.element.place?.column ?? 0, $1.offset)
            }
            throw MapFaults(faults: ordered.map(\.element))
        }
    }

    /// Where the outputs of one of the contract's routing keys go.
    public struct Route: Sendable, Equatable {
        /// The contract's routing key.
        public var output: String
        /// nil: the output exchange.
        public var exchange: String?
        /// nil: it is made of each output.
        public var routingKey: String?
    }

    /// Of all outputs that go another way than the contract has it, by the contract's routing keys, ascending.
    public var routes: [Route] {
        plans.sorted { $0.key < $1.key }.compactMap { key, plan in
            guard !plan.isSkipped, plan.exchange != nil || plan.routingKey != nil else { return nil }
            let own = plan.routingKey == nil ? key : plan.fixedRoutingKey
            return Route(output: key, exchange: plan.exchange, routingKey: own)
        }
    }

    /// - Returns: what is published in place of the contract's own; nil: a filter passes it over.
    func applied(to native: EncodedOutput) -> EncodedOutput? {
        guard let plan = plans[native.routingKey] else { return native }
        guard let map = plan.map, !plan.isSkipped else { return nil }
        return native.body.withUnsafeBufferPointer { bytes in
            var parser = JSONParser(text: bytes, depthMax: OutputPlan.depthMax)
            // We wrote it: it is JSON, and no deeper than what came in and what a mapping wrapped around that.
            guard let nodes = try? parser.parse() else { return native }
            return nodes.withUnsafeBufferPointer { nodes in
                let document = JSONDocument(text: bytes, nodes: nodes)
                var making = OutputMaking(plan, map, native, document)
                return making.made()
            }
        }
    }
}

/// What is made of the outputs of one routing key.
struct OutputPlan: Sendable {
    enum Envelope: String, CaseIterable, Sendable {
        case native
        case structured = "cloudevents"
        case binary = "cloudevents-binary"
    }

    struct HeaderValue: Sendable {
        var name: String
        var value: PlanValue
    }

    /// Deeper than anything that comes of an input and its mapping.
    static let depthMax = 1_024
    /// Of the AMQP properties that are short texts.
    static let shortTextMax = 255
    /// Of a header: all of them together have to go into one frame.
    static let headerBytesMax = 1_024
    /// Ours, and RabbitMQ's: it closes the channel over a CC or BCC that is no list, whenever it is published again.
    static let reservedHeaders: Set<String> = ["traceparent", "tracestate", "CC", "BCC", "x-death", "x-delivery-count"]

    var isSkipped = false
    var envelope = Envelope.native
    var source = "/backorderd"
    var exchange: String?
    var routingKey: PlanValue?
    /// The same for all; nil: it is made of each output, or the contract's.
    var fixedRoutingKey: String?
    var type: PlanValue?
    var subject: PlanValue?
    var headers: [HeaderValue] = []
    /// nil: the contract's own body, without what stands in `without`.
    var body: MapShape?
    /// Names from the outermost object inwards; lists are gone through.
    var without: [[[UInt8]]] = []
    /// Tables that all of these are indexes of, with the filter. nil: it is passed over as a whole.
    var map: MapPlan?
}

/// One output on its way into its other shape.
private struct OutputMaking: ~Copyable {
    let plan: OutputPlan
    let native: EncodedOutput
    let document: JSONDocument
    var builder: MapBuilder

    init(_ plan: OutputPlan, _ map: MapPlan, _ native: EncodedOutput, _ document: JSONDocument) {
        self.plan = plan
        self.native = native
        self.document = document
        let beside = Envelope(type: native.type, messageID: native.id, routingKey: native.routingKey)
        builder = MapBuilder(
            map, document, JSONDocument.root, MapAttributes(envelope: beside, event: nil), linesMax: Int(Int32.max))
    }

    mutating func made() -> EncodedOutput? {
        if !builder.plan.filter.isEmpty, builder.passes(builder.plan.filter) != nil { return nil }
        var output = native
        output.exchange = plan.exchange
        if let value = plan.routingKey, let text = text(value, bytesMax: OutputPlan.shortTextMax) {
            output.routingKey = text
        }
        if let value = plan.type, let text = text(value, bytesMax: OutputPlan.shortTextMax) { output.type = text }
        for header in plan.headers {
            if let text = text(header.value, bytesMax: OutputPlan.headerBytesMax) {
                output.headers.append(.init(name: header.name, value: text))
            }
        }
        let subject = plan.subject.flatMap { text($0, bytesMax: OutputPlan.headerBytesMax) }
        switch plan.envelope {
        case .native: output.body = body()
        case .structured:
            output.contentType = "application/cloudevents+json"
            output.body = structured(output, subject)
        case .binary:
            output.body = body()
            for (name, value) in attributes(output, subject) where name != "datacontenttype" {
                output.headers.append(.init(name: "cloudEvents:\(name)", value: value))
            }
        }
        return output
    }

    /// - Returns: nil where there is none that can stand there.
    private mutating func text(_ value: PlanValue, bytesMax: Int) -> String? {
        guard let made = try? builder.value(value, member: -1), made.node.kind != .null,
            let text = builder.plainText(made.node), !text.isEmpty, text.utf8.count <= bytesMax, text.isPrintable
        else { return nil }
        return text
    }

    // MARK: CloudEvents

    private func attributes(_ output: EncodedOutput, _ subject: String?) -> [(String, String)] {
        let time = document.value("time", of: JSONDocument.root).map { document.string($0) }
        let found: [(String, String?)] = [
            ("specversion", "1.0"), ("id", output.id), ("source", plan.source), ("type", output.type),
            ("subject", subject), ("time", time), ("datacontenttype", "application/json"),
            ("traceparent", output.traceparent), ("tracestate", output.tracestate),
        ]
        return found.compactMap { name, value in value.map { (name, $0) } }
    }

    private mutating func structured(_ output: EncodedOutput, _ subject: String?) -> [UInt8] {
        let data = body()
        var writer = JSONWriter(capacity: data.count + 512)
        writer.openObject()
        for (name, value) in attributes(output, subject) { writer.member(named: name, value) }
        writer.member("data", json: data)
        writer.closeObject()
        return writer.bytes
    }

    // MARK: Bodies

    /// What an event says of itself does not stand in its data again; as the contract has it of inputs.
    private static let ofTheEvent: [[[UInt8]]] = ["id", "type", "time"].map { [Array($0.utf8)] }

    private mutating func body() -> [UInt8] {
        guard let shape = plan.body else {
            let without = plan.without + (plan.envelope == .native ? [] : OutputMaking.ofTheEvent)
            if without.isEmpty { return native.body }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(native.body.count)
            document.appendCompact(JSONDocument.root, without: without, to: &bytes)
            return bytes
        }
        // Nothing of an output's plan is rejected: whatever can't be made is left out.
        guard (try? builder.build(shape)) != nil else { return native.body }
        return builder.text.withUnsafeBufferPointer { text in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(native.body.count + 128)
            JSONDocument(text: text, nodes: builder.nodes.all).appendCompact(JSONDocument.root, to: &bytes)
            return bytes
        }
    }
}

extension JSONDocument {
    /// A value without its white space and without what stands at some paths in it.
    fileprivate func appendCompact(_ index: Int, without paths: [[[UInt8]]], to bytes: inout [UInt8]) {
        let node = self[index]
        guard !paths.isEmpty, node.kind == .object || node.kind == .array else {
            return appendCompact(index, to: &bytes)
        }
        let isObject = node.kind == .object
        bytes.append(UInt8(ascii: isObject ? "{" : "["))
        var isFirst = true
        var child = index + 1
        while child < end(of: index) {
            let value = isObject ? child + 1 : child
            var deeper = paths
            if isObject {
                let own = paths.filter { $0[0].withUnsafeBufferPointer { isKey(child, $0) } }
                if own.contains(where: { $0.count == 1 }) {
                    child = next(after: value)
                    continue
                }
                deeper = own.map { Array($0.dropFirst()) }
            }
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            if isObject {
                appendCompact(child, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
            }
            appendCompact(value, without: deeper, to: &bytes)
            child = next(after: value)
        }
        bytes.append(UInt8(ascii: isObject ? "}" : "]"))
    }
}
