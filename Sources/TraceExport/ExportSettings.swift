/// Where spans are sent and how, from the environment variables that OpenTelemetry defines for all programs.
public struct ExportSettings: Sendable {
    public var address: CollectorAddress
    /// Sent with every request; may hold secrets, never told.
    public var headers: [(name: String, value: String)] = []
    /// One request, from the first byte to the last.
    public var timeoutMilliseconds = 10_000
    /// Spans that wait to be sent, at most; what is more is dropped.
    public var queueMax = 2_048
    /// Spans in one request, at most.
    public var batchMax = 512
    /// How long a span waits for others to be sent with.
    public var delayMilliseconds = 5_000
    public var sampler = Sampler(ratio: 1, followsSender: true)
    /// What all spans are of.
    public var resource: [(name: String, value: String)] = []

    public init(address: CollectorAddress) { self.address = address }

    /// Why there are no traces though they were asked for.
    public struct Fault: Error, Sendable, Equatable {
        /// What is wrong and what to do, in one line.
        public let message: String
    }

    /// What the environment asks for; nil: no traces. `warnings`: what of it is not understood, and what is done instead.
    public static func read(
        _ environment: [String: String], worker: String, version: String
    ) throws(Fault) -> (settings: ExportSettings, warnings: [String])? {
        // Empty is not set, as OpenTelemetry wants it.
        let found = environment.filter { !$0.value.isEmpty }
        if found["OTEL_SDK_DISABLED"]?.lowercased() == "true" { return nil }
        if found["OTEL_TRACES_EXPORTER"] == "none" { return nil }
        var reader = Reader(found: found)
        guard let address = try reader.address() else { return nil }
        var settings = ExportSettings(address: address)
        if let exporter = found["OTEL_TRACES_EXPORTER"], exporter != "otlp" {
            reader.warnings.append("OTEL_TRACES_EXPORTER: only otlp and none are known; otlp is used")
        }
        if let encoding = reader.either("PROTOCOL"), encoding != "http/json" {
            reader.warnings.append("OTEL_EXPORTER_OTLP_PROTOCOL: only http/json is known and is used")
        }
        settings.headers = reader.pairs(reader.eitherName("HEADERS"))
        settings.timeoutMilliseconds = reader.number(reader.eitherName("TIMEOUT"), 10_000, in: 1...600_000)
        settings.queueMax = reader.number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, in: 1...1_000_000)
        settings.batchMax = min(
            settings.queueMax, reader.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, in: 1...10_000))
        settings.delayMilliseconds = reader.number("OTEL_BSP_SCHEDULE_DELAY", 5_000, in: 1...600_000)
        settings.sampler = reader.sampler()
        settings.resource = reader.resource(worker: worker, version: version)
        return (settings, reader.warnings)
    }

    private struct Reader {
        let found: [String: String]
        var warnings: [String] = []

        /// The variable for traces alone wins over the one for all signals.
        func eitherName(_ name: String) -> String {
            let own = "OTEL_EXPORTER_OTLP_TRACES_\(name)"
            return found[own] == nil ? "OTEL_EXPORTER_OTLP_\(name)" : own
        }

        func either(_ name: String) -> String? { found[eitherName(name)] }

        func address() throws(Fault) -> CollectorAddress? {
            let name = eitherName("ENDPOINT")
            guard let text = found[name] else { return nil }
            do throws(CollectorAddress.Wrong) {
                return try CollectorAddress(text, appending: name == "OTEL_EXPORTER_OTLP_ENDPOINT" ? "/v1/traces" : "")
            } catch {
                throw Fault(message: "\(name): \(error.why); no traces are sent")
            }
        }

        mutating func number(_ name: String, _ otherwise: Int, in range: ClosedRange<Int>) -> Int {
            guard let text = found[name] else { return otherwise }
            if let number = Int(text), range.contains(number) { return number }
            warnings.append(
                "\(name): a number from \(range.lowerBound) to \(range.upperBound) is wanted; \(otherwise) is used")
            return otherwise
        }

        /// `name=value,name=value`, values with %XX.
        mutating func pairs(_ name: String) -> [(name: String, value: String)] {
            var pairs: [(name: String, value: String)] = []
            for part in (found[name] ?? "").split(separator: ",") {
                let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let key = halves[0].trimmed
                guard halves.count == 2, !key.isEmpty, let value = percentDecoded(halves[1].trimmed),
                    !(key + value).utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
                else {
                    warnings.append("\(name): entry \(pairs.count + 1) is not name=value, and is passed over")
                    continue
                }
                pairs.append((key, value))
            }
            return pairs
        }

        mutating func sampler() -> Sampler {
            let name = found["OTEL_TRACES_SAMPLER"] ?? "parentbased_always_on"
            let followsSender = name.hasPrefix("parentbased_")
            switch followsSender ? String(name.dropFirst(12)) : name {
            case "always_on": return Sampler(ratio: 1, followsSender: followsSender)
            case "always_off": return Sampler(ratio: 0, followsSender: followsSender)
            case "traceidratio":
                let text = found["OTEL_TRACES_SAMPLER_ARG"] ?? "1"
                if let ratio = Double(text), (0...1).contains(ratio) {
                    return Sampler(ratio: ratio, followsSender: followsSender)
                }
                warnings.append("OTEL_TRACES_SAMPLER_ARG: a number from 0 to 1 is wanted; 1 is used")
                return Sampler(ratio: 1, followsSender: followsSender)
            default:
                warnings.append(
                    "OTEL_TRACES_SAMPLER: always_on, always_off and traceidratio are known, also with parentbased_ before "
                        + "it; parentbased_always_on is used")
                return Sampler(ratio: 1, followsSender: true)
            }
        }

        mutating func resource(worker: String, version: String) -> [(name: String, value: String)] {
            var resource = [
                (name: "service.name", value: "backorderd"), (name: "service.version", value: version),
                (name: "service.instance.id", value: worker), (name: "telemetry.sdk.language", value: "swift"),
            ]
            func set(_ name: String, _ value: String) {
                resource.removeAll { $0.name == name }
                resource.append((name, value))
            }
            for entry in pairs("OTEL_RESOURCE_ATTRIBUTES") { set(entry.name, entry.value) }
            if let service = found["OTEL_SERVICE_NAME"] { set("service.name", service) }
            return resource
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var rest = self
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}

private func percentDecoded(_ text: String) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard rest.count >= 2, let number = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
            return nil
        }
        rest = rest.dropFirst(2)
        bytes.append(number)
    }
    return String(validating: bytes, as: UTF8.self)
}
