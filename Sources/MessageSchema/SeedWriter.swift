public import InventoryCore

/// One cell on its way out.
public enum SeedValue: Sendable {
    case absent
    case text(String)
    case whole(Int64)
    /// To the microsecond, where it has any.
    case time(Instant)
    /// What is JSON already: a number, or an object.
    case json(String)
    /// Only true is written.
    case flag(Bool)
}

/// Writes rows as `import` reads them.
public struct SeedWriter: Sendable {
    public enum Format: Sendable {
        case csv, ndjson
    }

    private let columns: [SeedColumn]
    private let format: Format

    public init(_ kind: SeedKind, _ format: Format) {
        // What an export says in one column needs no other ones.
        columns = kind.columns.filter { if case .customer = $0.place { false } else { true } }
        self.format = format
    }

    /// What comes before the first row, with its line end.
    public var header: [UInt8] {
        format == .csv ? Array((columns.map(\.name).joined(separator: ",") + "\n").utf8) : []
    }

    /// - Parameter values: by column, in their order.
    public func append(_ values: [SeedValue], to bytes: inout [UInt8]) {
        if format == .ndjson { bytes.append(UInt8(ascii: "{")) }
        var isFirst = true
        for (column, value) in zip(columns, values) {
            if format == .csv {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                CSVRecord.append(SeedWriter.text(value), to: &bytes)
                isFirst = false
                continue
            }
            guard let json = SeedWriter.json(value) else { continue }
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            bytes += "\"\(column.name)\":\(json)".utf8
            isFirst = false
        }
        if format == .ndjson { bytes.append(UInt8(ascii: "}")) }
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func text(_ value: SeedValue) -> String {
        switch value {
        case .absent: ""
        case .text(let text), .json(let text): text
        case .whole(let number): String(number)
        case .time(let time): written(time)
        case .flag(let flag): flag ? "true" : ""
        }
    }

    private static func json(_ value: SeedValue) -> String? {
        switch value {
        case .absent: return nil
        case .text(let text):
            if text.isEmpty { return nil }
            var writer = JSONWriter(capacity: text.utf8.count + 2)
            writer.string(text)
            return String(decoding: writer.bytes, as: UTF8.self)
        case .whole(let number): return String(number)
        case .time(let time): return "\"\(written(time))\""
        case .json(let json): return json
        case .flag(let flag): return flag ? "true" : nil
        }
    }

    private static func written(_ time: Instant) -> String {
        var bytes: [UInt8] = []
        appendRFC3339(time, fractionDigits: time.microseconds % 1_000 == 0 ? 3 : 6, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
