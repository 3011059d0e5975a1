import ArgumentParser
import Configuration
import MessageSchema

/// `backorderd schema`: the contract, for machines.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of a message type, of all of them, or the AsyncAPI document.")

    @Argument(help: "A message type, e.g. order-placed or customer-notification. None: all, in one object.")
    var type: String?

    @Flag(name: .long, help: "Print the AsyncAPI 3 document instead.")
    var asyncapi = false

    func run() throws {
        if asyncapi {
            print(asyncAPI())
            return
        }
        guard let type else {
            let members = messageTypes.compactMap { name in jsonSchema(for: name).map { "\"\(name)\": \($0)" } }
            print("{\n" + members.joined(separator: ",\n") + "\n}")
            return
        }
        guard let schema = jsonSchema(for: type) else {
            let remedy =
                near(type, among: messageTypes).map { "did you mean \($0)?" }
                ?? "there are: \(messageTypes.joined(separator: ", "))"
            complain("backorderd: there is no message type \"\(TextTable.printable(type))\"; \(remedy)")
            throw ExitCode(ExitStatus.notFound)
        }
        print(schema)
    }
}
