import InventoryCore

/// A part of a mapping as the operator wrote it, with the place where it stands. What it means is the compiler's to say.
public struct MapTree: Sendable {
    public indirect enum Value: Sendable {
        case text(String)
        /// A number as it is written.
        case number(String)
        case flag(Bool)
        case null
        case list([MapTree])
        case map([(key: String, keyPlace: MapPlace?, value: MapTree)])
    }

    public var value: Value
    public var place: MapPlace?

    public init(_ value: Value, at place: MapPlace? = nil) {
        self.value = value
        self.place = place
    }
}

/// A place in the configuration file, counted from 1.
public struct MapPlace: Sendable, Equatable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// What is wrong with a mapping, found before the first message.
public struct MapFault: Error, Sendable, Equatable {
    public var place: MapPlace?
    /// The key under the mapping, e.g. `lines[].sku`. Empty: the mapping as a whole.
    public var key: String
    public var cause: String
    public var remedy: String

    public init(at place: MapPlace?, key: String, cause: String, remedy: String) {
        self.place = place
        self.key = key
        self.cause = cause
        self.remedy = remedy
    }
}

extension MapTree {
    /// A scalar as it is written; nil for a list or a map.
    var scalarText: String? {
        switch value {
        case .text(let text), .number(let text): text
        case .flag(let flag): flag ? "true" : "false"
        case .null: "null"
        case .list, .map: nil
        }
    }

    /// What it is, for a fault.
    var described: String {
        switch value {
        case .text(let text): quoted(text)
        case .number(let text): text
        case .flag(let flag): flag ? "true" : "false"
        case .null: "nothing"
        case .list: "a list"
        case .map: "a map"
        }
    }
}

/// What ends the reading of a mapped message early.
enum MapStop: Error {
    case rejected(Rejection)
    /// The mapping's filters pass it over; says which.
    case skipped(String)
}

/// An unchangeable table of plain values that is read without reference counting: plans walk them for each message.
///
/// @unchecked Sendable: written in `init` alone, freed with the last reference.
final class FixedTable<Element: BitwiseCopyable>: @unchecked Sendable {
    let elements: UnsafeBufferPointer<Element>

    init(_ elements: [Element]) {
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = buffer.initialize(from: elements)
        self.elements = UnsafeBufferPointer(buffer)
    }

    deinit { elements.deallocate() }
}
