import Tracing

/// Spans as OTLP/HTTP wants them in JSON (opentelemetry-proto 1.x, `ExportTraceServiceRequest`).
enum OTLPText {
    /// - Parameter resource: what all spans are of: the service and its host.
    static func request(_ spans: [EndedSpan], resource: [(name: String, value: String)], version: String) -> [UInt8] {
        var text = JSONText(capacity: 256 + spans.count * 700)
        text.raw(#"{"resourceSpans":[{"resource":{"attributes":["#)
        for (index, entry) in resource.enumerated() {
            if index > 0 { text.raw(",") }
            attribute(entry.name, .string(entry.value), &text)
        }
        text.raw(#"]},"scopeSpans":[{"scope":{"name":"backorderd","version":"#)
        text.string(version)
        text.raw(#"},"spans":["#)
        for (index, span) in spans.enumerated() {
            if index > 0 { text.raw(",") }
            write(span, &text)
        }
        text.raw("]}]}]}")
        return text.bytes
    }

    private static func write(_ span: EndedSpan, _ text: inout JSONText) {
        text.raw("{")
        place(span.place, &text)
        if let state = span.place.state {
            text.raw(#","traceState":"#)
            text.string(state)
        }
        if let parent = span.parent { text.raw(#","parentSpanId":"\#(TraceParent.hex(parent))""#) }
        text.raw(#","name":"#)
        text.string(span.name)
        text.raw(#","kind":\#(kind(span.kind)),"startTimeUnixNano":"\#(span.from)","endTimeUnixNano":"\#(span.to)""#)
        attributes(span.attributes, &text)
        if !span.events.isEmpty {
            text.raw(#","events":["#)
            for (index, event) in span.events.enumerated() {
                text.raw(#"\#(index > 0 ? "," : ""){"timeUnixNano":"\#(event.nanosecondsSinceEpoch)","name":"#)
                text.string(event.name)
                attributes(event.attributes, &text)
                text.raw("}")
            }
            text.raw("]")
        }
        if !span.links.isEmpty {
            text.raw(#","links":["#)
            for (index, link) in span.links.enumerated() {
                text.raw(index > 0 ? ",{" : "{")
                place(link, &text)
                text.raw("}")
            }
            text.raw("]")
        }
        if let status = span.status {
            text.raw(#","status":{"code":\#(status.code == .error ? 2 : 1)"#)
            if let message = status.message {
                text.raw(#","message":"#)
                text.string(message)
            }
            text.raw("}")
        }
        text.raw("}")
    }

    private static func place(_ place: TraceParent, _ text: inout JSONText) {
        text.raw(
            #""traceId":"\#(TraceParent.hex(place.traceHigh))\#(TraceParent.hex(place.traceLow))","spanId":"\#(TraceParent.hex(place.span))""#
        )
    }

    private static func kind(_ kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    private static func attributes(_ attributes: SpanAttributes, _ text: inout JSONText) {
        if attributes.isEmpty { return }
        text.raw(#","attributes":["#)
        var isFirst = true
        attributes.forEach { name, value in
            if !isFirst { text.raw(",") }
            isFirst = false
            attribute(name, value, &text)
        }
        text.raw("]")
    }

    private static func attribute(_ name: String, _ value: SpanAttribute, _ text: inout JSONText) {
        text.raw(#"{"key":"#)
        text.string(name)
        text.raw(#","value":{"#)
        switch value {
        case .string(let value):
            text.raw(#""stringValue":"#)
            text.string(value)
        case .int32(let value): text.raw(#""intValue":"\#(value)""#)
        case .int64(let value): text.raw(#""intValue":"\#(value)""#)
        case .bool(let value): text.raw(#""boolValue":\#(value)"#)
        // JSON has no infinities.
        case .double(let value) where value.isFinite: text.raw(#""doubleValue":\#(value)"#)
        case .stringConvertible(let value):
            text.raw(#""stringValue":"#)
            text.string("\(value)")
        default:
            text.raw(#""stringValue":"#)
            text.string("\(value)")
        }
        text.raw("}}")
    }
}

/// JSON bytes.
struct JSONText {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                raw(#"\u00"#)
                raw(byte < 0x10 ? "0" : "1")
                raw(String(byte & 0xF, radix: 16))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
