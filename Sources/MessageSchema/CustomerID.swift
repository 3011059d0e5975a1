public import InventoryCore

extension Customer {
    /// The member `id` of the customer as received; nil: there is none. Never the contact.
    public var id: String? {
        var json = json
        return json.withUTF8 { bytes in
            try? JSONDocument.withParsed(bytes) { document in
                guard document[0].kind == .object, let index = document.value("id", of: 0) else { return nil }
                switch document[index].kind {
                case .string: return document.string(index)
                case .number: return document.written(index)
                default: return nil
                }
            }
        }
    }
}
