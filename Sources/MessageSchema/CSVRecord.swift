/// The fields of one record by RFC 4180: separated by commas; in quotes where they hold a comma, a quote (written
/// twice) or a line break.
public struct CSVRecord: Sendable {
    public struct Fault: Error, Equatable {
        public var cause: String
        public var remedy: String
    }

    /// UTF-8 that was checked, without quotes.
    public private(set) var fields: [String] = []

    /// - Parameter bytes: the whole record without its line end.
    public init(_ bytes: UnsafeBufferPointer<UInt8>) throws(Fault) {
        var index = 0
        fields.reserveCapacity(16)
        while true {
            if index < bytes.count, bytes[index] == CSVRecord.quote {
                fields.append(try CSVRecord.quoted(bytes, &index, number: fields.count + 1))
            } else {
                fields.append(try CSVRecord.plain(bytes, &index, number: fields.count + 1))
            }
            if index == bytes.count { return }
            index += 1
        }
    }

    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")

    private static func plain(
        _ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int, number: Int
    ) throws(Fault) -> String {
        let start = index
        while index < bytes.count, bytes[index] != comma {
            if bytes[index] == quote {
                throw Fault(
                    cause: "field \(number) has a quote in it but does not begin with one",
                    remedy: "put the whole field in quotes and write quotes in it twice")
            }
            index += 1
        }
        return try text(UnsafeBufferPointer(rebasing: bytes[start..<index]), number)
    }

    private static func quoted(
        _ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int, number: Int
    ) throws(Fault) -> String {
        index += 1
        let start = index
        var hasQuotes = false
        while index < bytes.count {
            if bytes[index] == quote {
                guard index + 1 < bytes.count, bytes[index + 1] == quote else { break }
                hasQuotes = true
                index += 1
            }
            index += 1
        }
        guard index < bytes.count else {
            throw Fault(cause: "the quote before field \(number) is never closed", remedy: "close it, or take it out")
        }
        let inner = UnsafeBufferPointer(rebasing: bytes[start..<index])
        index += 1
        if index < bytes.count, bytes[index] != comma {
            throw Fault(
                cause: "field \(number) goes on after its closing quote", remedy: "write quotes inside a field twice")
        }
        if !hasQuotes { return try text(inner, number) }
        var unescaped: [UInt8] = []
        unescaped.reserveCapacity(inner.count)
        var wasQuote = false
        for byte in inner {
            if byte == quote, !wasQuote {
                wasQuote = true
                continue
            }
            wasQuote = false
            unescaped.append(byte)
        }
        return try unescaped.withUnsafeBufferPointer { (bytes) throws(Fault) -> String in try text(bytes, number) }
    }

    private static func text(_ bytes: UnsafeBufferPointer<UInt8>, _ number: Int) throws(Fault) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Fault(cause: "field \(number) is not UTF-8", remedy: "save the file as UTF-8")
        }
        return text
    }

    /// A field as a record has it: in quotes where it needs them.
    public static func append(_ field: String, to bytes: inout [UInt8]) {
        let needsQuotes = field.utf8.contains {
            $0 == quote || $0 == comma || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
        }
        if !needsQuotes {
            bytes.append(contentsOf: field.utf8)
            return
        }
        bytes.append(quote)
        for byte in field.utf8 {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
    }
}
