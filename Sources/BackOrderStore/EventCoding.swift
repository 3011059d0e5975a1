public import InventoryCore

/// How an order's event is kept: a version byte, cause and kind, then line by line what moved.
public enum EventCoding {
    static let version: UInt8 = 1

    private enum Bit {
        static let waiting: UInt8 = 1
        static let held: UInt8 = 2
        static let dispatched: UInt8 = 4
        static let cancelled: UInt8 = 8
        static let refused: UInt8 = 16
        static let promised: UInt8 = 32
        static let unpromised: UInt8 = 64
        static let policy: UInt8 = 128
    }

    /// All but the order, the number and the time, which a store keeps as columns.
    public static func encode(_ event: OrderEvent) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24 + event.cause.utf8.count + event.kind.utf8.count + 24 * event.lines.count)
        bytes.append(version)
        ByteCoding.append(event.cause, to: &bytes)
        ByteCoding.append(event.kind, to: &bytes)
        ByteCoding.append(event.lines.count, to: &bytes)
        for line in event.lines { append(line, to: &bytes) }
        return bytes
    }

    private static func append(_ line: OrderEvent.LineChange, to bytes: inout [UInt8]) {
        ByteCoding.append(line.position, to: &bytes)
        var bits: UInt8 = 0
        if line.waiting != 0 { bits |= Bit.waiting }
        if line.held != 0 { bits |= Bit.held }
        if line.dispatched != 0 { bits |= Bit.dispatched }
        if line.cancelled != 0 { bits |= Bit.cancelled }
        if line.refused != 0 { bits |= Bit.refused }
        if let promised = line.promised { bits |= promised.at == nil ? Bit.unpromised : Bit.promised }
        if line.policy != nil { bits |= Bit.policy }
        bytes.append(bits)
        for units in [line.waiting, line.held, line.dispatched, line.cancelled, line.refused] where units != 0 {
            ByteCoding.append(signed: units, to: &bytes)
        }
        if let at = line.promised?.at { ByteCoding.append(signed: at.microseconds, to: &bytes) }
        if let policy = line.policy { ByteCoding.append(policy, to: &bytes) }
        ByteCoding.append(line.allocated.count, to: &bytes)
        for move in line.allocated {
            ByteCoding.append(move.location.text, to: &bytes)
            ByteCoding.append(signed: move.units, to: &bytes)
        }
    }

    /// Throws `StoreError.corrupt` for anything that `encode` did not make.
    public static func decode(_ bytes: [UInt8], of orderID: OrderID, number: Int64, time: Instant) throws(StoreError)
        -> OrderEvent
    {
        var reader = ByteReader(bytes, of: "event \(number) of order \(orderID)")
        let found = try reader.byte()
        guard found == version else {
            throw StoreError(
                .corrupt, "event \(number) of order \(orderID) is of version \(found), this program reads \(version)")
        }
        var event = OrderEvent(
            orderID: orderID, number: number, time: time, cause: try reader.text(), kind: try reader.text(), lines: [])
        let count = try reader.number()
        for _ in 0..<count { event.lines.append(try line(&reader)) }
        guard reader.isAtEnd else { throw reader.damaged }
        return event
    }

    private static func line(_ reader: inout ByteReader) throws(StoreError) -> OrderEvent.LineChange {
        var line = OrderEvent.LineChange(position: try reader.number())
        let bits = try reader.byte()
        if bits & Bit.waiting != 0 { line.waiting = try reader.signed() }
        if bits & Bit.held != 0 { line.held = try reader.signed() }
        if bits & Bit.dispatched != 0 { line.dispatched = try reader.signed() }
        if bits & Bit.cancelled != 0 { line.cancelled = try reader.signed() }
        if bits & Bit.refused != 0 { line.refused = try reader.signed() }
        if bits & Bit.promised != 0 {
            line.promised = .init(at: Instant(microseconds: try reader.signed()))
        } else if bits & Bit.unpromised != 0 {
            line.promised = .init(at: nil)
        }
        if bits & Bit.policy != 0 { line.policy = try reader.text() }
        let moves = try reader.number()
        for _ in 0..<moves {
            line.allocated.append(
                .init(location: LocationID(try reader.text()), units: try reader.signed()))
        }
        return line
    }
}
