public import InventoryCore

/// One value of a row.
public enum SeedCell: Sendable, Equatable {
    case absent
    /// From CSV, where everything is text.
    case text(String)
    /// From NDJSON: a JSON value as it is written.
    case json(String)
}

/// One row of a file, its cells by the columns of its kind.
public struct SeedRow: Sendable {
    /// The line of the file at which it begins, from 1.
    public var line: Int
    public var cells: [SeedCell]

    public init(line: Int, cells: [SeedCell]) {
        self.line = line
        self.cells = cells
    }
}

/// What is wrong with a row, and what to do.
public struct SeedFault: Error, Sendable, Equatable {
    public var line: Int
    /// nil: the row as a whole.
    public var column: String?
    public var cause: String
    public var remedy: String

    public init(line: Int, column: String? = nil, cause: String, remedy: String) {
        self.line = line
        self.column = column
        self.cause = cause
        self.remedy = remedy
    }
}

/// What is wrong with rows that belong together.
public struct SeedFaults: Error, Sendable {
    public var faults: [SeedFault]
}

/// The message that rows became: the one that would have told the same.
public struct SeedMessage: Sendable {
    public var decoded: DecodedMessage
    public var body: [UInt8]
    /// An order that waits for a person's decision.
    public var isHeld: Bool
}

/// Turns rows into messages, which go the way of every message: through the decoder and its rules. Holds nothing.
public struct SeedReader: Sendable {
    public let kind: SeedKind
    private let columns: [SeedColumn]
    private let options: DecodeOptions

    public init(_ kind: SeedKind, options: DecodeOptions) {
        self.kind = kind
        self.options = options
        columns = kind.columns
    }

    // MARK: Rows

    /// The cells of a JSON object with the columns as keys.
    ///
    /// - Parameter ignoresUnknown: whether other keys may be there.
    public func row(json bytes: [UInt8], line: Int, ignoresUnknown: Bool) -> Result<SeedRow, SeedFault> {
        bytes.withUnsafeBufferPointer { buffer in
            do throws(Rejection) {
                return try JSONDocument.withParsed(buffer) {
                    (document) throws(Rejection) -> Result<SeedRow, SeedFault> in
                    read(document, line, ignoresUnknown)
                }
            } catch {
                return .failure(
                    SeedFault(line: line, cause: error.detail, remedy: "write one JSON object a line, in UTF-8"))
            }
        }
    }

    private func read(_ document: JSONDocument, _ line: Int, _ ignoresUnknown: Bool) -> Result<SeedRow, SeedFault> {
        guard document[JSONDocument.root].kind == .object else {
            let cause = "the row \(document.described(JSONDocument.root))"
            return .failure(SeedFault(line: line, cause: cause, remedy: "write one JSON object a line"))
        }
        var cells = [SeedCell](repeating: .absent, count: columns.count)
        var key = JSONDocument.root + 1
        while key < document.end(of: JSONDocument.root) {
            let name = document.string(key)
            if let index = columns.firstIndex(where: { $0.name == name }) {
                let value = key + 1
                switch document[value].kind {
                case .null: break
                case .string: cells[index] = .json(SeedReader.jsonText(document.string(value)))
                case .object, .array: cells[index] = .json(document.compact(value))
                default: cells[index] = .json(document.written(value))
                }
            } else if !ignoresUnknown {
                return .failure(
                    SeedFault(line: line, column: shortened(name), cause: "is not known", remedy: knownRemedy))
            }
            key = document.next(after: key + 1)
        }
        return .success(SeedRow(line: line, cells: cells))
    }

    /// By column of the file: the index of the column of this kind; nil: a column to be passed over.
    public func header(_ names: [String], line: Int, ignoresUnknown: Bool) -> Result<[Int?], SeedFault> {
        var indices: [Int?] = []
        for name in names {
            let index = columns.firstIndex { $0.name == name }
            if index == nil, !ignoresUnknown {
                return .failure(
                    SeedFault(line: line, column: shortened(name), cause: "is not known", remedy: knownRemedy))
            }
            if let index, indices.contains(index) {
                return .failure(SeedFault(line: line, column: name, cause: "is there twice", remedy: "take one out"))
            }
            indices.append(index)
        }
        for (index, column) in columns.enumerated() where column.isRequired && !indices.contains(index) {
            return .failure(
                SeedFault(line: line, column: column.name, cause: "is missing in the header", remedy: knownRemedy))
        }
        return .success(indices)
    }

