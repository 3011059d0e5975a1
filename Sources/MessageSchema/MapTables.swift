import InventoryCore

/// What a plan is while messages go through it: plain values in tables, one index away from another, so that nothing
/// is counted or copied on the way. `MapParts.pack` makes them of what the compiler wrote.

/// A run of entries in one of the plan's tables.
struct MapRun: BitwiseCopyable {
    var first: Int32 = 0
    var count: Int32 = 0

    var isEmpty: Bool { count == 0 }
    var indices: Range<Int> { Int(first)..<Int(first + count) }
}

/// `MapValue`, packed.
struct PlanValue: BitwiseCopyable {
    var source: PlanSource
    var coercions: MapRun
    /// -1: none.
    var table: Int32
    /// Sources that are added and taken off; -1: none.
    var plus: Int32 = -1
    var minus: Int32 = -1
    var fallback: JSONNode?
    var instead: JSONNode?
}

/// `MapSource`, packed.
enum PlanSource: BitwiseCopyable {
    case pointer(MapPointer)
    /// An index of the plan's attributes.
    case attribute(Int32)
    case constant(JSONNode)
    /// Runs of the plan's sources.
    case join(MapRun)
    case first(MapRun)
    /// A run of the plan's conditions, and one source.
    case guarded(MapRun, Int32)
    /// One source, and an index of the plan's places.
    case lookup(Int32, Int32)
}

/// `MapList`, packed.
struct PlanList: BitwiseCopyable {
    var places: MapRun
    var element: MapShape
    var filter: PlanFilter
    var isOfValues: Bool
}

/// `MapFilter`, packed: runs of conditions, which are runs of tests.
struct PlanFilter: BitwiseCopyable {
    var unless = MapRun()
    var when = MapRun()

    var isEmpty: Bool { unless.isEmpty && when.isEmpty }
}

struct PlanTest: BitwiseCopyable {
    enum Wanted: BitwiseCopyable {
        case anyOf, noneOf, present, absent, same, notSame
    }

    var source: PlanSource
    var wanted: Wanted
    /// Nothing, and null, is among what is compared with.
    var orNothing = false
    var patterns = MapRun()
    /// What it is compared with, where that is a value of the message too; -1: nothing.
    var other: Int32 = -1
}

struct PlanPattern: BitwiseCopyable {
    var text: MapRange
    /// Without `*` and `?`.
    var isLiteral: Bool
}

/// A row of a table of values: `is: {1: gold}`.
struct PlanRow: BitwiseCopyable {
    var key: MapRange
    var value: JSONNode
}

/// The packed tables while they are made.
struct PackedParts {
    var values: [PlanValue] = []
    var sources: [PlanSource] = []
    var attributes: [MapAttribute] = []
    var coercions: [MapCoercion] = []
    var tables: [PlanTable] = []
    var rows: [PlanRow] = []
    var conditions: [MapRun] = []
    var tests: [PlanTest] = []
    /// By test, for people.
    var testTexts: [String] = []
    var patterns: [PlanPattern] = []
}

/// A table of values: its rows, and the same for what is not plain ASCII, where two spellings may be one text.
struct PlanTable: Sendable {
    var rows: MapRun
    var table: MapTable
}

extension MapParts {
    /// - Returns: the value over the tables of these parts.
    mutating func pack(_ value: MapValue) -> PlanValue {
        let source = pack(value.source)
        let coercions = MapRun(first: Int32(packed.coercions.count), count: Int32(value.coercions.count))
        packed.coercions += value.coercions
        var table: Int32 = -1
        if let made = value.table {
            let first = packed.rows.count
            // The longer the table the less it pays to go through it.
            if made.rows.count <= 16 {
                for (key, node) in made.rows.sorted(by: { $0.value.start < $1.value.start }) {
                    packed.rows.append(PlanRow(key: bytes(key), value: node))
                }
            }
            let rows = MapRun(first: Int32(first), count: Int32(packed.rows.count - first))
            packed.tables.append(PlanTable(rows: rows, table: made))
            table = Int32(packed.tables.count - 1)
        }
        var made = PlanValue(
            source: source, coercions: coercions, table: table, fallback: value.fallback, instead: value.instead)
        if let plus = value.plus { made.plus = pack([plus]).first }
        if let minus = value.minus { made.minus = pack([minus]).first }
        return made
    }

