import InventoryCore

/// Makes a plan of what the operator wrote, and finds what can be found to be wrong before the first message.
struct MapCompiler {
    /// In place of a message type: messages of that kind are passed over.
    static let skipType = "skip"

    struct Entry {
        var key: String
        var place: MapPlace?
        var tree: MapTree
        /// The entry stands in the part of one type, and has to be right for it.
        var isOfType: Bool
    }

    let pinnedType: InputType?
    var parts = MapParts()
    private(set) var faults: [MapFault] = []
    /// Under which key of the mapping a fault is told: a type's own part.
    var section = ""
    /// What pointers can find in the output that is mapped; nil: it is an input, and nobody knows.
    var outputScope: OutputScope?

    init(pinnedType: InputType?) {
        self.pinnedType = pinnedType
    }

    mutating func fail(_ place: MapPlace?, _ key: String, _ cause: String, _ remedy: String) {
        let full = section.isEmpty ? key : key.isEmpty ? section : "\(section).\(key)"
        let fault = MapFault(at: place, key: full, cause: cause, remedy: remedy)
        if !faults.contains(fault) { faults.append(fault) }
    }

    /// - Returns: nil where nothing can be made of it; `faults` then says why.
    mutating func compile(_ tree: MapTree) -> MapPlan? {
        guard case .map(let pairs) = tree.value, !pairs.isEmpty else {
            fail(
                tree.place, "", "\(tree.described) maps nothing", "write it as {order_id: /order/number}, or remove it")
            return nil
        }
        var common: [Entry] = []
        var sections: [(type: InputType, place: MapPlace?, entries: [Entry], filter: MapTree?)] = []
        var typeTree: MapTree?
        var filterTree: MapTree?
        var unwraps: [MapUnwrap] = []
        for (key, keyPlace, value) in pairs {
            if key == "type" {
                typeTree = value
            } else if key == "skip" {
                filterTree = value
            } else if key == "unwrap" {
                unwraps = self.unwraps(value)
            } else if let type = InputType(rawValue: key) {
                guard case .map(let inner) = value.value else {
                    fail(
                        value.place, key, "\(value.described) is not a map",
                        "write the fields of \(key) as {order_id: /id}")
                    continue
                }
                let entries = inner.filter { $0.key != "skip" }.map {
                    Entry(key: $0.key, place: $0.keyPlace, tree: $0.value, isOfType: true)
                }
                sections.append((type, keyPlace, entries, inner.first { $0.key == "skip" }?.value))
            } else {
                common.append(Entry(key: key, place: keyPlace, tree: value, isOfType: false))
            }
        }
        let (type, certain) = typeValue(typeTree)
        let known = certain ?? []
        if certain != nil {
            for section in sections where !known.contains(section.type) {
                fail(
                    section.place, section.type.rawValue, "no message gets this type",
                    "remove it, or name it in type (\(known.map(\.rawValue).joined(separator: ", ")))")
            }
        }
        let possible = certain ?? InputType.allCases
        var shapes: [InputType: MapShape] = [:]
        var filters: [InputType: MapFilter] = [:]
        var usedKeys: Set<String> = []
        var incomplete: (type: InputType, missing: String)?
        for type in possible {
            let own = sections.first { $0.type == type }
            let ownKeys = Set(own?.entries.map(\.key) ?? [])
            let entries = common.filter { !ownKeys.contains($0.key) } + (own?.entries ?? [])
            for key in ownKeys { usedKeys.insert(key) }
            let isCertain = certain != nil || own != nil
            let shaped = shape(of: type, entries, &usedKeys)
            if let missing = shaped.missing {
                if isCertain {
                    fail(
                        own?.place ?? tree.place, missing, "is missing: \(type.rawValue) needs it",
                        "add \(missing): and the JSON pointer of it, or {value: …}")
                } else if incomplete == nil {
                    incomplete = (type, missing)
                }
                continue
            }
            shapes[type] = shaped.shape
            if let filter = own?.filter { filters[type] = self.filter(filter, "skip", isElement: false) }
        }
        for entry in common where !usedKeys.contains(entry.key) {
            let words = possible.flatMap { MapCompiler.keys(of: $0) }
            let near = nearestWord(entry.key, among: words + possible.map(\.rawValue))
            fail(entry.place ?? entry.tree.place, entry.key, "unknown field", "did you mean \(near)?")
        }
        if shapes.isEmpty, faults.isEmpty {
            let missing = incomplete.map { "\($0.missing) of \($0.type.rawValue)" } ?? "fields"
            fail(
                tree.place, "", "no type has all that it needs, e.g. \(missing) is missing",
                "pin the input's type, or map it")
        }
        let filter = filterTree.map { self.filter($0, "skip", isElement: false) } ?? MapFilter()
        return MapPlan(
            parts, shapes: shapes, type: type, typeOrigin: typeTree.map(MapCompiler.origin) ?? "type", filter: filter,
            filterByType: filters, unwraps: unwraps)
    }