    private var knownRemedy: String { "the columns are \(columns.map(\.name).joined(separator: ", "))" }

    /// What may be in a file once: the SKU at its location, the order, the inbound.
    public func uniqueKey(_ row: SeedRow) -> Digest128 {
        let text = kind == .stock ? key(row, "sku") + "\0" + key(row, "location") : groupKey(row)
        return Array(text.utf8).withUnsafeBytes { digest128($0) }
    }

    /// Rows with the same one become one message.
    public func groupKey(_ row: SeedRow) -> String {
        switch kind {
        case .stock: key(row, "location")
        case .orders: key(row, "order_id")
        case .supply: key(row, "inbound_id")
        }
    }

    /// The value of a row's column as text, for a look at keys and flags; "" if it is absent.
    public func key(_ row: SeedRow, _ name: String) -> String {
        switch cell(row, name) {
        case .absent: return ""
        case .text(let text): return text
        case .json(let json): return json
        }
    }

    private func cell(_ row: SeedRow, _ name: String) -> SeedCell {
        columns.firstIndex { $0.name == name }.map { row.cells[$0] } ?? .absent
    }

    // MARK: Messages

    /// The message of rows that belong together, or what is wrong with each of them.
    public func message(_ rows: [SeedRow], arrival: Instant) -> Result<SeedMessage, SeedFaults> {
        var faults = rows.compactMap { fault($0, first: rows[0]) }
        let body = body(rows)
        let result = Decoder().decode(body, envelope: Envelope(), arrival: arrival, options: options)
        if faults.isEmpty, case .success(var decoded) = result {
            if kind == .supply, isAbsent(rows[0], "expected_at"),
                case .inboundScheduled(var input) = decoded.message.input
            {
                input.expectedAt = nil
                decoded.message.input = .inboundScheduled(input)
            }
            return .success(SeedMessage(decoded: decoded, body: body, isHeld: key(rows[0], "held") == "true"))
        }
        // Row by row, so that each that is wrong is told.
        for row in rows where !faults.contains(where: { $0.line == row.line }) {
            var alone = row
            for index in columns.indices where alone.cells[index] == .absent {
                if case .head = columns[index].place { alone.cells[index] = rows[0].cells[index] }
            }
            let result = Decoder().decode(
                self.body([alone]), envelope: Envelope(), arrival: arrival, options: options)
            if case .failure(let rejection) = result { faults.append(told(rejection, [alone])) }
        }
        // What only the whole has: too many lines, a line_id twice.
        if faults.isEmpty, case .failure(let rejection) = result { faults.append(told(rejection, rows)) }
        return .failure(SeedFaults(faults: faults))
    }

    private func isAbsent(_ row: SeedRow, _ name: String) -> Bool { key(row, name).isEmpty }

    /// What the decoder would not see: a flag, two ways to say the customer, rows that contradict each other.
    private func fault(_ row: SeedRow, first: SeedRow) -> SeedFault? {
        var customers: [String] = []
        for (index, column) in columns.enumerated() where row.cells[index] != .absent {
            switch column.place {
            case .aside:
                let value = key(row, column.name)
                if value != "true", value != "false" {
                    return SeedFault(
                        line: row.line, column: column.name, cause: "\(quoted(value)) is not true or false",
                        remedy: column.remedy)
                }
            case .head("customer"), .customer: customers.append(column.name)
            default: break
            }
            if case .line = column.place { continue }
            if row.cells[index] != first.cells[index] {
                return SeedFault(
                    line: row.line, column: column.name, cause: "is not what line \(first.line) of the same has",
                    remedy: "write the same in all its rows, or nothing after the first")
            }
        }
        if customers.contains("customer"), customers.count > 1 {
            return SeedFault(
                line: row.line, column: customers[1], cause: "is there beside customer", remedy: "give one of them")
        }
        return nil
    }

