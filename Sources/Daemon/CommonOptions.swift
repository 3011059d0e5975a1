import ArgumentParser
import Configuration
import Glibc

/// What every command that needs the configuration takes.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .long, help: "The configuration file (default: /etc/backorderd/backorderd.yaml, if it is there).",
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Option(name: .long, help: "The store's URL; wins over the file and the environment.")
    var store: String?

    @Option(name: .long, help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    /// The configuration, or an exit with code 78 and one line that says what is wrong and where.
    func load(brokerURLs: [String] = []) throws -> Configuration {
        do {
            return try Configuration.loadChecked(
                file: config,
                overrides: .init(
                    brokerURLs: brokerURLs.isEmpty ? nil : brokerURLs, storeURL: store, logLevel: logLevel))
        } catch {
            complain("\(error)")
            throw ExitCode(ExitStatus.badConfiguration)
        }
    }
}

/// Exit codes of the contract.
enum ExitStatus {
    static let failed: Int32 = 1
    static let usage: Int32 = 64
    static let rejectedLines: Int32 = 65
    static let notFound: Int32 = 66
    static let badConfiguration: Int32 = 78
}

/// One line for the person at the terminal, on standard error.
func complain(_ text: String) {
    writeAll(Array((text + "\n").utf8), to: STDERR_FILENO)
}

/// Writes everything, or answers false when the reader is gone.
@discardableResult
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
        var offset = 0
        while offset < buffer.count {
            let written = write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
            if written > 0 { offset += written } else if errno != EINTR { return false }
        }
        return true
    }
}

func currentEnvironment() -> [String: String] {
    var values: [String: String] = [:]
    var entry = environ
    while let pointer = entry.pointee {
        let text = String(cString: pointer)
        if let equals = text.firstIndex(of: "=") {
            values[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        entry = entry.advanced(by: 1)
    }
    return values
}