    // MARK: The type

    /// - Returns: where it comes from, and which types can come of it; nil: any.
    private mutating func typeValue(_ tree: MapTree?) -> (MapValue?, certain: [InputType]?) {
        guard let tree else { return (nil, pinnedType.map { [$0] }) }
        if let pinnedType {
            fail(
                tree.place, "type", "is mapped, and the input's type is pinned to \(pinnedType.rawValue)",
                "keep one of them")
            return (nil, [pinnedType])
        }
        if let word = tree.scalarText, let type = InputType(rawValue: word) {
            return (MapValue(source: .constant(parts.constant(tree) ?? MapCompiler.nothing)), [type])
        }
        let value = value(tree, "type", .messageType, isElement: false)
        guard let words = typeWords(tree) else { return (value, nil) }
        var types: [InputType] = []
        for (word, place) in words where word != MapCompiler.skipType {
            if let type = InputType(rawValue: word) {
                if !types.contains(type) { types.append(type) }
            } else {
                let near = nearestWord(word, among: InputType.allCases.map(\.rawValue) + [MapCompiler.skipType])
                fail(place, "type", "\(quoted(word)) is no message type", "did you mean \(near)?")
            }
        }
        if let table = value?.table, table.otherwise == nil, types.isEmpty, faults.isEmpty {
            fail(tree.place, "type", "every message is passed over", "name at least one message type")
        }
        return (value, faults.isEmpty ? types : nil)
    }

    /// All words that the type can become, if they can be known.
    private func typeWords(_ tree: MapTree) -> [(String, MapPlace?)]? {
        guard case .map(let pairs) = tree.value else { return nil }
        var words: [(String, MapPlace?)] = []
        var isTable = false
        for (key, _, value) in pairs {
            switch (key, value.value) {
            case ("is", .map(let rows)):
                isTable = true
                words += rows.map { ($0.value.scalarText ?? "", $0.value.place) }
            case ("any", .list(let trees)):
                // Each of them a word, with when beside it: the first that holds.
                for tree in trees {
                    guard case .map(let inner) = tree.value, let word = inner.first(where: { $0.key == "value" }) else {
                        return nil
                    }
                    words.append((word.value.scalarText ?? "", word.value.place))
                }
                isTable = true
            case ("value", _):
                isTable = true
                words.append((value.scalarText ?? "", value.place))
            case ("else", _), ("default", _): words.append((value.scalarText ?? "", value.place))
            default: break
            }
        }
        return isTable ? words : nil
    }

    // MARK: Shapes

    static func fields(of type: InputType) -> [Field] {
        (messageTable.first { $0.type == type.rawValue && $0.direction == .input }?.fields ?? []).filter {
            $0.name != "type"
        }
    }

    /// Every key that a mapping may have for a type.
    static func keys(of type: InputType) -> [String] {
        fields(of: type).flatMap { field -> [String] in
            switch field.kind {
            case .list(let inner, _, _): [field.name] + inner.map { "\(field.name)[].\($0.name)" }
            case .object(let inner): [field.name] + inner.map { "\(field.name).\($0.name)" }
            default: [field.name]
            }
        }
    }

