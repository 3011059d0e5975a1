public import BackOrderStore
public import InventoryCore

/// A warehouse's day as text: one step a line, what was told behind `=>`. Used by the tables in InventoryCoreTests.
///
///     receive R1 WH-1: A 5            => -
///     place O1: A 3                   => O1 confirmed A 3; O1 ship WH-1 A 3
///     place O2: A 4 complete          => O2 back-ordered A 2; reorder A 2
///     stock A                         => WH-1 5/5; waiting 2; on order 2
///     order O2                        => A 4 = allocated 2 + waiting 2
///
/// Steps: `receive ID LOC: …`, `place ID: …`, `ship ID ORDER [LOC]: …`, `cancel ORDER[: …]`, `release ORDER [cancel]`,
/// `adjust LOC: A +3, B -2, C =0`, `inbound ID LOC day N: … [for REORDER]`, `inbound-cancel ID`, `item A key value …`,
/// and the questions `stock SKU`, `order ID`, `waiting SKU`. A line starts with `@N` to say its time: day N.
/// In a quantity list `A 3@WH-2` is a pinned line; `#2 3` names a line by its id.
public final class Story {
    public struct Mismatch: Sendable, CustomStringConvertible {
        public var line: String
        public var expected: String
        public var found: String
        public var description: String { "\(line)\n  expected: \(expected)\n  found:    \(found)" }
    }

    private let store: any BackOrderStore
    private let decider: Decider
    private let strategy: Strategy
    private var day: Int64 = 0
    private var count = 0
    public private(set) var outputs: [Output] = []

    public init(store: any BackOrderStore, rules: Rulebook = Rulebook()) throws {
        self.store = store
        self.decider = Decider(rules: rules)
        self.strategy = rules.strategy
        try store.migrate()
        try store.adopt(rules.strategy)
    }

    /// Runs the steps; answers where what was told is not what the table says. A step without `=>` is not compared.
    public func run(_ text: String) throws -> [Mismatch] {
        var mismatches: [Mismatch] = []
        for rawLine in text.split(separator: "\n") {
            let line = rawLine.split(separator: "--", maxSplits: 1).first.map(String.init)?.trimmed ?? ""
            if line.isEmpty { continue }
            let halves = line.components("=>")
            let found = try step(halves[0].trimmed)
            guard halves.count > 1 else { continue }
            let expected = halves[1].trimmed
            if found != expected { mismatches.append(Mismatch(line: line, expected: expected, found: found)) }
        }
        return mismatches
    }

    private func step(_ text: String) throws -> String {
        var text = text
        if text.hasPrefix("@") {
            let space = text.firstIndex(of: " ") ?? text.endIndex
            day = Int64(text[text.index(after: text.startIndex)..<space]) ?? day
            text = String(text[space...]).trimmed
        }
        let colon = text.firstIndex(of: ":")
        let head = words(String(text[..<(colon ?? text.endIndex)]))
        let tail = colon.map { String(text[text.index(after: $0)...]).trimmed } ?? ""
        switch head[0] {
        case "stock": return try stock(SKU(head[1]))
        case "order": return try order(OrderID(head[1]))
        case "waiting": return try waiting(SKU(head[1]))
        default: return try tell(input(head, tail))
        }
    }

    private var now: Instant { Instant(microseconds: 0).adding(days: day) }

    private func tell(_ input: Input) throws -> String {
        count += 1
        let message = InputMessage(id: "m\(count)", time: now.adding(microseconds: Int64(count)), input: input)
        let decision = try store.write { transaction in
            let ledger = WorkingSet(reader: transaction, strategy: strategy)
            try ledger.prefetch([message])
            let decision = try decider.decide(message, now: message.time, in: ledger)
            try transaction.apply(ledger.takeChanges())
            return decision
        }
        outputs += decision.outputs
        switch decision.effect {
        case .rejected(let rejection): return "rejected \(rejection.reason.rawValue)"
        case .parked: return "parked"
        case .none, .applied: break
        }
        let told = decision.outputs.map(Story.short) + decision.rejectedParked.map { "dead \($0.message.message.id)" }
        return told.isEmpty ? "-" : told.joined(separator: "; ")
    }

