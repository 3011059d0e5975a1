internal import CLibPQ
internal import InventoryCore

/// What one statement answered, in binary form. Columns count from 0.
///
/// Owns libpq's result; values are copied out of it.
@safe
final class Rows {
    private let result: OpaquePointer
    let count: Int

    init(_ result: OpaquePointer) {
        unsafe self.result = unsafe result
        count = unsafe Int(PQntuples(result))
    }

    deinit {
        unsafe PQclear(result)
    }

    /// How many rows a statement that answers none has changed.
    var changed: Int {
        guard let text = unsafe PQcmdTuples(result) else { return 0 }
        return unsafe Int(String(cString: text)) ?? 0
    }

    /// COMMIT, ROLLBACK …
    var command: String {
        guard let text = unsafe PQcmdStatus(result) else { return "" }
        return unsafe String(cString: text)
    }

    func isNull(_ row: Int, _ column: Int) -> Bool { unsafe PQgetisnull(result, Int32(row), Int32(column)) == 1 }

    func integer(_ row: Int, _ column: Int) -> Int64 {
        guard let value = unsafe PQgetvalue(result, Int32(row), Int32(column)) else { return 0 }
        switch unsafe PQgetlength(result, Int32(row), Int32(column)) {
        case 8: return unsafe clpq_int64(value)
        case 4: return unsafe Int64(clpq_int32(value))
        default: return 0
        }
    }

    func optionalInteger(_ row: Int, _ column: Int) -> Int64? {
        isNull(row, column) ? nil : integer(row, column)
    }

    func boolean(_ row: Int, _ column: Int) -> Bool {
        guard let value = unsafe PQgetvalue(result, Int32(row), Int32(column)) else { return false }
        return unsafe PQgetlength(result, Int32(row), Int32(column)) == 1 && value[0] != 0
    }

    private func bytes(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8> {
        let length = unsafe Int(PQgetlength(result, Int32(row), Int32(column)))
        let value = unsafe PQgetvalue(result, Int32(row), Int32(column))
        return unsafe UnsafeBufferPointer(
            start: UnsafeRawPointer(value)?.assumingMemoryBound(to: UInt8.self), count: length)
    }

    func text(_ row: Int, _ column: Int) -> String { unsafe TextCoding.decode(bytes(row, column)) }

    func optionalText(_ row: Int, _ column: Int) -> String? { isNull(row, column) ? nil : text(row, column) }

    func blob(_ row: Int, _ column: Int) -> [UInt8] { unsafe Array(bytes(row, column)) }

    func time(_ row: Int, _ column: Int) -> Instant { Instant(microseconds: integer(row, column)) }

    func optionalTime(_ row: Int, _ column: Int) -> Instant? {
        isNull(row, column) ? nil : time(row, column)
    }

    func digest(_ row: Int, _ column: Int) -> Digest128 {
        let bytes = unsafe bytes(row, column)
        guard bytes.count == 16 else { return Digest128(high: 0, low: 0) }
        var halves: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            halves.0 = unsafe halves.0 << 8 | UInt64(bytes[index])
            halves.1 = unsafe halves.1 << 8 | UInt64(bytes[index + 8])
        }
        return Digest128(high: halves.0, low: halves.1)
    }

    /// An array of digests in one column, as `Parameters.digests` writes it.
    func digests(_ row: Int, _ column: Int) -> [Digest128] {
        let bytes = blob(row, column)
        // Twelve bytes of header, eight for the one dimension, then a length of four bytes before each element.
        guard bytes.count > 20 else { return [] }
        return stride(from: 24, through: bytes.count - 16, by: 20).map { start in
            func half(_ start: Int) -> UInt64 { bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
            return Digest128(high: half(start), low: half(start + 8))
        }
    }
}
