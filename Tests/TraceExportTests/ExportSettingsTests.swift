import Testing

@testable import TraceExport

@Suite struct ExportSettingsTests {
    private func read(_ environment: [String: String]) throws(ExportSettings.Fault) -> ExportSettings? {
        try ExportSettings.read(environment, worker: "w", version: "1")?.settings
    }

    private func warnings(_ environment: [String: String]) throws -> [String] {
        let environment = environment.merging(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1"]) { $1 }
        return try #require(try ExportSettings.read(environment, worker: "w", version: "1")).warnings
    }

    @Test func nothingIsSentUnlessAnEndpointIsNamed() throws {
        #expect(try read([:]) == nil)
        #expect(try read(["OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_ENDPOINT": ""]) == nil)
        let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1"]
        #expect(try read(endpoint.merging(["OTEL_SDK_DISABLED": "TRUE"]) { $1 }) == nil)
        #expect(try read(endpoint.merging(["OTEL_TRACES_EXPORTER": "none"]) { $1 }) == nil)
        #expect(try read(endpoint)?.address == CollectorAddress("http://h:1/v1/traces", appending: ""))
    }

    @Test func theVariableForTracesWinsAndIsTakenAsItIs() throws {
        let settings = try #require(
            try read([
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all:1",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1]:4318/x",
                "OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": " c = d%20e ,f=g=h",
                "OTEL_BSP_MAX_QUEUE_SIZE": "10",
            ]))
        #expect(settings.address.text == "http://[::1]:4318" && settings.address.path == "/x")
        #expect(settings.headers.map(\.name) == ["c", "f"] && settings.headers.map(\.value) == ["d e", "g=h"])
        #expect(settings.queueMax == 10 && settings.batchMax == 10)
    }

    @Test(arguments: [
        "localhost:4318", "https://h:4318", "grpc://h", "http://h:0", "http://h:x", "http://u:p@h:1",
        "http://h:1/a b", "http://h:1/\r\nX: y",
    ]) func whatIsNoAddressIsSaidWithoutTellingIt(_ text: String) throws {
        let fault = #expect(throws: ExportSettings.Fault.self) { try read(["OTEL_EXPORTER_OTLP_ENDPOINT": text]) }
        let message = try #require(fault).message
        #expect(message.hasPrefix("OTEL_EXPORTER_OTLP_ENDPOINT: ") && !message.contains(text))
    }

    @Test func whatIsNotUnderstoodIsSaid() throws {
        #expect(try warnings([:]).isEmpty)
        for (name, value) in [
            ("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"), ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0D%0Ab"), ("OTEL_RESOURCE_ATTRIBUTES", "=x"),
        ] {
            let said = try warnings([name: value])
            #expect(said.count == 1 && said[0].hasPrefix(name) && !said[0].contains("secret"), "\(name): \(said)")
        }
        #expect(try warnings(["OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"]).count == 1)
    }

    @Test func theSamplerFollowsTheSenderOrTheRatio() throws {
        let sampled = TraceParent(traceHigh: 1, traceLow: 1, span: 1, isSampled: true)
        let notSampled = TraceParent(traceHigh: 1, traceLow: 1, span: 1, isSampled: false)
        func sampler(_ name: String, _ argument: String = "") throws -> Sampler {
            try #require(
                try read([
                    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1", "OTEL_TRACES_SAMPLER": name,
                    "OTEL_TRACES_SAMPLER_ARG": argument,
                ])
            ).sampler
        }
        let usual = try sampler("")
        #expect(
            usual.takes(sampled, traceLow: 1) && !usual.takes(notSampled, traceLow: 1) && usual.takes(nil, traceLow: 1))
        let own = try sampler("parentbased_always_off")
        #expect(own.takes(sampled, traceLow: 1) && !own.takes(nil, traceLow: 1))
        #expect(try sampler("always_on").takes(notSampled, traceLow: 1))
        #expect(try !sampler("always_off").takes(sampled, traceLow: 1))
        let quarter = try sampler("traceidratio", "0.25")
        let taken = (0..<4_000).filter { _ in quarter.takes(sampled, traceLow: .random(in: .min ... .max)) }.count
        #expect((700...1_300).contains(taken))
    }
}
