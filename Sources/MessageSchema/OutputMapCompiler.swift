import InventoryCore

/// Makes plans of what the operator wrote about outputs, one for each of the contract's routing keys, and finds what is
/// wrong before the first message.
struct OutputMapCompiler {
    /// An entry of a body: where it goes, and what it is made of.
    private struct Row {
        var path: ArraySlice<PointerText.Token>
        var entry: MapCompiler.Entry
        /// The part of the mapping that it stands in.
        var level: Level
    }

    /// Whom a part of the mapping is for: all outputs, those of a type, those of a kind.
    private struct Level {
        var key: String
        var settings: [(key: String, keyPlace: MapPlace?, value: MapTree)]
        var rows: [Row] = []
        var isSkipped = false
    }

    private static let settings = [
        "exchange", "routing_key", "type", "envelope", "source", "subject", "headers", "body", "without", "skip",
    ]

    var compiler = MapCompiler(pinnedType: nil)
    private var levels: [String: Level] = [:]
    /// The names of exchanges, each once.
    var exchanges: [(name: String, place: MapPlace?)] = []

    /// The settings that only events have, and whether they come to one.
    private var ofEvents: [String: Bool] = [:]

    var faults: [MapFault] { compiler.faults }

    // MARK: Outputs

    static let types = messageTable.filter { $0.direction == .output }.map(\.type)

    /// By the contract's routing key, its type.
    static let routingKeys: [(key: String, type: String)] = types.flatMap { type in
        type == "customer-notification"
            ? NotificationKind.allCases.map { ("\(type).\($0.rawValue)", type) } : [(type, type)]
    }

    /// What the outputs that a part speaks of can hold.
    private static func fields(of key: String) -> [Field] {
        var merged: [Field] = []
        let types = types.filter { key.isEmpty || key == $0 || key.hasPrefix("\($0).") }
        let kind = key.split(separator: ".").dropFirst().first.map(String.init)
        for message in messageTable where message.direction == .output && types.contains(message.type) {
            for var field in message.fields {
                if field.name == "type" { field.kind = .choice(types) }
                if field.name == "kind", let kind { field.kind = .choice([kind]) }
                if !merged.contains(where: { $0.name == field.name }) { merged.append(field) }
            }
        }
        return merged
    }

    // MARK: Compiling

    mutating func compile(_ tree: MapTree) -> [String: OutputPlan] {
        guard case .map(let pairs) = tree.value, !pairs.isEmpty else {
            compiler.fail(
                tree.place, "", "\(tree.described) maps nothing",
                "write it as {customer-notification: {body: {number: /order_id}}}, or remove it")
            return [:]
        }
        var common = Level(key: "", settings: [])
        let sections = Self.types + Self.routingKeys.map(\.key).filter { !Self.types.contains($0) }
        for (key, place, value) in pairs {
            if Self.settings.contains(key) {
                common.settings.append((key, place, value))
            } else if sections.contains(key) {
                add(section: key, value)
            } else {
                let near = nearestWord(key, among: sections + Self.settings)
                compiler.fail(place, key, "unknown key", "did you mean \(near)?")
            }
        }
        add(common)
        var plans: [String: OutputPlan] = [:]
        for (key, type) in Self.routingKeys {
            let chain = (key == type ? [key, ""] : [key, type, ""]).compactMap { levels[$0] }
            if let plan = plan(chain) { plans[key] = plan }
        }
        checkEventSettings()
        return plans
    }

    private mutating func add(section key: String, _ value: MapTree) {
        var level = Level(key: key, settings: [])
        switch value.value {
        case .text(MapCompiler.skipType): level.isSkipped = true
        case .map(let pairs) where !pairs.isEmpty:
            for (name, place, value) in pairs {
                if Self.settings.contains(name) {
                    level.settings.append((name, place, value))
                } else {
                    compiler.fail(
                        place, "\(key).\(name)", "unknown key",
                        "did you mean \(nearestWord(name, among: Self.settings))? Fields go under body")
                }
            }
        default:
            compiler.fail(
                value.place, key, "\(value.described) says nothing of it", "write {body: {…}}, or skip to publish none")
        }
        add(level)
    }

