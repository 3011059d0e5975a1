import BackOrderStore
import Configuration
import Logging
import Operations
import TraceExport
import Worker

/// Traces of a running daemon: spans of the pipeline on their way to a collector, if the environment names one.
final class Traces: Sendable {
    /// What the pipeline tells its spans to.
    let spans: PipelineSpans
    private let exporter: SpanExporter

    /// nil: no traces are asked for, or none can be sent, which the log says. Never a reason not to start.
    static func start(
        _ environment: [String: String], _ configuration: Configuration, _ logger: Logger
    ) -> Traces? {
        do throws(ExportSettings.Fault) {
            let read = try ExportSettings.read(
                environment, worker: WorkerName.own, version: BackorderdCommand.version)
            guard let read else { return nil }
            for warning in read.warnings { logger.warning("\(warning)") }
            logger.notice("traces are sent to \(read.settings.address.text)")
            return Traces(read.settings, configuration, logger)
        } catch {
            logger.error("\(error.message)")
            return nil
        }
    }

    private init(_ settings: ExportSettings, _ configuration: Configuration, _ logger: Logger) {
        let exporter = SpanExporter(settings, version: BackorderdCommand.version, logger: logger)
        self.exporter = exporter
        spans = PipelineSpans(
            OTLPTracer(sampler: settings.sampler) { exporter.offer($0) },
            .init(
                databaseSystem: configuration.store.databaseSystem, outputExchange: configuration.broker.output,
                deadLetterExchange: configuration.broker.deadLetter.exchange))
        exporter.start()
    }

    /// For the tracker of the outbox to tell.
    var segmentConfirmed: @Sendable (OutboxSegmentID) -> Void {
        { [spans] segment in spans.confirmed(segment) }
    }

    /// Tells what is left, for so long at most.
    func stop() {
        spans.end()
        exporter.stop(withinMilliseconds: Self.stopMilliseconds)
    }

    private static let stopMilliseconds = 2_000

    /// Of a daemon that sends no traces they are there, too, and 0.
    static func families(_ traces: Traces?) -> [MetricFamily] {
        [
            .init(.counter, "backorderd_spans_exported_total", "Spans of traces that the collector took.") {
                [.init([], Double(traces?.exporter.spansSent ?? 0))]
            },
            .init(
                .counter, "backorderd_spans_dropped_total", "Spans of traces that the collector did not get, by cause.",
                labels: ["cause"]
            ) {
                SpanExporter.Drop.allCases.map {
                    .init([$0.rawValue], Double(traces?.exporter.spansDropped($0) ?? 0))
                } + [.init(["unconfirmed"], Double(traces?.spans.spansGivenUp ?? 0))]
            },
        ]
    }
}

extension Configuration.Store {
    /// As OpenTelemetry calls it; nil: none.
    fileprivate var databaseSystem: String? {
        switch self {
        case .memory: nil
        case .sqlite: "sqlite"
        case .postgres: "postgresql"
        }
    }
}
