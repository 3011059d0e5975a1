import InventoryCore
import MessageSchema

/// What shops, warehouses, suppliers and clerks send: all input types, few SKUs, many collisions; by seed.
///
/// It reacts, too: what the daemon asks to ship is shipped, what it reorders is announced and received.
struct Workload {
    let skus: [SKU]
    let locations: [LocationID]
    var random: SimRandom
    private var count = 0
    private var contents = 0
    /// Placed, or made and held back: messages about them may come first.
    private(set) var orders: [SimOrder] = []
    private var inbounds: [SupplyID] = []
    /// Reorders that were asked for.
    private var asked: [(id: SupplyID, sku: SKU, quantity: Units, location: LocationID)] = []
    /// What was asked to ship.
    private var picks: [(order: OrderID, location: LocationID, lines: [(lineID: LineID, sku: SKU, units: Units)])] = []
    private let namesLocations: Bool
    private let hugeNow: Bool
    /// Facts that can be told again, with what makes them.
    private var told: [Telling] = []

    /// Enough to write a message again: the same fact under another id, or in another form.
    struct Telling {
        var type: String
        var id: String?
        var time: Instant?
        var members: [(String, String)]
        var message: SimMessage
    }

    init(skus: [SKU], locations: [LocationID], random: SimRandom) {
        self.skus = skus
        self.locations = locations
        self.random = random
        namesLocations = self.random.percent(70)
        hugeNow = self.random.percent(10)
    }

    // MARK: What the world told

    mutating func heardReorder(_ id: SupplyID, _ sku: SKU, _ quantity: Units, _ location: LocationID) {
        asked.append((id, sku, quantity, location))
    }

    mutating func heardFulfilment(
        _ order: OrderID, _ location: LocationID, _ lines: [(lineID: LineID, sku: SKU, units: Units)]
    ) {
        picks.append((order, location, lines))
    }

    // MARK: Making messages

    mutating func next(now: Instant) -> SimMessage {
        switch random.weighted([30, 16, 16, 7, 3, 7, 6, 2, 3]) {
        case 0: return placed(now)
        case 1: return received(now)
        case 2: return shipped(now)
        case 3: return cancelled(now)
        case 4: return released(now)
        case 5: return adjusted(now)
        case 6: return inbound(now)
        case 7: return inboundCancelled(now)
        default: return item(now)
        }
    }

    /// A fact that was told before, under another id; half of them in another form.
    mutating func again(now: Instant) -> SimMessage? {
        guard var telling = random.pick(told), telling.message.knowledge.fact != nil, telling.id != nil else {
            return nil
        }
        count += 1
        telling.id = "again-\(count)"
        return write(telling, knowledge: telling.message.knowledge, otherForm: random.percent(50))
    }

    /// A fact that was told before, under another id and with other content.
    mutating func contradiction(now: Instant) -> SimMessage? {
        guard var telling = random.pick(told), telling.message.knowledge.fact != nil, telling.id != nil else {
            return nil
        }
        count += 1
        telling.id = "contra-\(count)"
        telling.members.append(("note_of_the_clerk", MessageText.quoted("changed \(count)")))
        var knowledge = telling.message.knowledge
        contents += 1
        knowledge.content = contents
        return write(telling, knowledge: knowledge, otherForm: false)
    }

    private mutating func write(_ telling: Telling, knowledge: Knowledge, otherForm: Bool) -> SimMessage {
        var message = telling.message
        message.number = count
        message.knowledge = knowledge
        message.knowledge.id = telling.id ?? knowledge.id
        let form: MessageText.Form = otherForm ? random.pick(MessageText.Form.allCases) ?? .native : .native
        (message.body, message.envelope) = MessageText.message(
            telling.type, id: telling.id, time: telling.time, telling.members, form: form, spaced: otherForm)
        return message
    }