    private mutating func pack(_ source: MapSource) -> PlanSource {
        switch source {
        case .pointer(let pointer): return .pointer(pointer)
        case .constant(let node): return .constant(node)
        case .attribute(let attribute):
            packed.attributes.append(attribute)
            return .attribute(Int32(packed.attributes.count - 1))
        case .join(let sources): return .join(pack(sources))
        case .first(let sources): return .first(pack(sources))
        case .guarded(let conditions, let source): return .guarded(pack(conditions), pack([source]).first)
        case .lookup(let source, let pointer):
            places.append(pointer)
            let place = Int32(places.count - 1)
            return .lookup(pack([source]).first, place)
        }
    }

    private mutating func pack(_ sources: [MapSource]) -> MapRun {
        var made: [PlanSource] = []
        for source in sources { made.append(pack(source)) }
        packed.sources += made
        return MapRun(first: Int32(packed.sources.count - made.count), count: Int32(made.count))
    }

    mutating func pack(_ list: MapList) -> PlanList {
        places += list.places
        return PlanList(
            places: MapRun(first: Int32(places.count - list.places.count), count: Int32(list.places.count)),
            element: list.element, filter: pack(list.filter), isOfValues: list.isOfValues)
    }

    mutating func pack(_ filter: MapFilter) -> PlanFilter {
        PlanFilter(unless: pack(filter.unless), when: pack(filter.when))
    }

    private mutating func pack(_ conditions: [MapCondition]) -> MapRun {
        var runs: [MapRun] = []
        for condition in conditions {
            var tests: [PlanTest] = []
            for test in condition.tests { tests.append(pack(test)) }
            packed.tests += tests
            packed.testTexts += condition.tests.map(\.sourceText)
            runs.append(MapRun(first: Int32(packed.tests.count - tests.count), count: Int32(tests.count)))
        }
        packed.conditions += runs
        return MapRun(first: Int32(packed.conditions.count - runs.count), count: Int32(runs.count))
    }

    private mutating func pack(_ test: MapTest) -> PlanTest {
        var made = PlanTest(source: pack(test.source), wanted: .present)
        switch test.wanted {
        case .present(let isThere): made.wanted = isThere ? .present : .absent
        case .same(let other, let isNot):
            made.wanted = isNot ? .notSame : .same
            made.other = pack([other]).first
        case .anyOf(let patterns, let orNothing):
            (made.wanted, made.orNothing) = (.anyOf, orNothing)
            made.patterns = pack(patterns)
        case .noneOf(let patterns, let orNothing):
            (made.wanted, made.orNothing) = (.noneOf, orNothing)
            made.patterns = pack(patterns)
        }
        return made
    }

    private mutating func pack(_ patterns: [Pattern]) -> MapRun {
        for pattern in patterns {
            packed.patterns.append(PlanPattern(text: bytes(pattern.text), isLiteral: pattern.isLiteral))
        }
        return MapRun(first: Int32(packed.patterns.count - patterns.count), count: Int32(patterns.count))
    }
}

extension PlanPattern {
    /// Whether a text is what the pattern says: `*` is any of it, `?` one character of it. Both are UTF-8.
    @inline(__always)
    func matches(_ subject: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        let pattern = UnsafeBufferPointer(rebasing: text[Int(self.text.start)..<Int(self.text.end)])
        if isLiteral { return subject.count == pattern.count && subject.elementsEqual(pattern) }
        return PlanPattern.matches(subject, pattern)
    }

    /// As `Pattern.matches`, over bytes: only a `?` has to know where a character ends.
    private static func matches(_ subject: UnsafeBufferPointer<UInt8>, _ pattern: UnsafeBufferPointer<UInt8>) -> Bool {
        func after(_ index: Int) -> Int {
            var index = index + 1
            while index < subject.count, subject[index] & 0xC0 == 0x80 { index += 1 }
            return index
        }
        var patternIndex = 0
        var subjectIndex = 0
        var starIndex = -1
        var retryIndex = 0
        while subjectIndex < subject.count {
            if patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "*") {
                starIndex = patternIndex
                retryIndex = subjectIndex
                patternIndex += 1
            } else if patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "?") {
                patternIndex += 1
                subjectIndex = after(subjectIndex)
            } else if patternIndex < pattern.count, pattern[patternIndex] == subject[subjectIndex] {
                patternIndex += 1
                subjectIndex += 1
            } else if starIndex >= 0 {
                retryIndex = after(retryIndex)
                subjectIndex = retryIndex
                patternIndex = starIndex + 1
            } else {
                return false
            }
        }
        while patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "*") { patternIndex += 1 }
        return patternIndex == pattern.count
    }
}
