import Configuration
import InventoryCore
import MessageSchema

@testable import Daemon

/// An input with a mapping, as a configuration file has it.
struct MappedInput {
    let options: DecodeOptions

    /// - Parameters:
    ///   - map: the lines under `map:`, as YAML.
    init(type: String? = nil, _ map: String) throws {
        let yaml = MappedInput.file(type: type, map)
        let configuration = try Configuration.parse(Array(yaml.utf8), named: "f")
        options = try configuration.decodeOptions(source: "f")["q"] ?? DecodeOptions()
    }

    static func file(type: String?, _ map: String) -> String {
        let lines = map.split(separator: "\n").map { "        \($0)" }.joined(separator: "\n")
        let pinned = type.map { "      type: \($0)\n" } ?? ""
        return "broker:\n  inputs:\n    - queue: q\n\(pinned)      map:\n\(lines)\n"
    }

    /// What is wrong with a mapping, one line for each cause; the map begins on line 5, or 6 behind a type.
    static func problems(type: String? = nil, _ map: String) -> [String] {
        do {
            _ = try MappedInput(type: type, map)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    func read(_ body: String, envelope: Envelope = Envelope()) -> Reading {
        Decoder().read(
            Array(body.utf8), envelope: envelope, arrival: Instant(microseconds: 1_000_000), options: options)
    }

    func message(_ body: String, envelope: Envelope = Envelope()) -> DecodedMessage? {
        if case .message(let message) = read(body, envelope: envelope) { message } else { nil }
    }

    /// The rejection's reason and detail, or what else became of it.
    func rejection(_ body: String, envelope: Envelope = Envelope()) -> String {
        switch read(body, envelope: envelope) {
        case .message(let message): "read: \(message.message.input)"
        case .rejected(let rejection): "\(rejection.reason.rawValue): \(rejection.detail)"
        case .skipped(let cause): "skipped: \(cause)"
        }
    }
}