    private mutating func shape(
        of type: InputType, _ entries: [Entry], _ used: inout Set<String>
    ) -> (shape: MapShape, missing: String?) {
        var made: [(member: MapMember, key: String, origin: String)] = []
        var missing: String?
        func need(_ key: String) { if missing == nil { missing = key } }
        let names = Set(MapCompiler.keys(of: type))
        for entry in entries
        where names.contains(entry.key) || entry.key.hasPrefix("customer.") && names.contains("customer") {
            used.insert(entry.key)
        }
        for entry in entries where entry.isOfType && !names.contains(entry.key) && !entry.key.hasPrefix("customer.") {
            section = type.rawValue
            let near = nearestWord(entry.key, among: names.sorted())
            fail(
                entry.place ?? entry.tree.place, entry.key, "unknown field of \(type.rawValue)", "did you mean \(near)?"
            )
            section = ""
        }
        for field in MapCompiler.fields(of: type) {
            let direct = entries.first { $0.key == field.name }
            switch field.kind {
            case .list(let inner, _, let rule):
                let prefix = "\(field.name)[]."
                let own = entries.filter { $0.key.hasPrefix(prefix) }
                guard let direct else {
                    if field.isRequired || !own.isEmpty { need(field.name) }
                    continue
                }
                section = direct.isOfType ? type.rawValue : ""
                var elements: [(member: MapMember, key: String, origin: String)] = []
                for field in inner {
                    guard let entry = own.first(where: { $0.key == prefix + field.name }) else {
                        if field.isRequired { need(prefix + field.name) }
                        continue
                    }
                    if let member = member(field.name, field.kind, entry, isElement: true) { elements.append(member) }
                }
                let has = Set(own.map { String($0.key.dropFirst(prefix.count)) })
                switch rule {
                case .anyOf(let names)?, .oneOf(let names)?:
                    if !names.contains(where: { has.contains($0) }) { need(prefix + (names.last ?? "")) }
                case nil: break
                }
                let shape = parts.shape(elements)
                if let list = list(direct, name: field.name, shape) { made.append(list) }
                section = ""
            case .object(let inner):
                let own = entries.filter { $0.key.hasPrefix("\(field.name).") }
                if direct != nil, !own.isEmpty {
                    fail(
                        own[0].place, own[0].key, "stands beside \(field.name), which is mapped as a whole",
                        "map the whole, or its parts")
                } else if let direct {
                    if let member = member(field.name, field.kind, direct, isElement: false) { made.append(member) }
                } else if !own.isEmpty {
                    let rows = own.map { (path: $0.key.split(separator: ".").dropFirst().map(String.init), entry: $0) }
                    made.append(object(field.name, field.name, rows, inner))
                }
            default:
                guard let direct else {
                    if field.isRequired { need(field.name) }
                    continue
                }
                if let member = member(field.name, field.kind, direct, isElement: false) { made.append(member) }
            }
        }
        return (parts.shape(made), missing)
    }

    /// An object that is made of its parts: customer, reorder.
    private mutating func object(
        _ name: String, _ key: String, _ rows: [(path: [String], entry: Entry)], _ fields: [Field]
    ) -> (member: MapMember, key: String, origin: String) {
        var members: [(member: MapMember, key: String, origin: String)] = []
        var done: Set<String> = []
        for (path, entry) in rows {
            guard let first = path.first, done.insert(first).inserted else { continue }
            let same = rows.filter { $0.path.first == first }
            if same.count == 1, path.count == 1 {
                let kind = fields.first { $0.name == first }?.kind
                if let member = member(first, kind ?? .object([]), entry, isElement: false, isFree: kind == nil) {
                    members.append(member)
                }
            } else if same.contains(where: { $0.path.count == 1 }) {
                fail(entry.place, entry.key, "is mapped as a whole and in parts", "map the whole, or its parts")
            } else {
                let inner = same.map { (path: Array($0.path.dropFirst()), entry: $0.entry) }
                members.append(object(first, "\(key).\(first)", inner, []))
            }
        }
        let (range, isEscaped) = parts.name(name)
        let member = MapMember(
            name: range, nameIsEscaped: isEscaped, takesContainers: true, keepsNull: false,
            content: .object(parts.shape(members)))
        return (member, key, "its parts")
    }

