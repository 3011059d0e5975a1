import InventoryCore

/// A mapping made ready: plain tables that a message walks through once. Immutable.
final class MapPlan: Sendable {
    /// The keys and constants that the plan writes, as JSON, behind each message's own text; and the names it looks for.
    let text: FixedTable<UInt8>
    let steps: FixedTable<MapStep>
    let members: FixedTable<MapMember>
    let places: FixedTable<MapPointer>
    let lists: FixedTable<PlanList>
    let values: FixedTable<PlanValue>
    let sources: FixedTable<PlanSource>
    let coercions: FixedTable<MapCoercion>
    let rows: FixedTable<PlanRow>
    let conditions: FixedTable<MapRun>
    let tests: FixedTable<PlanTest>
    let patterns: FixedTable<PlanPattern>
    let attributes: [MapAttribute]
    let tables: [PlanTable]
    let localTimes: [LocalTime]
    /// By test: what it looks at, for people.
    let testTexts: [String]
    /// By member: its key as the contract writes it, `lines[].sku`, and where its value comes from, as it was written.
    let keys: [String]
    let origins: [String]
    /// What is made of a message of each type; absent: the type can't come of this mapping.
    let shapes: [InputType: MapShape]
    /// Where the type comes from; nil: from the envelope, or it is pinned.
    let type: PlanValue?
    let typeOrigin: String
    /// Which messages are passed over, whatever their type.
    let filter: PlanFilter
    let filterByType: [InputType: PlanFilter]
    /// Texts that are JSON, and are read as what they hold.
    let unwraps: [MapUnwrap]
    /// A list of lines begins at the message itself: it may be a list.
    let takesLists: Bool
    /// An output is never rejected: what can't be made is left out, or what the operator named stands in.
    let isOfOutput: Bool

    init(
        _ parts: MapParts, shapes: [InputType: MapShape], type: MapValue?, typeOrigin: String, filter: MapFilter,
        filterByType: [InputType: MapFilter], unwraps: [MapUnwrap] = [], isOfOutput: Bool = false
    ) {
        var parts = parts
        values = FixedTable(parts.values.map { parts.pack($0) })
        lists = FixedTable(parts.lists.map { parts.pack($0) })
        self.type = type.map { parts.pack($0) }
        self.filter = parts.pack(filter)
        self.filterByType = filterByType.mapValues { parts.pack($0) }
        text = FixedTable(parts.text)
        steps = FixedTable(parts.steps)
        members = FixedTable(parts.members)
        places = FixedTable(parts.places)
        sources = FixedTable(parts.packed.sources)
        coercions = FixedTable(parts.packed.coercions)
        rows = FixedTable(parts.packed.rows)
        conditions = FixedTable(parts.packed.conditions)
        tests = FixedTable(parts.packed.tests)
        patterns = FixedTable(parts.packed.patterns)
        attributes = parts.packed.attributes
        tables = parts.packed.tables
        localTimes = parts.localTimes
        testTexts = parts.packed.testTexts
        keys = parts.keys
        origins = parts.origins
        self.shapes = shapes
        self.unwraps = unwraps
        let steps = parts.steps
        takesLists = parts.places.contains { place in
            guard place.count > 0 else { return false }
            let step = steps[Int(place.first)]
            return step.kind == .each || step.kind == .key && step.index >= 0
        }
        self.typeOrigin = typeOrigin
        self.isOfOutput = isOfOutput
    }
}

/// The tables while they are made.
struct MapParts {
    var text: [UInt8] = []
    var steps: [MapStep] = []
    var members: [MapMember] = []
    var lists: [MapList] = []
    var values: [MapValue] = []
    var keys: [String] = []
    var origins: [String] = []
    var places: [MapPointer] = []
    /// The first is UTC, in the usual form.
    var localTimes = [LocalTime(offset: 0)]
    var packed = PackedParts()

    /// A name, written as a JSON string; the range is what stands between the quotes.
    mutating func name(_ name: String) -> (range: MapRange, isEscaped: Bool) {
        var writer = JSONWriter(capacity: name.utf8.count + 2)
        writer.string(name)
        let start = text.count
        text += writer.bytes
        return (
            MapRange(start: Int32(start + 1), end: Int32(text.count - 1)), writer.bytes.count != name.utf8.count + 2
        )
    }

    /// Bytes that are only compared with, never written.
    mutating func bytes(_ string: String) -> MapRange {
        let start = text.count
        text += string.utf8
        return MapRange(start: Int32(start), end: Int32(text.count))
    }

    /// A constant as a node over the plan's text; nil for a list or a map.
    mutating func constant(_ tree: MapTree) -> JSONNode? {
        switch tree.value {
        case .text(let string):
            let (range, isEscaped) = name(string)
            return JSONNode(
                start: UInt32(range.start), end: UInt32(range.end), next: 0, kind: .string, isEscaped: isEscaped)
        case .number(let digits): return word(digits, .number)
        case .flag(let flag): return word(flag ? "true" : "false", flag ? .true : .false)
        case .null: return word("null", .null)
        case .list, .map: return nil
        }
    }