    mutating func message(
        _ type: String, _ key: (name: String, value: String)?, _ members: [(String, String)], _ deed: Deed,
        now: Instant, mayLackID: Bool = true, keyHasTime: Bool = false, namesUnknownLine: Bool = false
    ) -> SimMessage {
        count += 1
        contents += 1
        // Producers' clocks are not the daemon's.
        let time: Instant? =
            random.percent(95) || keyHasTime
            ? now.adding(microseconds: Int64(random.within(-7_200_000...60_000)) * 1_000) : nil
        let lacksID = mayLackID && key != nil && !keyHasTime && random.percent(5)
        let id = lacksID ? nil : "m\(count)"
        var all = members
        if let key { all.insert((key.name, MessageText.quoted(key.value)), at: 0) }
        let form = random.pick(MessageText.Form.allCases) ?? .native
        let (body, envelope) = MessageText.message(
            type, id: id, time: time, all, form: form, spaced: random.percent(10))
        var fact = key.map { "\(type):\($0.value)" }
        if keyHasTime, let time { fact = fact.map { "\($0):\(time.microseconds)" } }
        let message = SimMessage(
            number: count, queue: random.percent(70) == (type == "order-placed") ? "orders" : "stock",
            envelope: envelope, body: body, properties: random.percent(10) ? [0xEE] : [],
            knowledge: Knowledge(
                id: id ?? fact ?? "", fact: fact, content: contents, unusable: nil, namesUnknownLine: namesUnknownLine,
                time: time, deed: deed))
        if told.count < 60 {
            told.append(Telling(type: type, id: id, time: time, members: all, message: message))
        } else {
            told[random.below(60)] = Telling(type: type, id: id, time: time, members: all, message: message)
        }
        return message
    }

    mutating func units() -> Units {
        if hugeNow && random.percent(5) { return 1_000_000_000 }
        return Units(random.within(1...6))
    }

    private mutating func sku() -> SKU { random.pick(skus) ?? "A" }
    private mutating func location() -> LocationID { random.pick(locations) ?? "WH-1" }

    private mutating func moment(_ name: String, _ now: Instant, percent: Int, hours: ClosedRange<Int>)
        -> (member: [(String, String)], at: Instant?)
    {
        guard random.percent(percent) else { return ([], nil) }
        let at = now.adding(microseconds: Int64(random.within(hours)) * Instant.microsecondsPerHour)
        return ([(name, MessageText.quoted(MessageText.time(at)))], at)
    }

    // MARK: Orders

    private mutating func placed(_ now: Instant) -> SimMessage {
        let id = OrderID("O\(orders.count + 1)")
        var order = SimOrder(orderID: id, lines: [])
        let named = random.percent(30)
        let lineCount = random.percent(4) ? 12 : random.within(1...3)
        var texts: [String] = []
        for index in 1...lineCount {
            let line = SimOrder.Line(
                lineID: LineID(named ? "line-\(index)" : "\(index)"), sku: sku(), quantity: units(),
                pin: random.percent(20) ? location() : nil)
            order.lines.append(line)
            var members = [("sku", MessageText.quoted(line.sku.text)), ("quantity", "\(line.quantity)")]
            if named { members.append(("line_id", MessageText.quoted(line.lineID.text))) }
            if let pin = line.pin { members.append(("location", MessageText.quoted(pin.text))) }
            if random.percent(20) { members.append(("unit_price", "9.90")) }
            texts.append(MessageText.object(members))
        }
        var members = [("lines", MessageText.array(texts))]
        let placed = moment("placed_at", now, percent: 40, hours: -24 ... -1)
        order.placedAt = placed.at
        orders.append(order)
        members += placed.member
        members += moment("requested_by", now, percent: 40, hours: 1...96).member
        if random.percent(40) {
            let segment = random.percent(50) ? "vip-1" : "web"
            members.append(("customer", "{\"id\":\"c\(random.below(5))\",\"segment\":\"\(segment)\"}"))
        }
        if random.percent(30) { members.append(("priority", "\(random.within(0...9))")) }
        if random.percent(30) { members.append(("ship", random.percent(60) ? "\"complete\"" : "\"partial\"")) }
        return message("order-placed", ("order_id", id.text), members, .placed(order), now: now)
    }

    /// An order that is known, or that will be: its message may still be on its way.
    private mutating func someOrder() -> SimOrder? {
        guard !orders.isEmpty else { return nil }
        // Mostly a recent one.
        let recent = random.percent(60) ? max(0, orders.count - 8) : 0
        return orders[random.within(recent...(orders.count - 1))]
    }

    private mutating func cancelled(_ now: Instant) -> SimMessage {
        guard let order = someOrder() else { return placed(now) }
        var members: [(String, String)] = []
        if random.percent(60) {
            let lines = selections(order, quantities: random.percent(80)).map(\.text)
            members.append(("lines", MessageText.array(lines)))
        }
        members.append(("order_id", MessageText.quoted(order.orderID.text)))
        members.append(("reason", MessageText.quoted("changed their mind \(random.below(1_000_000))")))
        return message("order-cancelled", nil, members, .cancelled(order.orderID), now: now, mayLackID: false)
    }

