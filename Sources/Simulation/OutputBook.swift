import BackOrderStore
import Foundation
import InventoryCore

/// What was committed to be told, and what was told: every output at least once, under one id, with one body; an
/// order's outputs numbered without a gap.
final class OutputBook {
    enum News {
        case reorder(SupplyID, SKU, Units, LocationID)
        case fulfilment(OrderID, LocationID, [(lineID: LineID, sku: SKU, units: Units)])
    }

    private struct Entry {
        var message: OutboxMessage
        var committed = 0
        var published = 0
    }

    private var entries: [String: Entry] = [:]
    private var names: [String] = []
    private var segments: [OutboxSegmentID: [String]] = [:]
    private var sequences: [String: Int] = [:]
    private(set) var publications = 0
    private(set) var deadLetters = 0
    var fail: (Failure.Check, String) -> Void = { _, _ in }

    var committedCount: Int { names.count }

    private func name(_ message: OutboxMessage) -> String {
        if message.destination == .output { return message.messageID }
        // The same message may be a dead letter more than once, for one reason or another.
        let reason = message.headers.first { $0.name == "x-backorder-reason" }?.value ?? ""
        return "\(message.messageID) \(reason)"
    }

    func committed(_ record: Committed) {
        for segment in record.removed {
            for name in segments[segment] ?? [] where (entries[name]?.published ?? 0) == 0 {
                fail(.published, "segment \(segment) leaves the outbox, but \(name) was not published")
            }
            segments[segment] = nil
        }
        if record.appended.isEmpty { return }
        if let segment = record.segment { segments[segment] = record.appended.map(name) }
        for message in record.appended {
            let name = name(message)
            if message.destination == .output {
                if let known = entries[name] {
                    fail(.published, "output \(name) was committed twice: \(known.message.type), \(message.type)")
                }
                checkSequence(message)
            } else {
                deadLetters += 1
            }
            if entries[name] == nil { names.append(name) }
            entries[name, default: Entry(message: message)].committed += 1
        }
    }

    private func checkSequence(_ message: OutboxMessage) {
        guard let object = Self.object(message.body) else {
            fail(.published, "output \(message.messageID) is not a JSON object")
            return
        }
        if object["id"] as? String != message.messageID || object["type"] as? String != message.type
            || object["cause"] as? String == nil || object["time"] as? String == nil
        {
            fail(.published, "output \(message.messageID): id, type, cause or time is not as it should be")
        }
        guard let order = object["order_id"] as? String else {
            if message.type != "reorder-requested" && message.type != "reorder-expedite" {
                fail(.sequence, "output \(message.messageID) of type \(message.type) names no order")
            }
            return
        }
        let expected = sequences[order, default: 0] + 1
        let found = object["sequence"] as? Int ?? 0
        if found != expected { fail(.sequence, "order \(order): sequence \(found) follows \(expected - 1)") }
        sequences[order] = found
    }

    func isPublished(_ message: OutboxMessage) -> Bool { (entries[name(message)]?.published ?? 0) > 0 }

    /// A message has reached the broker. Answers what the world learns from it, the first time.
    func published(_ message: OutboxMessage) -> News? {
        let name = name(message)
        publications += 1
        guard let entry = entries[name] else {
            fail(.published, "\(message.type) \(name) was published before it was committed")
            return nil
        }
        if entry.message.body != message.body || entry.message.routingKey != message.routingKey
            || entry.message.type != message.type
        {
            fail(.published, "\(message.type) \(name) was published with another body")
        }
        entries[name]?.published += 1
        return entry.published == 0 ? news(message) : nil
    }

    func finish() {
        for name in names {
            guard let entry = entries[name] else { continue }
            if entry.published < entry.committed {
                fail(
                    .published,
                    "\(entry.message.type) \(name) was committed \(entry.committed) times, published \(entry.published)"
                )
            }
        }
    }

    // MARK: Reading

    static func object(_ body: [UInt8]) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any]
    }

    private func news(_ message: OutboxMessage) -> News? {
        switch message.type {
        case "reorder-requested":
            guard let object = Self.object(message.body), let id = object["reorder_id"] as? String,
                let sku = object["sku"] as? String, let units = object["quantity"] as? Int,
                let location = object["location"] as? String
            else { return nil }
            return .reorder(SupplyID(id), SKU(sku), Units(units), LocationID(location))
        case "fulfilment-requested":
            guard let object = Self.object(message.body), let order = object["order_id"] as? String,
                let location = object["location"] as? String, let lines = object["lines"] as? [[String: Any]]
            else { return nil }
            let picked = lines.compactMap { line -> (lineID: LineID, sku: SKU, units: Units)? in
                guard let id = line["line_id"] as? String, let sku = line["sku"] as? String,
                    let units = line["quantity"] as? Int
                else { return nil }
                return (LineID(id), SKU(sku), Units(units))
            }
            return .fulfilment(OrderID(order), LocationID(location), picked)
        default: return nil
        }
    }
}
