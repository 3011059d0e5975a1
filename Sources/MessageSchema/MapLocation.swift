import InventoryCore

/// Where the values of a made message came from, for people. Slow: only asked for when something is wrong, or by `try`.
extension MapBuilder {
    /// A rejection of the made message with the pointer that found what is wrong, or where nothing was found.
    func located(_ rejection: Rejection, in document: JSONDocument) -> Rejection {
        guard let colon = rejection.detail.place(of: ": ") else { return rejection }
        let path = String(rejection.detail[..<colon])
        guard let place = place(of: path, in: document) else { return rejection }
        return Rejection(rejection.reason, "\(rejection.detail) (\(place))")
    }

    /// With why a text was not unwrapped, which may be the cause of it.
    func told(_ rejection: Rejection) -> Rejection {
        if faults.isEmpty { return rejection }
        return Rejection(rejection.reason, "\(rejection.detail); \(faults.joined(separator: "; "))")
    }

    private func place(of path: String, in document: JSONDocument) -> String? {
        var node = JSONDocument.root
        var element: Int?
        for part in path.split(separator: ".") {
            let pieces = part.split(separator: "[")
            guard let name = pieces.first else { return nil }
            var bytes = String(name)
            guard let found = bytes.withUTF8({ document.member($0, of: node) }) else {
                return missing(path, element)
            }
            node = found
            if pieces.count > 1 {
                guard let position = Int(pieces[1].dropLast()), document[node].kind == .array,
                    let found = document.element(position, of: node)
                else { return missing(path, element) }
                node = found
                element = found
            }
        }
        return described(node)
    }

    private func missing(_ path: String, _ element: Int?) -> String? {
        let key = path.withoutPositions
        guard let member = members(of: built).first(where: { plan.keys[$0] == key }) else {
            return "the mapping has no \(path.withoutPositions)"
        }
        let origin = plan.origins[member]
        if let element, nodes.origin(element) >= 0, origin.hasPrefix("/") {
            return "nothing at \(source.pointer(to: Int(nodes.origin(element))))\(origin)"
        }
        return "nothing at \(origin)\(origin.hasPrefix("[") ? ", or a blank text" : "")"
    }

    /// All members of what is made, those of its lists and objects too.
    private func members(of shape: MapShape) -> [Int] {
        (Int(shape.first)..<Int(shape.first + shape.count)).flatMap { index -> [Int] in
            switch plan.members.elements[index].content {
            case .plain, .value: [index]
            case .object(let inner): [index] + members(of: inner)
            case .list(let list): [index] + members(of: plan.lists.elements[Int(list)].element)
            }
        }
    }

    private func described(_ node: Int) -> String {
        let origin = nodes.origin(node)
        if origin >= 0 { return "at \(shownPointer(Int(origin)))" }
        let member = -2 - Int(origin)
        return plan.origins.indices.contains(member) ? "from \(plan.origins[member])" : "from the mapping"
    }

    private func shownPointer(_ node: Int) -> String {
        let pointer = source.pointer(to: node)
        return pointer.isEmpty ? "the message" : pointer
    }

    func fields(of document: JSONDocument) -> [MappedField] {
        document.leaves { node in
            let text = described(node)
            return text.hasPrefix("at ") ? String(text.dropFirst(3)) : text
        }
    }
}

extension JSONDocument {
    /// Every value that is neither list nor object, in the order of the text.
    func leaves(_ origin: (Int) -> String) -> [MappedField] {
        var fields: [MappedField] = []
        func walk(_ node: Int, _ key: String) {
            switch self[node].kind {
            case .array, .object:
                let isObject = self[node].kind == .object
                var child = node + 1
                var position = 0
                while child < end(of: node) {
                    let value = isObject ? child + 1 : child
                    let name = isObject ? shortened(string(child)) : "[\(position)]"
                    walk(value, isObject && !key.isEmpty ? "\(key).\(name)" : key + name)
                    child = next(after: value)
                    position += 1
                }
                if position == 0 {
                    fields.append(MappedField(key: key, value: isObject ? "{}" : "[]", origin: origin(node)))
                }
            default: fields.append(MappedField(key: key, value: shown(node), origin: origin(node)))
            }
        }
        walk(JSONDocument.root, "")
        return fields
    }
}

extension String {
    /// `lines[2].sku` as `lines[].sku`.
    fileprivate var withoutPositions: String {
        var text = ""
        var isInside = false
        for character in self {
            if character == "]" { isInside = false }
            if !isInside { text.append(character) }
            if character == "[" { isInside = true }
        }
        return text
    }

    /// The first place of a text in this one, by bytes.
    fileprivate func place(of other: String) -> String.Index? {
        var index = utf8.startIndex
        while index < utf8.endIndex {
            if utf8[index...].starts(with: other.utf8) { return index }
            index = utf8.index(after: index)
        }
        return nil
    }
}
