import Foundation
import Synchronization
import Testing
import Tracing

@testable import TraceExport

@Suite struct OTLPTracerTests {
    private final class Taken: Sendable {
        let spans = Mutex<[EndedSpan]>([])
    }

    private struct Failure: Error {}

    private func tracer(_ sampler: Sampler = Sampler(ratio: 1, followsSender: true)) -> (OTLPTracer, Taken) {
        let taken = Taken()
        return (OTLPTracer(sampler: sampler) { span in taken.spans.withLock { $0.append(span) } }, taken)
    }

    @Test func childrenStayInTheTraceAndEndOnce() throws {
        let (tracer, taken) = tracer()
        var context = InstrumentationContext.topLevel
        context.traceParent = TraceParent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", state: "a=b")
        let outer = tracer.startSpan("outer", context: context, ofKind: .consumer)
        let inner = tracer.startSpan("inner", context: outer.context)
        #expect(inner.isRecording)
        inner.end()
        inner.end()
        inner.attributes["late"] = 1
        outer.end()
        let spans = taken.spans.withLock { $0 }
        #expect(spans.map(\.name) == ["inner", "outer"])
        #expect(spans[1].parent == 0xb7ad_6b71_6920_3331 && spans[0].parent == spans[1].place.span)
        #expect(spans.allSatisfy { $0.place.traceHigh == 0x0af7_6519_16cd_43dd && $0.place.state == "a=b" })
        #expect(spans[0].attributes.isEmpty && spans[0].from <= spans[0].to)
    }

    @Test func whatIsNotSampledRecordsNothingNorDoItsChildren() {
        let (tracer, taken) = tracer(Sampler(ratio: 0, followsSender: true))
        let outer = tracer.startSpan("outer", context: .topLevel)
        let inner = tracer.startSpan("inner", context: outer.context)
        #expect(!outer.isRecording && !inner.isRecording)
        inner.end()
        outer.end()
        #expect(taken.spans.withLock { $0.isEmpty })
    }

    @Test func theTextIsJSONWhateverIsInIt() throws {
        let (tracer, taken) = tracer()
        let span = tracer.startSpan("na\"me\\ \u{1} ☃", context: .topLevel, ofKind: .producer)
        span.attributes["text"] = "a\n\"b\""
        span.attributes["number"] = 42
        span.attributes["share"] = 0.5
        span.attributes["nan"] = Double.nan
        span.attributes["yes"] = true
        span.setStatus(SpanStatus(code: .error, message: "no \"way\""))
        span.recordError(Failure())
        span.addLink(SpanLink(context: span.context, attributes: [:]))
        span.end()
        let bytes = OTLPText.request(
            taken.spans.withLock { $0 }, resource: [("service.name", "a\\b")], version: "1")
        let request = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        let group = try #require((request["resourceSpans"] as? [[String: Any]])?.first)
        let scope = try #require((group["scopeSpans"] as? [[String: Any]])?.first)
        let found = try #require((scope["spans"] as? [[String: Any]])?.first)
        #expect(found["name"] as? String == "na\"me\\ \u{1} ☃" && found["kind"] as? Int == 4)
        #expect((found["status"] as? [String: Any])?["code"] as? Int == 2)
        #expect((found["events"] as? [Any])?.count == 1 && (found["links"] as? [Any])?.count == 1)
        var values: [String: [String: Any]] = [:]
        for entry in try #require(found["attributes"] as? [[String: Any]]) {
            values[try #require(entry["key"] as? String)] = entry["value"] as? [String: Any]
        }
        #expect(values["text"]?["stringValue"] as? String == "a\n\"b\"")
        // 64-bit numbers are strings in protobuf's JSON.
        #expect(values["number"]?["intValue"] as? String == "42")
        #expect(values["share"]?["doubleValue"] as? Double == 0.5 && values["yes"]?["boolValue"] as? Bool == true)
        #expect(values["nan"]?["stringValue"] != nil)
    }

    @Test func rejectedSpansAreReadFromTheAnswer() {
        func refused(_ text: String) -> Int { SpanExporter.refused(Array(text.utf8)) }
        #expect(refused("{}") == 0 && refused("") == 0 && refused(#"{"partialSuccess":{}}"#) == 0)
        #expect(refused(#"{"partialSuccess":{"rejectedSpans":"12"}}"#) == 12)
        #expect(refused(#"{"partialSuccess":{"rejectedSpans": 3, "errorMessage":"x"}}"#) == 3)
        #expect(refused(#"{"partialSuccess":{"rejectedSpans":-1}}"#) == 0)
    }
}