    /// Takes the rows of its body apart, once.
    private mutating func add(_ level: Level) {
        var level = level
        compiler.section = level.key
        if let (_, _, body) = level.settings.first(where: { $0.key == "body" }) {
            if case .map(let pairs) = body.value, !pairs.isEmpty {
                for (key, place, value) in pairs {
                    let entry = MapCompiler.Entry(key: "body.\(key)", place: place, tree: value, isOfType: true)
                    do throws(PointerFault) {
                        let path = try OutputTarget.path(key)
                        if level.rows.contains(where: { $0.path == path[...] }) {
                            throw PointerFault(cause: "stands there already", remedy: "keep one of them")
                        }
                        level.rows.append(
                            Row(path: path[...], entry: entry, level: Level(key: level.key, settings: [])))
                    } catch {
                        compiler.fail(place, entry.key, error.cause, error.remedy)
                    }
                }
            } else {
                compiler.fail(body.place, "body", "\(body.described) has no fields", "write {number: /order_id}")
            }
        }
        compiler.section = ""
        levels[level.key] = level
    }

    /// - Parameter chain: the parts that speak of an output, the most special first.
    private mutating func plan(_ chain: [Level]) -> OutputPlan? {
        guard let first = chain.first(where: { $0.isSkipped || !$0.settings.isEmpty }) else { return nil }
        if first.isSkipped { return OutputPlan(isSkipped: true) }
        compiler.parts = MapParts()
        var plan = OutputPlan()
        /// Hands a setting to `read` in the scope of its part.
        func setting(_ name: String, _ read: (inout Self, MapTree) -> Void) {
            for level in chain {
                guard let found = level.settings.first(where: { $0.key == name }) else { continue }
                within(level) { read(&$0, found.value) }
                return
            }
        }
        setting("envelope") { compiler, tree in compiler.envelope(tree).map { plan.envelope = $0 } }
        setting("exchange") { compiler, tree in plan.exchange = compiler.exchange(tree) }
        setting("routing_key") { compiler, tree in
            compiler.value(tree, "routing_key").map { plan.routingKey = $0 }
            plan.fixedRoutingKey = Self.fixed(tree)
        }
        setting("type") { $0.value($1, "type").map { plan.type = $0 } }
        setting("subject") { $0.value($1, "subject").map { plan.subject = $0 } }
        setting("source") { compiler, tree in
            guard let text = compiler.text(tree, "source", bytesMax: 1024) else { return }
            plan.source = text
        }
        for name in ["source", "subject"] {
            guard let level = chain.first(where: { $0.settings.contains { $0.key == name } }) else { continue }
            let key = level.key.isEmpty ? name : "\(level.key).\(name)"
            ofEvents[key, default: false] = ofEvents[key] ?? false || plan.envelope != .native
        }
        setting("headers") { compiler, tree in plan.headers = compiler.headers(tree) }
        var filter = MapFilter()
        setting("skip") { filter = $0.compiler.filter($1, "skip", isElement: false) }
        setting("without") { plan.without = $0.without($1) }
        let rows = rows(chain)
        if !rows.isEmpty {
            setting("without") { $0.fail($1, "without", "trims the contract's body, and there is a body", "remove it") }
            let made = members(rows, "")
            plan.body = compiler.parts.shape(made)
        }
        plan.map = MapPlan(
            compiler.parts, shapes: [:], type: nil, typeOrigin: "", filter: filter, filterByType: [:],
            isOfOutput: true)
        return plan
    }

    /// A text that is the same for all outputs.
    private static func fixed(_ tree: MapTree) -> String? {
        switch tree.value {
        case .text(let text) where !PointerText.isPointer(text): text
        case .map(let pairs) where pairs.count == 1 && pairs[0].key == "value": pairs[0].value.scalarText
        default: nil
        }
    }

    private mutating func checkEventSettings() {
        for level in levels.values {
            for (name, place, _) in level.settings {
                let key = level.key.isEmpty ? name : "\(level.key).\(name)"
                guard ofEvents[key] == false else { continue }
                compiler.fail(
                    place, key, "is of CloudEvents, and the envelope is native",
                    "add envelope: cloudevents, or remove it")
            }
        }
    }

    private mutating func within(_ level: Level, _ body: (inout Self) -> Void) {
        compiler.section = level.key
        compiler.outputScope = OutputScope(Self.fields(of: level.key))
        body(&self)
        compiler.section = ""
        compiler.outputScope = nil
    }

    mutating func fail(_ tree: MapTree, _ key: String, _ cause: String, _ remedy: String) {
        compiler.fail(tree.place, key, cause, remedy)
    }

    // MARK: Bodies

    /// All that is said of a body: a more special part's word wins, place by place.
    private func rows(_ chain: [Level]) -> [Row] {
        var rows: [Row] = []
        for level in chain.reversed() {
            for row in level.rows {
                if let index = rows.firstIndex(where: { $0.path == row.path }) {
                    rows[index] = row
                } else {
                    rows.append(row)
                }
            }
        }
        return rows
    }

