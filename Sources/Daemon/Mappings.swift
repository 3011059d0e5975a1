import ArgumentParser
import Configuration
import InventoryCore
import MessageSchema

extension Configuration {
    /// The configuration of this process with its mappings checked: whoever starts work has them right.
    static func loadChecked(file: String?, overrides: Overrides) throws(ConfigurationError) -> Configuration {
        let environment = currentEnvironment()
        let configuration = try load(file: file, environment: environment, overrides: overrides)
        let source = path(file: file, environment: environment) ?? defaultPath
        _ = try configuration.decodeOptions(source: source)
        return configuration
    }

    /// What the decoder is told of each input queue.
    ///
    /// - Parameter source: what error lines call the file.
    func decodeOptions(source: String = "configuration") throws(ConfigurationError) -> [String: DecodeOptions] {
        var options: [String: DecodeOptions] = [:]
        var problems: [Problem] = []
        for (index, input) in broker.inputs.enumerated() {
            let type = input.type.flatMap { InputType(rawValue: $0) }
            var mapping: FieldMapping?
            if let map = input.map {
                do throws(MapFaults) {
                    mapping = try FieldMapping(map.tree, pinnedType: type)
                } catch {
                    problems += error.faults.map { $0.problem(source, "broker.inputs[\(index)].map") }
                }
            }
            options[input.queue] = DecodeOptions(
                pinnedType: type, linesMax: limits.lines, messageBytesMax: limits.messageBytes, mapping: mapping)
        }
        let ordered = problems.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) }
        if let error = ConfigurationError(ordered) { throw error }
        return options
    }
}

extension Configuration {
    /// What the decoder is told of one input; nil: of none. Exits where there is no such input.
    func decodeOptions(ofInput queue: String?) throws -> DecodeOptions? {
        guard let queue else { return nil }
        if let options = try decodeOptions()[queue] { return options }
        let known = broker.inputs.map(\.queue).joined(separator: ", ")
        complain("backorderd: no input reads the queue \(queue); there is \(known)")
        throw ExitCode(ExitStatus.badConfiguration)
    }
}

extension Configuration.Mapping {
    /// The same for the message schema, which says what it means.
    var tree: MapTree {
        let made: MapTree.Value =
            switch value {
            case .text(let text): .text(text)
            case .number(let digits): .number(digits)
            case .flag(let flag): .flag(flag)
            case .null: .null
            case .list(let elements): .list(elements.map(\.tree))
            case .map(let entries):
                .map(
                    entries.map {
                        (key: $0.key, keyPlace: MapPlace(line: $0.line, column: $0.column ?? 1), value: $0.value.tree)
                    })
            }
        return MapTree(made, at: MapPlace(line: line, column: column ?? 1))
    }
}

extension MapFault {
    func problem(_ source: String, _ key: String) -> Problem {
        Problem(
            source: source, line: place?.line, column: place?.column,
            key: self.key.isEmpty ? key : "\(key).\(self.key)",
            cause: cause, remedy: remedy)
    }
}
