import Foundation
import InventoryCore
import Testing

@testable import MessageSchema

@Suite struct SchemaTests {
    @Test func everyTypeHasItsSchema() throws {
        #expect(messageTypes.count == 14)
        #expect(Set(messageTypes).isSuperset(of: InputType.allCases.map(\.rawValue)))
        for type in messageTypes {
            let text = try #require(jsonSchema(for: type))
            let schema = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
            #expect(schema["title"] as? String == type)
        }
        #expect(jsonSchema(for: "order-lost") == nil)
    }

    @Test func theDocumentHoldsTogether() throws {
        let text = asyncAPI()
        let document = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(document["asyncapi"] as? String == "3.0.0")
        #expect((document["operations"] as? [String: Any])?.count == 14)
        for part in text.components(separatedBy: "\"$ref\": \"#/").dropFirst() {
            var node: Any? = document
            for name in part.prefix(while: { $0 != "\"" }).split(separator: "/") {
                node = (node as? [String: Any])?[String(name)]
            }
            #expect(node != nil, "\(part.prefix(60))")
        }
    }

    /// The samples carry every key of the table, so that the table and the decoder are held together.
    @Test func samplesCarryEveryKey() throws {
        for (type, body) in Samples.all {
            _ = try decode(body)
            let message = try #require(messageTable.first { $0.type == type.rawValue })
            for field in message.fields { #expect(body[field.name] != nil, "\(type.rawValue) \(field.name)") }
        }
    }
}