    private mutating func word(_ word: String, _ kind: JSONNode.Kind) -> JSONNode {
        let range = bytes(word)
        return JSONNode(start: UInt32(range.start), end: UInt32(range.end), next: 0, kind: kind)
    }

    mutating func pointer(_ parsed: PointerText) -> MapPointer {
        let first = steps.count
        for token in parsed.tokens {
            switch token {
            case .each: steps.append(MapStep(kind: .each, name: MapRange(start: 0, end: 0)))
            case .last: steps.append(MapStep(kind: .last, name: MapRange(start: 0, end: 0)))
            case .match(let name, let value):
                steps.append(
                    MapStep(kind: .match, name: bytes(name), value: bytes(value), index: MapStep.index(name)))
            case .key(let name): steps.append(MapStep(kind: .key, name: bytes(name), index: MapStep.index(name)))
            case .found: steps.append(MapStep(kind: .found, name: MapRange(start: 0, end: 0)))
            case .matchFound(let name):
                steps.append(MapStep(kind: .matchFound, name: bytes(name), index: MapStep.index(name)))
            }
        }
        return MapPointer(
            up: Int32(parsed.up), first: Int32(first), count: Int32(parsed.tokens.count),
            isMany: parsed.tokens.contains(.each))
    }

    /// Adds the members of one object, which then lie side by side in the table.
    mutating func shape(_ made: [(member: MapMember, key: String, origin: String)]) -> MapShape {
        let first = members.count
        for (member, key, origin) in made {
            members.append(member)
            keys.append(key)
            origins.append(origin)
        }
        return MapShape(first: Int32(first), count: Int32(made.count))
    }
}

/// The members of an object that a mapping makes: a run in the plan's table.
struct MapShape: BitwiseCopyable {
    var first: Int32
    var count: Int32
}

/// One member of an object that a mapping makes.
struct MapMember: BitwiseCopyable {
    enum Content: BitwiseCopyable {
        /// What a pointer finds, as it is.
        case plain(MapPointer)
        /// Anything else that makes a value: an index of the plan's values.
        case value(Int32)
        case object(MapShape)
        /// An index of the plan's lists.
        case list(Int32)
    }

    var name: MapRange
    var nameIsEscaped: Bool
    /// Lists and objects are taken over whole; else only their kind is told to the reader.
    var takesContainers: Bool
    /// null is taken over, and not as good as absent.
    var keepsNull: Bool
    var content: Content
}

/// A list that a mapping makes.
struct MapList: Sendable {
    /// Where its elements are, one place after the other.
    var places: [MapPointer]
    var element: MapShape
    var filter: MapFilter
    /// An element is not an object, but what the one member of `element` makes.
    var isOfValues = false
}

/// Where a value comes from, and what is made of it.
struct MapValue: Sendable {
    var source: MapSource
    var coercions: [MapCoercion] = []
    /// Whole numbers that are added and taken off, coerced alike; nothing is 0.
    var plus: MapSource?
    var minus: MapSource?
    /// nil: no table. What is not in it: `otherwise`.
    var table: MapTable?
    /// What stands in where nothing is found.
    var fallback: JSONNode?
    /// In outputs: what stands in where it can't be coerced.
    var instead: JSONNode?

    /// What is found is taken as it is.
    var isPlain: Bool { coercions.isEmpty && plus == nil && minus == nil && table == nil && fallback == nil }
}

indirect enum MapSource: Sendable {
    case pointer(MapPointer)
    case attribute(MapAttribute)
    case constant(JSONNode)
    /// One text of several; nothing where one of its pointers finds nothing.
    case join([MapSource])
    /// The value only where one of the conditions holds.
    case guarded([MapCondition], MapSource)
    /// What a pointer finds with the value as the name, place or text that it looks for.
    case lookup(MapSource, MapPointer)
    /// The first that finds something.
    case first([MapSource])
}

/// What does not stand in the body.
enum MapAttribute: Sendable, Equatable {
    /// A property of the message, by the envelope's names.
    case property(String)
    case header(String)
    /// Of the element that is read: its name in an object, or its place in a list, from 1.
    case key
}

struct MapTable: Sendable {
    var rows: [String: JSONNode]
    /// The keys as they were written, for people.
    var keys: [String]
    var otherwise: JSONNode?
}

/// Which messages, or elements of a list, a mapping passes over.
struct MapFilter: Sendable {
    /// Passed over where none of these holds (if there is one).
    var unless: [MapCondition] = []
    /// Passed over where one of these holds.
    var when: [MapCondition] = []

    var isEmpty: Bool { unless.isEmpty && when.isEmpty }
}

/// Holds where all of its tests do.
struct MapCondition: Sendable {
    var tests: [MapTest]
}

struct MapTest: Sendable {
    enum Wanted: Sendable {
        case anyOf([Pattern], orNothing: Bool)
        case noneOf([Pattern], orNothing: Bool)
        /// There is something there that is not null.
        case present(Bool)
        /// The same text or number as another value of the message.
        case same(MapSource, isNot: Bool)
    }

    var source: MapSource
    var wanted: Wanted
    /// For people.
    var sourceText: String
}
