import InventoryCore
import MessageSchema

/// Rows that become one message.
struct SeedGroup: Sendable {
    var rows: [SeedRow] = []
    /// The stretch of the file that they stand in, where they stand together.
    var offset = 0
    var bytes = 0
}

/// Reads a file's rows and puts together what belongs together: the rows of an order or inbound, which follow each
/// other; of stock, some dozens of rows of one location.
final class SeedGroups {
    private let file: SeedFile
    private let reader: SeedReader
    private let ignoresUnknown: Bool
    /// By column of a CSV file.
    private var header: [Int?] = []
    private var current = SeedGroup()
    private var currentKey = ""
    /// Stock, by location.
    private var open: [String: SeedGroup] = [:]
    private(set) var rowCount = 0

    /// Stock rows of one message: at most, and on average.
    private static let stockRowsMax = 250
    private static let stockRowsMean: UInt64 = 64

    init(_ file: SeedFile, _ reader: SeedReader, ignoresUnknown: Bool) {
        self.file = file
        self.reader = reader
        self.ignoresUnknown = ignoresUnknown
    }

    var position: Int { file.position }
    var size: Int { file.size }

    /// Hands over every group, and whatever is wrong with a row, from the file's beginning to its end.
    func each(_ group: (SeedGroup) throws -> Void, fault: (SeedFault) throws -> Void) throws {
        try file.rewind()
        (current, currentKey, open, rowCount, header) = (SeedGroup(), "", [:], 0, [])
        try read(group, fault)
        try file.requireUnchanged()
    }

    /// The rows of a group that was read before.
    func group(at offset: Int, bytes: Int, line: Int) throws -> SeedGroup {
        file.go(to: offset, bytes: bytes, line: line)
        (current, currentKey, open) = (SeedGroup(), "", [:])
        var result = SeedGroup()
        try read({ result = $0 }, { _ in })
        return result
    }

    private func read(_ group: (SeedGroup) throws -> Void, _ fault: (SeedFault) throws -> Void) throws {
        while let record = try file.next() {
            switch row(record) {
            case .success(nil): continue
            case .success(let row?):
                rowCount += 1
                try take(row, record, group)
            case .failure(let wrong):
                rowCount += 1
                try fault(wrong)
                if file.isCSV, header.isEmpty { return }
                file.resume(after: record)
            }
        }
        if !current.rows.isEmpty { try group(current) }
        for location in open.keys.sorted() { if let rest = open[location] { try group(rest) } }
        if file.isCSV, header.isEmpty {
            try fault(SeedFault(line: 1, cause: "the file is empty", remedy: "begin with a line of column names"))
        }
    }

    /// nil: the header.
    private func row(_ record: SeedFile.Record) -> Result<SeedRow?, SeedFault> {
        if !file.isCSV {
            return reader.row(json: record.bytes, line: record.line, ignoresUnknown: ignoresUnknown).map { $0 }
        }
        let fields: [String]
        do throws(CSVRecord.Fault) {
            fields = try record.bytes.withUnsafeBufferPointer { (bytes) throws(CSVRecord.Fault) -> [String] in
                try CSVRecord(bytes).fields
            }
        } catch {
            return .failure(SeedFault(line: record.line, cause: error.cause, remedy: error.remedy))
        }
        if header.isEmpty {
            if fields.count == 1, fields[0].contains(";") || fields[0].contains("\t") {
                let remedy = "save it with commas between the fields"
                return .failure(SeedFault(line: record.line, cause: "the header has no comma", remedy: remedy))
            }
            return reader.header(fields, line: record.line, ignoresUnknown: ignoresUnknown).map {
                header = $0
                return nil
            }
        }
        if fields.count != header.count {
            return .failure(
                SeedFault(
                    line: record.line, cause: "\(fields.count) fields, the header has \(header.count)",
                    remedy: "put fields with a comma in quotes, and leave no field out"))
        }
        var cells = [SeedCell](repeating: .absent, count: reader.kind.columns.count)
        for (field, index) in zip(fields, header) {
            if let index, !field.isEmpty { cells[index] = .text(field) }
        }
        return .success(SeedRow(line: record.line, cells: cells))
    }

    private func take(
        _ row: SeedRow, _ record: SeedFile.Record, _ group: (SeedGroup) throws -> Void
    ) throws {
        let key = reader.groupKey(row)
        if reader.kind == .stock {
            var rows = open.removeValue(forKey: key) ?? SeedGroup()
            rows.rows.append(row)
            // The row itself says where a message ends: a row that is put in changes the messages near it, not all.
            let isLast = reader.uniqueKey(row).low % SeedGroups.stockRowsMean == 0
            if isLast || rows.rows.count == SeedGroups.stockRowsMax {
                try group(rows)
            } else {
                open[key] = rows
            }
            return
        }
        if key != currentKey || current.rows.isEmpty || key.isEmpty {
            if !current.rows.isEmpty { try group(current) }
            current = SeedGroup(rows: [], offset: record.offset, bytes: 0)
            currentKey = key
        }
        current.rows.append(row)
        current.bytes = file.position - current.offset
    }
}