    private typealias Member = (member: MapMember, key: String, origin: String)

    /// The members of one object. Rows are those that go into it, their paths beginning at it.
    private mutating func members(_ rows: [Row], _ lists: String) -> [Member] {
        var made: [Member] = []
        var done: Set<String> = []
        for row in rows {
            guard case .key(let name)? = row.path.first, done.insert(name).inserted else { continue }
            let same = rows.filter { $0.path.first == row.path.first }.map { row in
                var row = row
                row.path = row.path.dropFirst()
                return row
            }
            if let member = member(name, same, lists) { made.append(member) }
        }
        return made
    }

    private mutating func member(_ name: String, _ rows: [Row], _ lists: String) -> Member? {
        let whole = rows.first { $0.path.isEmpty }
        let parts = rows.filter { if case .key? = $0.path.first { true } else { false } }
        let elements = rows.filter { $0.path.first == .each }.map { row in
            var row = row
            row.path = row.path.dropFirst()
            return row
        }
        if let part = parts.first, let other = whole ?? elements.first {
            let row = part.entry.place.map { $0.line } ?? 0 >= other.entry.place.map { $0.line } ?? 0 ? part : other
            return told(row, "is mapped as a whole and in parts", "map the whole, or its parts")
        }
        if !parts.isEmpty {
            let members = members(parts, lists)
            return (member(name, .object(compiler.parts.shape(members))), "body", "its parts")
        }
        if let first = elements.first {
            guard let whole else {
                return told(first, "has no list", "say where its elements are: \(name): /lines")
            }
            return list(name, whole, elements, lists)
        }
        guard let whole else { return nil }
        var found: Member?
        enter(whole, isElement: !lists.isEmpty) { compiler in found = compiler.plain(name, whole, !lists.isEmpty) }
        return found
    }

    private mutating func list(_ name: String, _ whole: Row, _ elements: [Row], _ lists: String) -> Member? {
        let own = elements.filter { $0.path.isEmpty }
        if let first = own.first, elements.count > own.count {
            return told(first, "is mapped as a whole and in parts", "map the whole, or its parts")
        }
        if let deeper = elements.first(where: { $0.path.first == .each }) {
            return told(deeper, "is a list in a list without a name", "give the inner list a name")
        }
        let from: MapTree
        if case .map(let pairs) = whole.entry.tree.value {
            from = pairs.first { $0.key == "from" }?.value ?? whole.entry.tree
        } else {
            from = whole.entry.tree
        }
        entered.append(from)
        let inner: [Member] =
            if let own = own.first { member("", [own], "\(lists)[]").map { [$0] } ?? [] } else {
                members(elements, "\(lists)[]")
            }
        entered.removeLast()
        var found: Member?
        enter(whole, isElement: !lists.isEmpty) { compiler in
            if inner.isEmpty { return }
            let shape = compiler.compiler.parts.shape(inner)
            found = compiler.compiler.list(whole.entry, name: name, shape, isOfValues: !own.isEmpty)
        }
        return found
    }

    /// The lists that the row being compiled stands in, outermost first.
    private var entered: [MapTree] = []

    private mutating func enter(_ row: Row, isElement: Bool, _ body: (inout Self) -> Void) {
        within(row.level) { compiler in
            for from in compiler.entered { compiler.compiler.outputScope?.enter(from) }
            body(&compiler)
        }
    }

    private mutating func plain(_ name: String, _ row: Row, _ isElement: Bool) -> Member? {
        guard let value = compiler.value(row.entry.tree, row.entry.key, nil, isElement: isElement) else { return nil }
        let content: MapMember.Content
        if case .pointer(let pointer) = value.source, value.isPlain {
            content = .plain(pointer)
        } else {
            compiler.parts.values.append(value)
            content = .value(Int32(compiler.parts.values.count - 1))
        }
        return (member(name, content), row.entry.key, MapCompiler.origin(row.entry.tree))
    }

    private mutating func member(_ name: String, _ content: MapMember.Content) -> MapMember {
        let (range, isEscaped) = compiler.parts.name(name)
        return MapMember(
            name: range, nameIsEscaped: isEscaped, takesContainers: true, keepsNull: true, content: content)
    }

    private mutating func told(_ row: Row, _ cause: String, _ remedy: String) -> Member? {
        compiler.section = row.level.key
        compiler.fail(row.entry.place, row.entry.key, cause, remedy)
        compiler.section = ""
        return nil
    }
}