    private mutating func member(
        _ name: String, _ kind: Field.Kind, _ entry: Entry, isElement: Bool, isFree: Bool = false
    ) -> (member: MapMember, key: String, origin: String)? {
        guard let value = value(entry.tree, entry.key, isFree ? nil : kind, isElement: isElement) else { return nil }
        let (range, isEscaped) = parts.name(name)
        var takesContainers = isFree
        if case .object = kind { takesContainers = true }
        let content: MapMember.Content
        if case .pointer(let pointer) = value.source, value.isPlain {
            content = .plain(pointer)
        } else {
            parts.values.append(value)
            content = .value(Int32(parts.values.count - 1))
        }
        // Of `backorder_limit` null says something: there is no limit.
        let member = MapMember(
            name: range, nameIsEscaped: isEscaped, takesContainers: takesContainers,
            keepsNull: isFree || name == "backorder_limit", content: content)
        return (member, entry.key, MapCompiler.origin(entry.tree))
    }

    /// Where the elements of a list are, and which of them are passed over.
    mutating func places(_ entry: Entry) -> (places: [MapPointer], from: MapTree, filter: MapFilter)? {
        var from = entry.tree
        var filter = MapFilter()
        if case .map(let pairs) = entry.tree.value {
            var found: MapTree?
            var skip: MapTree?
            for (key, place, value) in pairs {
                switch key {
                case "from": found = value
                case "skip": skip = value
                default:
                    let near = nearestWord(key, among: ["from", "skip"])
                    fail(place, "\(entry.key).\(key)", "unknown key", "did you mean \(near)?")
                }
            }
            guard let found else {
                fail(entry.tree.place, entry.key, "has no from", "write it as {from: /items}")
                return nil
            }
            from = found
            if let skip {
                outputScope?.enter(from)
                filter = self.filter(skip, "\(entry.key).skip", isElement: true)
                outputScope?.leave()
            }
        }
        let trees: [MapTree] = if case .list(let list) = from.value { list } else { [from] }
        let places = trees.compactMap { pointer($0, entry.key, allowsMany: true) }
        guard places.count == trees.count, !places.isEmpty else {
            if trees.isEmpty { fail(from.place, entry.key, "is empty", "name the place of the lines: /items") }
            return nil
        }
        return (places, from, filter)
    }

    mutating func list(
        _ entry: Entry, name: String, _ element: MapShape, isOfValues: Bool = false
    ) -> (member: MapMember, key: String, origin: String)? {
        guard let (places, from, filter) = places(entry) else { return nil }
        parts.lists.append(MapList(places: places, element: element, filter: filter, isOfValues: isOfValues))
        let (range, isEscaped) = parts.name(name)
        let member = MapMember(
            name: range, nameIsEscaped: isEscaped, takesContainers: false, keepsNull: false,
            content: .list(Int32(parts.lists.count - 1)))
        return (member, entry.key, MapCompiler.origin(from))
    }

    static let nothing = JSONNode(start: 0, end: 0, next: 0, kind: .null)
}

/// The word that is nearest to one that is not known, by the fewest letters to change.
func nearestWord(_ word: String, among words: [String]) -> String {
    func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var previous = row[0]
            row[0] = index + 1
            for column in right.indices {
                let cost = min(row[column + 1] + 1, row[column] + 1, previous + (byte == right[column] ? 0 : 1))
                previous = row[column + 1]
                row[column + 1] = cost
            }
        }
        return row[right.count]
    }
    let bytes = Array(word.utf8.prefix(200))
    return words.min { distance(bytes, Array($0.utf8)) < distance(bytes, Array($1.utf8)) } ?? "order_id"
}
