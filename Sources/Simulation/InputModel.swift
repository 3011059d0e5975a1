import InventoryCore
import MessageSchema

/// What the contract says of each input, worked out from what its maker knows: which are known again, which are in
/// conflict, parked, unusable; and what comes, leaves and is counted.
struct InputModel {
    enum Expected: Equatable {
        case effect, duplicate, parked
        /// Known to the books, though the inbox has forgotten it.
        case nothing
        case deadLetter(String)
    }

    struct Parked {
        var message: SimMessage
        var arrival: Instant
        var parkedAt: Instant
    }

    private struct Known {
        var content: Int
        var receivedAt: Instant
    }

    private var messages: [String: Known] = [:]
    private var facts: [String: Known] = [:]
    private(set) var placed: [OrderID: (order: SimOrder, placedAt: Instant)] = [:]
    private(set) var parked: [Parked] = []
    fileprivate(set) var stock = StockModel()
    /// What item-updated said.
    private(set) var settings: [SKU: ItemSettings] = [:]
    /// Dead letters that the last input caused besides its own: parked messages that turned out wrong.
    private(set) var rejectedParked: [SimMessage] = []

    mutating func take(_ message: SimMessage, now: Instant, arrival: Instant) -> Expected {
        rejectedParked = []
        stock.begin()
        let knowledge = message.knowledge
        if let reason = knowledge.unusable { return .deadLetter(reason) }
        if messages[knowledge.id] != nil { return .duplicate }
        if let fact = knowledge.fact, let known = facts[fact] {
            if known.content != knowledge.content { return .deadLetter("conflict") }
            messages[knowledge.id] = Known(content: knowledge.content, receivedAt: now)
            return .duplicate
        }
        let expected = effect(message, now: now, arrival: arrival)
        if case .deadLetter = expected { return expected }
        let known = Known(content: knowledge.content, receivedAt: now)
        messages[knowledge.id] = known
        if let fact = knowledge.fact { facts[fact] = known }
        return expected
    }

    /// An input that nobody reads.
    mutating func reject(_ rejection: Rejection) -> Expected {
        rejectedParked = []
        stock.begin()
        return .deadLetter(rejection.reason.rawValue)
    }

    private mutating func effect(_ message: SimMessage, now: Instant, arrival: Instant) -> Expected {
        let knowledge = message.knowledge
        if let orderID = knowledge.deed.orderID {
            guard placed[orderID] != nil else {
                parked.removeAll {
                    $0.message.knowledge.id == knowledge.id && $0.message.knowledge.deed.orderID == orderID
                }
                parked.append(Parked(message: message, arrival: arrival, parkedAt: now))
                return .parked
            }
            if knowledge.namesUnknownLine { return .deadLetter("invalid") }
        }
        if case .placed(let order) = knowledge.deed {
            let placedAt = order.placedAt ?? knowledge.time ?? arrival
            if let known = placed[order.orderID] {
                return known.placedAt == placedAt ? .nothing : .deadLetter("conflict")
            }
            placed[order.orderID] = (order, placedAt)
            let due = parked.filter { $0.message.knowledge.deed.orderID == order.orderID }
                .sorted { left, right in
                    let (leftTime, rightTime) = (
                        left.message.knowledge.time ?? left.arrival, right.message.knowledge.time ?? right.arrival
                    )
                    return (leftTime, Identifier(left.message.knowledge.id))
                        < (rightTime, Identifier(right.message.knowledge.id))
                }
            parked.removeAll { $0.message.knowledge.deed.orderID == order.orderID }
            for entry in due {
                if entry.message.knowledge.namesUnknownLine {
                    rejectedParked.append(entry.message)
                } else {
                    stock.take(entry.message.knowledge, arrival: entry.arrival)
                }
            }
        }
        if case .item(let sku, let newer) = knowledge.deed { update(sku, newer) }
        stock.take(knowledge, arrival: arrival)
        return .effect
    }

    private mutating func update(_ sku: SKU, _ newer: ItemSettings) {
        var all = settings[sku] ?? ItemSettings()
        all.supplier = newer.supplier ?? all.supplier
        all.leadTimeDays = newer.leadTimeDays ?? all.leadTimeDays
        all.reorder = newer.reorder ?? all.reorder
        all.onBackorder = newer.onBackorder ?? all.onBackorder
        all.backorderLimit = newer.backorderLimit ?? all.backorderLimit
        all.ship = newer.ship ?? all.ship
        settings[sku] = all
    }