    private func told(_ rejection: Rejection, _ rows: [SeedRow]) -> SeedFault {
        var path = rejection.detail
        var cause = ""
        if let colon = rejection.detail.firstRange(of: ": ") {
            path = String(rejection.detail[..<colon.lowerBound])
            cause = String(rejection.detail[colon.upperBound...])
        }
        // An order's own time is when it was placed.
        if kind == .orders, path == "time" { path = "placed_at" }
        var row = rows[0]
        var place = SeedColumn.Place.head(path)
        if path.hasPrefix("lines["), let end = path.firstIndex(of: "]") {
            let position = Int(path[path.index(path.startIndex, offsetBy: 6)..<end]) ?? 0
            if rows.indices.contains(position) { row = rows[position] }
            place = .line(String(path[path.index(after: end)...].dropFirst()))
        } else if path.hasPrefix("customer.") {
            place = .customer(String(path.dropFirst(9)))
        }
        guard let column = columns.first(where: { $0.place == place }) else {
            return SeedFault(line: row.line, cause: rejection.detail, remedy: "see docs/integration.md")
        }
        let remedy = cause == "is missing" ? "fill it in: \(column.remedy)" : column.remedy
        return SeedFault(line: row.line, column: column.name, cause: cause, remedy: remedy)
    }

    // MARK: Bodies

    private func body(_ rows: [SeedRow]) -> [UInt8] {
        var lines: [UInt8] = []
        lines.reserveCapacity(rows.count * 64)
        for (index, row) in rows.enumerated() {
            if index > 0 { lines.append(UInt8(ascii: ",")) }
            lines.append(UInt8(ascii: "{"))
            var isFirst = true
            for (column, cell) in zip(columns, row.cells) {
                guard case .line(let name) = column.place else { continue }
                append(name, cell, column.kind, to: &lines, &isFirst)
            }
            lines.append(UInt8(ascii: "}"))
        }
        var body: [UInt8] = []
        body.reserveCapacity(lines.count + 256)
        body += "{\"type\":\"\(inputType.rawValue)\"".utf8
        var isFirst = false
        for (column, cell) in zip(columns, rows[0].cells) {
            guard case .head(let name) = column.place else { continue }
            append(name, cell, column.kind, to: &body, &isFirst)
        }
        appendCustomer(rows[0], to: &body)
        switch kind {
        case .stock:
            // The same rows again are the same adjustment.
            let digest = (body + lines).withUnsafeBytes { digest128($0) }.hexadecimal
            body += ",\"adjustment_id\":\"import:\(digest)\",\"reason\":\"import\"".utf8
        case .orders: append("time", cell(rows[0], "placed_at"), .text, to: &body, &isFirst)
        case .supply:
            if isAbsent(rows[0], "expected_at") { body += ",\"expected_at\":\"9999-12-31T00:00:00Z\"".utf8 }
            // Older than whatever is announced later.
            if isAbsent(rows[0], "announced_at") { body += ",\"time\":\"1970-01-01T00:00:00Z\"".utf8 }
        }
        body += ",\"lines\":[".utf8
        body += lines
        body += "]}".utf8
        return body
    }

    private var inputType: InputType {
        switch kind {
        case .stock: .stockAdjusted
        case .orders: .orderPlaced
        case .supply: .inboundScheduled
        }
    }

    private func appendCustomer(_ row: SeedRow, to body: inout [UInt8]) {
        var inner: [UInt8] = []
        var isFirst = true
        for (column, cell) in zip(columns, row.cells) {
            guard case .customer(let name) = column.place else { continue }
            append(name, cell, column.kind, to: &inner, &isFirst)
        }
        if inner.isEmpty { return }
        body += ",\"customer\":{".utf8
        body += inner
        body.append(UInt8(ascii: "}"))
    }

    private func append(
        _ name: String, _ cell: SeedCell, _ kind: SeedColumn.Kind, to bytes: inout [UInt8], _ isFirst: inout Bool
    ) {
        let value: String
        switch cell {
        case .absent: return
        case .json(let json): value = json
        case .text(let text):
            switch kind {
            case .number where SeedReader.kind(of: text) == .number: value = text
            case .object where SeedReader.kind(of: text) == .object: value = text
            default: value = SeedReader.jsonText(text)
            }
        }
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: value.utf8)
    }

    private static func jsonText(_ text: String) -> String {
        var writer = JSONWriter(capacity: text.utf8.count + 2)
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// What a text is as JSON; nil: nothing.
    private static func kind(of text: String) -> JSONNode.Kind? {
        var text = text
        return text.withUTF8 { bytes in
            // The common whole number, without a parser.
            if let first = bytes.first, first != UInt8(ascii: "0"), bytes.count < 16,
                bytes.allSatisfy({ $0 &- 0x30 < 10 })
            {
                return .number
            }
            return try? JSONDocument.withParsed(bytes) { (document) throws(Rejection) -> JSONNode.Kind in
                document[JSONDocument.root].kind
            }
        }
    }
}
