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
        try configuration.checkMappings(source: source)
        return configuration
    }

    /// Finds all that is wrong with the mappings, of inputs and of outputs, in the order of the file.
    func checkMappings(source: String) throws(ConfigurationError) {
        var problems: [Problem] = []
        do throws(ConfigurationError) { _ = try decodeOptions(source: source) } catch { problems += error.problems }
        do throws(ConfigurationError) { _ = try outputMapping(source: source) } catch { problems += error.problems }
        if let error = ConfigurationError(inFileOrder(problems)) { throw error }
    }

    private func inFileOrder(_ problems: [Problem]) -> [Problem] {
        problems.sorted { ($0.line ?? 0, $0.column ?? 0) < ($1.line ?? 0, $1.column ?? 0) }
    }

    /// What is published in place of the contract's outputs; nil: they are.
    ///
    /// - Parameter source: what error lines call the file.
    func outputMapping(source: String = "configuration") throws(ConfigurationError) -> OutputMapping? {
        guard let map = broker.outputMap else { return nil }
        let mapping: OutputMapping
        do throws(MapFaults) {
            mapping = try OutputMapping(map.tree)
        } catch {
            if let problems = ConfigurationError(error.faults.map({ $0.problem(source, "broker.output.map") })) {
                throw problems
            }
            return nil
        }
        let wrong = mapping.exchanges.filter { $0.name == broker.deadLetter.exchange }.map { exchange in
            Problem(
                source: source, line: exchange.place?.line, column: exchange.place?.column, key: "broker.output.map",
                cause: "\(shellQuoted(exchange.name)) is also the dead-letter exchange", remedy: "name another exchange"
            )
        }
        if let error = ConfigurationError(wrong) { throw error }
        return mapping
    }

    /// Writes outputs as this configuration has them.
    func outputEncoder() throws(ConfigurationError) -> OutputEncoder { OutputEncoder(mapping: try outputMapping()) }

    /// The exchanges of the output's mapping. A mapping that is wrong has none: whoever starts work has it checked.
    var mappedExchanges: [String] { (try? outputMapping())?.exchanges.map(\.name) ?? [] }

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
        if let error = ConfigurationError(inFileOrder(problems)) { throw error }
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