    private mutating func released(_ now: Instant) -> SimMessage {
        guard let order = someOrder() else { return placed(now) }
        var members = [("order_id", MessageText.quoted(order.orderID.text))]
        if random.percent(70) { members.append(("decision", random.percent(60) ? "\"wait\"" : "\"cancel\"")) }
        return message("order-released", nil, members, .released(order.orderID), now: now, mayLackID: false)
    }

    private mutating func selections(_ order: SimOrder, quantities: Bool) -> [(text: String, sku: SKU, units: Units)] {
        var result: [(text: String, sku: SKU, units: Units)] = []
        for _ in 0..<random.within(1...2) {
            guard let line = random.pick(order.lines) else { continue }
            let units = quantities ? min(units(), line.quantity + 1) : 1
            var members =
                random.percent(60)
                ? [("line_id", MessageText.quoted(line.lineID.text))] : [("sku", MessageText.quoted(line.sku.text))]
            if quantities { members.append(("quantity", "\(units)")) }
            result.append((MessageText.object(members), line.sku, units))
        }
        return result
    }

    private mutating func shipped(_ now: Instant) -> SimMessage {
        if !picks.isEmpty, random.percent(60) {
            let pick = picks.remove(at: random.below(picks.count))
            let lines = pick.lines.map { line in
                MessageText.object([
                    ("line_id", MessageText.quoted(line.lineID.text)), ("quantity", "\(line.units)"),
                ])
            }
            return shipment(
                pick.order, random.percent(80) || namesLocations ? pick.location : nil, lines,
                pick.lines.map { SKUQuantity(sku: $0.sku, quantity: $0.units) }, now)
        }
        guard let order = someOrder() else { return received(now) }
        let chosen = selections(order, quantities: true)
        return shipment(
            order.orderID, namesLocations || random.percent(50) ? location() : nil, chosen.map(\.text),
            chosen.map { SKUQuantity(sku: $0.sku, quantity: $0.units) }, now)
    }

    private mutating func shipment(
        _ orderID: OrderID, _ location: LocationID?, _ lines: [String], _ units: [SKUQuantity], _ now: Instant
    ) -> SimMessage {
        count += 1
        let dispatched = moment("dispatched_at", now, percent: 40, hours: -12...0)
        var members = [
            ("order_id", MessageText.quoted(orderID.text)), ("lines", MessageText.array(lines)),
        ]
        if let location { members.append(("location", MessageText.quoted(location.text))) }
        if random.percent(50) { members.append(("carrier", "\"DHL\"")) }
        members += dispatched.member
        return message(
            "shipment-dispatched", ("shipment_id", "S\(count)"), members,
            .shipped(SimShipment(orderID: orderID, location: location, lines: units, dispatchedAt: dispatched.at)),
            now: now)
    }

    // MARK: Stock

    private mutating func received(_ now: Instant) -> SimMessage {
        count += 1
        var place = location()
        var lines = (0..<random.within(1...2)).map { _ in SKUQuantity(sku: sku(), quantity: units()) }
        var members: [(String, String)] = []
        if !asked.isEmpty, random.percent(50) {
            let reorder = asked[random.below(asked.count)]
            // As asked, too few, or too many.
            let units = max(1, reorder.quantity + Units([0, 0, 0, -1, 2][random.below(5)]))
            lines = [SKUQuantity(sku: reorder.sku, quantity: min(units, 1_000_000_000))]
            if random.percent(80) { place = reorder.location }
            if random.percent(70) { members.append(("reorder_id", MessageText.quoted(reorder.id.text))) }
        } else if !inbounds.isEmpty, random.percent(40) {
            members.append(("inbound_id", MessageText.quoted(inbounds[random.below(inbounds.count)].text)))
        }
        if random.percent(30) {
            members.append(("supplier", MessageText.quoted(SimRules.suppliers[random.below(2)].text)))
        }
        let received = moment("received_at", now, percent: 40, hours: -24...0)
        members += received.member
        members.append(("location", MessageText.quoted(place.text)))
        members.append(("lines", MessageText.array(lines.map(Workload.line))))
        return message(
            "stock-received", ("receipt_id", "R\(count)"), members,
            .received(location: place, lines: lines, receivedAt: received.at), now: now)
    }