    // MARK: Reading steps

    private func input(_ head: [String], _ tail: String) throws -> Input {
        switch head[0] {
        case "receive":
            return .stockReceived(
                StockReceived(
                    receiptID: Identifier(head[1]), location: LocationID(head[2]),
                    lines: quantities(tail).map { SKUQuantity(sku: SKU($0.name), quantity: $0.units) },
                    reorderID: option("reorder", head), inboundID: option("inbound", head),
                    receivedAt: option("day", head).flatMap { Int64($0.text) }.map {
                        Instant(microseconds: 0).adding(days: $0)
                    } ?? now))
        case "place": return .orderPlaced(placed(head, tail))
        case "ship":
            return .shipmentDispatched(
                ShipmentDispatched(
                    shipmentID: Identifier(head[1]), orderID: OrderID(head[2]), lines: selections(tail),
                    location: head.count > 3 ? LocationID(head[3]) : nil, dispatchedAt: now))
        case "cancel":
            return .orderCancelled(
                OrderCancelled(orderID: OrderID(head[1]), lines: tail.isEmpty ? nil : selections(tail)))
        case "release":
            return .orderReleased(
                OrderReleased(orderID: OrderID(head[1]), decision: head.last == "cancel" ? .cancel : .wait))
        case "adjust":
            count += 1
            return .stockAdjusted(
                StockAdjusted(
                    adjustmentID: Identifier("adj\(count)"), location: LocationID(head[1]),
                    lines: tail.components(",").map { part in
                        let pair = words(part)
                        let amount = pair[1]
                        let change: StockAdjusted.Change =
                            amount.hasPrefix("=")
                            ? .counted(Units(amount.dropFirst()) ?? 0) : .delta(Units(amount) ?? 0)
                        return .init(sku: SKU(pair[0]), change: change)
                    }))
        case "inbound":
            return .inboundScheduled(
                InboundScheduled(
                    inboundID: SupplyID(head[1]), location: LocationID(head[2]),
                    expectedAt: Instant(microseconds: 0).adding(days: Int64(head[4]) ?? 0),
                    lines: quantities(tail).map { SKUQuantity(sku: SKU($0.name), quantity: $0.units) },
                    reorderID: option("for", head)))
        case "inbound-cancel": return .inboundCancelled(InboundCancelled(inboundID: SupplyID(head[1])))
        case "item":
            var settings = ItemSettings()
            settings.leadTimeDays = option("lead", head).flatMap { Int64($0.text) }
            settings.supplier = option("supplier", head)
            if let point = option("point", head).flatMap({ Units($0.text) }) {
                settings.reorder = ReorderSettings(
                    point: point, upTo: option("upto", head).flatMap { Units($0.text) },
                    minimum: option("minimum", head).flatMap { Units($0.text) },
                    multiple: option("multiple", head).flatMap { Units($0.text) })
            }
            return .itemUpdated(ItemUpdated(sku: SKU(head[1]), settings: settings))
        default: preconditionFailure("no such step: \(head[0])")
        }
    }

    private func placed(_ head: [String], _ tail: String) -> OrderPlaced {
        let options = words(tail).drop { !["complete", "partial", "p", "by", "placed", "segment"].contains($0) }
        let list = words(tail).prefix { !["complete", "partial", "p", "by", "placed", "segment"].contains($0) }
        let parts = quantities(list.joined(separator: " "))
        func days(_ name: String) -> Instant? {
            option(name, Array(options)).flatMap { Int64($0.text) }.map { Instant(microseconds: 0).adding(days: $0) }
        }
        return OrderPlaced(
            orderID: OrderID(head[1]),
            lines: parts.enumerated().map { index, part in
                .init(lineID: LineID("\(index + 1)"), sku: SKU(part.name), quantity: part.units, location: part.pin)
            },
            placedAt: days("placed") ?? now,
            customer: option("segment", Array(options)).map {
                Customer(json: "{\"segment\":\"\($0.text)\"}", segment: $0.text)
            },
            priority: option("p", Array(options)).flatMap { Int($0.text) }, requestedBy: days("by"),
            ship: options.contains("complete") ? .complete : options.contains("partial") ? .partial : nil)
    }