    /// Parked messages whose time is over: they are dead letters now.
    mutating func expire(now: Instant, parking: Int64) -> [SimMessage] {
        let due = parked.filter { $0.parkedAt.adding(microseconds: parking) <= now }
        parked.removeAll { $0.parkedAt.adding(microseconds: parking) <= now }
        return due.map(\.message)
    }

    mutating func prune(before: Instant) {
        messages = messages.filter { $0.value.receivedAt >= before }
        facts = facts.filter { $0.value.receivedAt >= before }
    }
}

/// What is on the shelves, from the inputs alone.
struct StockModel {
    struct Place: Hashable, Comparable {
        var sku: SKU
        var location: LocationID

        static func < (left: Place, right: Place) -> Bool {
            (left.sku, left.location) < (right.sku, right.location)
        }
    }

    struct Shelf: Equatable {
        var onHand: Units = 0
        /// By dispatched_at: shipped though nothing was there.
        var deficits: [Instant: Units] = [:]

        var net: Units { onHand - deficits.values.reduce(0, +) }
    }

    private(set) var shelves: [Place: Shelf] = [:]
    /// Shipped by order and SKU.
    private(set) var shipped: [OrderID: [SKU: Units]] = [:]
    private(set) var touched: Set<Place> = []
    /// SKUs that left without anybody saying from where: how many units, since the last look.
    private(set) var unplaced: [SKU: Units] = [:]

    mutating func begin() {
        touched = []
        unplaced = [:]
    }

    mutating func take(_ knowledge: Knowledge, arrival: Instant) {
        let time = knowledge.time ?? arrival
        switch knowledge.deed {
        case .received(let location, let lines, let receivedAt):
            for line in lines { receive(line, location, receivedAt ?? time) }
        case .shipped(let shipment):
            for line in shipment.lines {
                shipped[shipment.orderID, default: [:]][line.sku, default: 0] += line.quantity
                ship(line, shipment.location, shipment.dispatchedAt ?? time)
            }
        case .adjusted(let location, let lines):
            for line in lines { adjust(line, location) }
        case .placed, .cancelled, .released, .item, .inbound, .nothing: break
        }
    }

    private mutating func change(_ sku: SKU, _ location: LocationID, _ body: (inout Shelf) -> Void) {
        let place = Place(sku: sku, location: location)
        touched.insert(place)
        body(&shelves[place, default: Shelf()])
    }

    private mutating func receive(_ line: SKUQuantity, _ location: LocationID, _ receivedAt: Instant) {
        change(line.sku, location) { shelf in
            var rest = line.quantity
            // It was merely late: these units have left already.
            for date in shelf.deficits.keys.sorted() where date >= receivedAt {
                let units = min(rest, shelf.deficits[date] ?? 0)
                shelf.deficits[date, default: 0] -= units
                if shelf.deficits[date] == 0 { shelf.deficits[date] = nil }
                rest -= units
            }
            shelf.onHand += rest
        }
    }

    private mutating func ship(_ line: SKUQuantity, _ location: LocationID?, _ dispatchedAt: Instant) {
        guard let location else {
            unplaced[line.sku, default: 0] += line.quantity
            return
        }
        change(line.sku, location) { shelf in
            let there = min(line.quantity, shelf.onHand)
            shelf.onHand -= there
            if there < line.quantity { shelf.deficits[dispatchedAt, default: 0] += line.quantity - there }
        }
    }

    private mutating func adjust(_ line: StockAdjusted.Line, _ location: LocationID) {
        change(line.sku, location) { shelf in
            switch line.change {
            case .delta(let units): shelf.onHand = max(0, shelf.onHand + units)
            case .counted(let units): shelf = Shelf(onHand: units)
            }
        }
    }

    /// Nobody said from where a shipment left: what the books say is taken over, after its sum was checked.
    mutating func adopt(_ sku: SKU, _ found: [LocationID: Shelf]) {
        for place in shelves.keys where place.sku == sku { shelves[place] = nil }
        for (location, shelf) in found { shelves[Place(sku: sku, location: location)] = shelf }
    }

    func net(_ sku: SKU) -> Units {
        shelves.reduce(0) { $1.key.sku == sku ? $0 + $1.value.net : $0 }
    }
}

extension InputModel {
    mutating func adopt(_ sku: SKU, _ found: [LocationID: StockModel.Shelf]) { stock.adopt(sku, found) }
}