    private static func line(_ line: SKUQuantity) -> String {
        MessageText.object([("sku", MessageText.quoted(line.sku.text)), ("quantity", "\(line.quantity)")])
    }

    private mutating func adjusted(_ now: Instant) -> SimMessage {
        count += 1
        let place = location()
        var lines: [StockAdjusted.Line] = []
        for _ in 0..<random.within(1...2) {
            let change: StockAdjusted.Change
            switch random.below(3) {
            case 0: change = .delta(units())
            case 1: change = .delta(-units())
            default: change = .counted(Units(random.within(0...8)))
            }
            lines.append(.init(sku: sku(), change: change))
        }
        let texts = lines.map { line in
            let change =
                switch line.change {
                case .delta(let units): ("delta", "\(units)")
                case .counted(let units): ("counted", "\(units)")
                }
            return MessageText.object([("sku", MessageText.quoted(line.sku.text)), change])
        }
        return message(
            "stock-adjusted", ("adjustment_id", "J\(count)"),
            [("location", MessageText.quoted(place.text)), ("lines", MessageText.array(texts))],
            .adjusted(location: place, lines: lines), now: now)
    }

    // MARK: Supply and items

    private mutating func inbound(_ now: Instant) -> SimMessage {
        count += 1
        var id = SupplyID("I\(inbounds.count + 1)")
        if !inbounds.isEmpty, random.percent(50) {
            // A freight delay, or good news.
            id = inbounds[random.below(inbounds.count)]
        } else {
            inbounds.append(id)
        }
        var place = location()
        var lines = (0..<random.within(1...2)).map { _ in SKUQuantity(sku: sku(), quantity: units()) }
        var members: [(String, String)] = []
        if !asked.isEmpty, random.percent(60) {
            let reorder = asked[random.below(asked.count)]
            lines = [SKUQuantity(sku: reorder.sku, quantity: min(reorder.quantity, 1_000_000_000))]
            place = reorder.location
            members.append(("reorder_id", MessageText.quoted(reorder.id.text)))
        }
        let expected = now.adding(microseconds: Int64(random.within(-24...240)) * Instant.microsecondsPerHour)
        members.append(("location", MessageText.quoted(place.text)))
        members.append(("expected_at", MessageText.quoted(MessageText.time(expected))))
        members.append(("lines", MessageText.array(lines.map(Workload.line))))
        return message(
            "inbound-scheduled", ("inbound_id", id.text), members, .inbound, now: now, keyHasTime: true)
    }

    private mutating func inboundCancelled(_ now: Instant) -> SimMessage {
        guard let id = random.pick(inbounds) else { return inbound(now) }
        let members = [("inbound_id", MessageText.quoted(id.text)), ("reason", "\"\(random.below(1_000_000))\"")]
        return message("inbound-cancelled", nil, members, .inbound, now: now, mayLackID: false)
    }

    private mutating func item(_ now: Instant) -> SimMessage {
        let sku = sku()
        var settings = SimRules.item(&random)
        if settings == ItemSettings() { settings.leadTimeDays = Int64(random.within(0...6)) }
        var members = [("sku", MessageText.quoted(sku.text))]
        if let supplier = settings.supplier { members.append(("supplier", MessageText.quoted(supplier.text))) }
        if let days = settings.leadTimeDays { members.append(("lead_time_days", "\(days)")) }
        if let reorder = settings.reorder {
            var parts: [(String, String)] = []
            if let value = reorder.point { parts.append(("point", "\(value)")) }
            if let value = reorder.upTo { parts.append(("up_to", "\(value)")) }
            if let value = reorder.minimum { parts.append(("minimum", "\(value)")) }
            if let value = reorder.multiple { parts.append(("multiple", "\(value)")) }
            members.append(("reorder", MessageText.object(parts)))
        }
        if let value = settings.onBackorder { members.append(("on_backorder", MessageText.quoted(value.rawValue))) }
        if case .units(let units)? = settings.backorderLimit { members.append(("backorder_limit", "\(units)")) }
        if let value = settings.ship { members.append(("ship", MessageText.quoted(value.rawValue))) }
        return message("item-updated", nil, members, .item(sku, settings), now: now, mayLackID: false)
    }

    /// A number for a message that is no telling of a fact.
    mutating func nextCount() -> Int {
        count += 1
        return count
    }
}