    private func option(_ name: String, _ words: [String]) -> Identifier? {
        guard let index = words.firstIndex(of: name), index + 1 < words.count else { return nil }
        return Identifier(words[index + 1])
    }

    private func quantities(_ text: String) -> [(name: String, units: Units, pin: LocationID?)] {
        text.components(",").map { part in
            let pair = words(part)
            let amount = pair[1].components("@")
            return (pair[0], Units(amount[0]) ?? 0, amount.count > 1 ? LocationID(amount[1]) : nil)
        }
    }

    private func selections(_ text: String) -> [LineQuantity] {
        quantities(text).map { part in
            part.name.hasPrefix("#")
                ? LineQuantity(.line(LineID(String(part.name.dropFirst()))), quantity: part.units)
                : LineQuantity(.sku(SKU(part.name)), quantity: part.units)
        }
    }

    private func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

    // MARK: Showing

    private func stock(_ sku: SKU) throws -> String {
        let rows = try store.read { try $0.stock(sku: sku, after: nil, limit: 100) }
        let item = try store.write { try $0.items([sku]).first }
        var parts = rows.map { "\($0.location) \($0.onHand)/\($0.allocated)" }
        parts.append("waiting \(item?.waiting ?? 0)")
        parts.append("on order \(item?.onOrder ?? 0)")
        return parts.joined(separator: "; ")
    }

    private func order(_ orderID: OrderID) throws -> String {
        guard let order = try store.read({ try $0.order(orderID) }) else { return "unknown" }
        let lines = order.lines.map { line in
            var parts: [String] = []
            for allocation in line.allocations { parts.append("\(allocation.location) \(allocation.units)") }
            if line.waiting > 0 { parts.append("waiting \(line.waiting)") }
            if line.held > 0 { parts.append("held \(line.held)") }
            if line.dispatched > 0 { parts.append("dispatched \(line.dispatched)") }
            if line.cancelled > 0 { parts.append("cancelled \(line.cancelled)") }
            if line.refused > 0 { parts.append("refused \(line.refused)") }
            return "\(line.sku) \(line.ordered) = " + parts.joined(separator: " + ")
        }
        return "\(order.status.rawValue): " + lines.joined(separator: "; ")
    }

    private func waiting(_ sku: SKU) throws -> String {
        let rows = try store.read { try $0.backOrders(sku: sku, after: nil, limit: 1000) }
        return rows.isEmpty ? "-" : rows.map { "\($0.key.orderID) \($0.waiting)" }.joined(separator: ", ")
    }

    private static func short(_ output: Output) -> String {
        let name = output.order.map { "\($0.orderID) " } ?? ""
        switch output.body {
        case .notification(let notice):
            let kind = notice.kind.rawValue
            let word =
                kind.hasPrefix("order-") ? String(kind.dropFirst(6)) : String(kind.dropFirst("backorder-".count))
            let lines = notice.lines.map { line in
                line.promisedAt.map {
                    "\(line.sku) \(line.quantity) day \($0.microseconds / Instant.microsecondsPerDay)"
                }
                    ?? "\(line.sku) \(line.quantity)"
            }
            return name + (word == "backordered" ? "back-ordered" : word) + " " + lines.joined(separator: ", ")
        case .fulfilmentRequested(let fulfilment):
            return name + "ship \(fulfilment.location) " + list(fulfilment)
        case .fulfilmentWithdrawn(let fulfilment):
            return name + "withdraw \(fulfilment.location) " + list(fulfilment)
        case .reorderRequested(let reorder):
            return "reorder \(reorder.sku) \(reorder.quantity)"
        case .reorderExpedite(let expedite):
            return "expedite \(expedite.sku)"
        }
    }

    private static func list(_ fulfilment: Fulfilment) -> String {
        fulfilment.lines.map { "\($0.sku) \($0.quantity)" }.joined(separator: ", ")
    }
}

extension String {
    fileprivate var trimmed: String {
        var view = self[...]
        while view.first == " " { view.removeFirst() }
        while view.last == " " { view.removeLast() }
        return String(view)
    }

    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        parts.append(String(rest))
        return parts
    }
}
