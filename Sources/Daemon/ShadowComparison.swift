import InventoryCore
import MessageSchema

/// What a shadow would have asked for, beside what was really shipped: made of its journal, line by line in order.
///
/// All times are the messages' own, so that a shadow that was behind is not taken for a slow one. Orders that are done
/// with are kept as a word only; what differs is kept up to a bound.
struct ShadowComparison {
    /// How a shipped, or not shipped, quantity compares.
    enum Kind: String, CaseIterable {
        case elsewhere = "another-location"
        case givenToOthers = "given-to-others"
        case notReady = "not-ready"
        case held = "held"
        case beforeOrder = "before-its-order"
        case over = "more-than-open"
        case notShipped = "not-shipped"
        case partlyShipped = "partly-shipped"
        case late = "promise-late"
        case overdue = "promise-overdue"
    }

    struct Difference {
        var kind: Kind
        var orderID: OrderID
        var lineID: LineID
        var sku: SKU
        var units: Units
        /// When the shadow asked for it, or, for a promise, the date it told last.
        var expectedAt: Instant?
        var expectedLocation: LocationID?
        var shippedAt: Instant?
        var shippedLocation: LocationID?
        var shipmentID: Identifier?
        /// To which orders the shadow had given those units: the first of them.
        var others: [OrderID] = []
    }

    struct Promises {
        var kept = 0
        var late = 0
        /// Not shipped in full yet, and its date has passed.
        var overdue = 0
        var open = 0
        /// Of those kept and late: shipped minus promised.
        var distance = WeightedTimes()
    }

    /// A stretch of time of which messages are missing.
    struct Gap {
        var from: Instant
        var to: Instant
        var cause: String
    }

    private struct Ask {
        var location: LocationID?
        var units: Units
        var at: Instant
    }

    private struct Line {
        var lineID: LineID
        var sku: SKU
        var ordered: Units
        var shipped: Units = 0
        /// Cancelled or refused.
        var gone: Units = 0
        var asks: [Ask] = []
        var firstPromise: Instant?
        var lastPromise: Instant?
        var doneAt: Instant?

        var open: Units { ordered - gone - shipped }
    }

    private struct OpenOrder {
        var lines: [Line]
        var isHeld = false
        var wasAsked = false
        var wasShipped = false
        /// It was done with, and a further shipment came.
        var isAgain = false
        var differs: Set<Kind> = []
    }

    private enum State {
        case open(OpenOrder)
        case done(wasShipped: Bool, wasAsAsked: Bool)
    }

    private static let differencesMax = 100_000
    private static let othersMax = 10
    /// More than can wait in an outbox when a shadow dies: what is written twice is among the last so many.
    private static let keysMax = 200_000

    let since: Instant?
    private(set) var inputs: [String: Int] = [:]
    private(set) var deadLetters: [String: Int] = [:]
    private(set) var orders = 0
    private(set) var ordersAsked = 0
    private(set) var ordersShipped = 0
    private(set) var ordersAsAsked = 0
    private(set) var ordersBy: [Kind: Int] = [:]
    private(set) var units: [Kind: Units] = [:]
    private(set) var unitsAsAsked: Units = 0
    private(set) var unitsShipped: Units = 0
    /// From the request to the truck, by line and shipment.
    private(set) var delay = WeightedTimes()
    private(set) var openAge = WeightedTimes()
    private(set) var first = Promises()
    private(set) var last = Promises()
    private(set) var shipments = 0
    private(set) var shipmentsWithoutLocation = 0
    /// Of orders that the journal has not seen placed.
    private(set) var shipmentsOfUnknownOrders = 0
    private(set) var differences: [Difference] = []
    private(set) var differencesLeftOut = 0
    private(set) var gaps: [Gap] = []
    private(set) var beginsAt: Instant?
    private(set) var endsAt: Instant?
    /// The time of the latest message; never after it was taken in.
    private(set) var asOf = Instant(microseconds: .min)
    private var states: [OrderID: State] = [:]
    /// Noted, and not seen in an `order-dispatched` yet: parked.
    private var parked: [String: ShadowNote.Shipped] = [:]
    private var keys: Set<String> = []
    private var keyRing: [String] = []
    private var nextKey = 0
    private var hasRun = false

    /// - Parameter since: only orders that were placed at this time or later; nil: all.
    init(since: Instant? = nil) {
        self.since = since
    }

    mutating func take(_ entry: ShadowEntry, at: Instant) {
        switch entry {
        case .note(let note):
            if isKnown(note.key) { break }
            take(note, at: at)
        case .deadLetter(let reason, _, _): deadLetters[reason, default: 0] += 1
        case .started(let queues): takeStart(queues, at: at)
        case .full(let queues): for queue in queues { takeFull(queue, at: at) }
        case .output, .stopped: break
        }
        beginsAt = beginsAt ?? at
        endsAt = max(endsAt ?? at, at)
    }

    private mutating func isKnown(_ key: String) -> Bool {
        if !keys.insert(key).inserted { return true }
        if keyRing.count < ShadowComparison.keysMax {
            keyRing.append(key)
        } else {
            keys.remove(keyRing[nextKey])
            keyRing[nextKey] = key
            nextKey = (nextKey + 1) % ShadowComparison.keysMax
        }
        return false
    }

    private mutating func takeStart(_ queues: [ShadowEntry.QueueState], at: Instant) {
        defer { hasRun = true }
        guard hasRun, let from = endsAt else { return }
        for queue in queues {
            if let messages = queue.messages {
                if messages >= queue.limit {
                    gaps.append(
                        Gap(from: from, to: at, cause: "\(queue.queue) was full: its oldest messages were dropped"))
                }
            } else {
                gaps.append(Gap(from: from, to: at, cause: "\(queue.queue) was gone: nobody kept the messages"))
            }
        }
    }

    /// It is told again while it lasts: that is one gap.
    private mutating func takeFull(_ queue: ShadowEntry.QueueState, at: Instant) {
        let cause = "\(queue.queue) ran full: its oldest messages were dropped"
        if let index = gaps.lastIndex(where: { $0.cause == cause }),
            at.microseconds - gaps[index].to.microseconds <= ShadowWatch.toldEveryMilliseconds * 3 * 1_000
        {
            gaps[index].to = max(gaps[index].to, at)
        } else {
            gaps.append(Gap(from: at, to: at, cause: cause))
        }
    }

    // MARK: One note

    private mutating func take(_ note: ShadowNote, at: Instant) {
        if let cause = note.cause {
            asOf = max(asOf, min(cause.time, at))
            if cause.type != ShadowNote.opening { inputs[cause.type, default: 0] += 1 }
        }
        if let placed = note.placed {
            // A beginning that was begun twice.
            if note.cause?.type == ShadowNote.opening, states[placed.orderID] != nil { return }
            place(placed)
        }
        if let shipped = note.shipped, let cause = note.cause {
            shipments += 1
            if shipped.location == nil { shipmentsWithoutLocation += 1 }
            parked[cause.id] = shipped
        }
        let wasParked = note.shipped == nil
        for effect in note.effects {
            guard effect.kind == NotificationKind.orderDispatched.rawValue else { continue }
            guard let shipped = parked.removeValue(forKey: effect.cause) else { continue }
            // Whom the truck took the units from stands behind it, under the same cause.
            let others = note.effects.filter { other in
                other.cause == effect.cause && other.orderID != effect.orderID
                    && (other.kind == "fulfilment-withdrawn"
                        || other.kind == NotificationKind.backorderDelayed.rawValue)
            }
            var names: [OrderID] = []
            for other in others where !names.contains(other.orderID) { names.append(other.orderID) }
            ship(effect, shipped, wasParked, names)
        }
        for effect in note.effects {
            guard case .open(var order) = states[effect.orderID] else { continue }
            let time = effect.cause == note.cause?.id ? note.cause?.time ?? effect.time : effect.time
            if effect.kind == "fulfilment-requested", !order.wasAsked {
                order.wasAsked = true
                ordersAsked += 1
            }
            ShadowComparison.take(effect, time, &order)
            states[effect.orderID] = .open(order)
        }
        if let placed = note.placed { close(placed.orderID) }
        for effect in note.effects { close(effect.orderID) }
    }

    private mutating func place(_ placed: ShadowNote.Placed) {
        if states[placed.orderID] != nil { return }
        if let since, placed.placedAt < since { return }
        orders += 1
        states[placed.orderID] = .open(
            OpenOrder(lines: placed.lines.map { Line(lineID: $0.lineID, sku: $0.sku, ordered: $0.quantity) }))
    }

    private static func take(_ effect: ShadowNote.Effect, _ time: Instant, _ order: inout OpenOrder) {
        let notice = NotificationKind(rawValue: effect.kind)
        if notice == .orderHeld { order.isHeld = true }
        if notice == .orderBackordered || notice == .orderConfirmed || notice == .backorderFilled {
            order.isHeld = false
        }
        for told in effect.lines {
            guard let index = order.lines.firstIndex(where: { $0.lineID == told.lineID }) else { continue }
            switch (effect.kind, notice) {
            case ("fulfilment-requested", _):
                order.lines[index].asks.append(Ask(location: effect.location, units: told.quantity, at: time))
            case ("fulfilment-withdrawn", _):
                withdraw(told.quantity, effect.location, &order.lines[index])
            case (_, .orderRefused?), (_, .orderCancelled?):
                order.lines[index].gone += told.quantity
            case (_, .orderBackordered?), (_, .backorderDelayed?), (_, .backorderAdvanced?):
                order.lines[index].lastPromise = told.promisedAt
                if order.lines[index].firstPromise == nil { order.lines[index].firstPromise = told.promisedAt }
            default: break
            }
        }
    }

    private static func withdraw(_ units: Units, _ location: LocationID?, _ line: inout Line) {
        var left = units
        for index in line.asks.indices.reversed() where line.asks[index].location == location && left > 0 {
            let taken = min(left, line.asks[index].units)
            line.asks[index].units -= taken
            left -= taken
        }
        line.asks.removeAll { $0.units == 0 }
    }

    // MARK: Shipments

    private mutating func ship(
        _ effect: ShadowNote.Effect, _ shipped: ShadowNote.Shipped, _ wasParked: Bool, _ others: [OrderID]
    ) {
        guard var order = openAgain(effect) else {
            shipmentsOfUnknownOrders += 1
            return
        }
        if !order.wasShipped { ordersShipped += 1 }
        order.wasShipped = true
        for told in effect.lines {
            let position = order.lines.firstIndex { $0.lineID == told.lineID }
            var line = position.map { order.lines[$0] } ?? Line(lineID: told.lineID, sku: told.sku, ordered: 0)
            var difference = Difference(
                kind: .over, orderID: effect.orderID, lineID: told.lineID, sku: told.sku, units: 0,
                shippedAt: shipped.dispatchedAt, shippedLocation: shipped.location, shipmentID: shipped.shipmentID,
                others: [])
            unitsShipped += told.quantity
            let openBefore = max(0, line.open)
            var left = told.quantity
            for isElsewhere in [false, true] {
                for index in line.asks.indices where left > 0 && line.asks[index].units > 0 {
                    let ask = line.asks[index]
                    let isHere = shipped.location == nil || ask.location == nil || ask.location == shipped.location
                    if isHere == isElsewhere { continue }
                    let taken = min(left, ask.units)
                    left -= taken
                    line.asks[index].units -= taken
                    delay.add(shipped.dispatchedAt.microseconds - ask.at.microseconds, 1)
                    if isElsewhere {
                        difference.kind = .elsewhere
                        difference.units = taken
                        difference.expectedAt = ask.at
                        difference.expectedLocation = ask.location
                        note(difference, &order)
                    } else {
                        unitsAsAsked += taken
                    }
                }
            }
            line.asks.removeAll { $0.units == 0 }
            (difference.expectedAt, difference.expectedLocation) = (nil, nil)
            let notAsked = min(left, max(0, openBefore - (told.quantity - left)))
            if notAsked > 0 {
                difference.kind =
                    wasParked ? .beforeOrder : order.isHeld ? .held : others.isEmpty ? .notReady : .givenToOthers
                difference.units = notAsked
                if difference.kind == .givenToOthers {
                    difference.others = Array(others.prefix(ShadowComparison.othersMax))
                }
                note(difference, &order)
            }
            if left > notAsked {
                difference.kind = .over
                difference.units = left - notAsked
                difference.others = []
                note(difference, &order)
            }
            line.shipped += told.quantity
            if line.open <= 0, line.doneAt == nil { line.doneAt = shipped.dispatchedAt }
            if let position { order.lines[position] = line }
        }
        states[effect.orderID] = .open(order)
    }

    /// The order a shipment is for; one that was done with is opened again, with nothing open. nil: it is not compared.
    private mutating func openAgain(_ effect: ShadowNote.Effect) -> OpenOrder? {
        switch states[effect.orderID] {
        case nil: return nil
        case .open(let order)?: return order
        case .done(let wasShipped, let wasAsAsked)?:
            if wasAsAsked { ordersAsAsked -= 1 }
            return OpenOrder(lines: [], wasAsked: true, wasShipped: wasShipped, isAgain: true)
        }
    }

    private mutating func note(_ difference: Difference, _ order: inout OpenOrder) {
        units[difference.kind, default: 0] += difference.units
        if order.differs.insert(difference.kind).inserted { ordersBy[difference.kind, default: 0] += 1 }
        keep(difference)
    }

    private mutating func keep(_ difference: Difference) {
        if differences.count < ShadowComparison.differencesMax {
            differences.append(difference)
        } else {
            differencesLeftOut += 1
        }
    }

    // MARK: Ends

    /// An order of which nothing is open any more becomes a word.
    private mutating func close(_ orderID: OrderID) {
        guard case .open(let order) = states[orderID], order.lines.allSatisfy({ $0.open <= 0 && $0.asks.isEmpty })
        else {
            return
        }
        let wasAsAsked = settle(orderID, order)
        states[orderID] = .done(wasShipped: order.wasShipped, wasAsAsked: wasAsAsked)
    }

    /// Answers whether it was shipped as the shadow asked.
    @discardableResult
    private mutating func settle(_ orderID: OrderID, _ order: OpenOrder) -> Bool {
        let isAsAsked = order.wasShipped && order.differs.isEmpty && !order.isAgain
        if isAsAsked { ordersAsAsked += 1 }
        for line in order.lines { judge(line, orderID) }
        return isAsAsked
    }

    private mutating func judge(_ line: Line, _ orderID: OrderID) {
        guard let promise = line.firstPromise, line.shipped > 0 || line.open > 0 else { return }
        ShadowComparison.count(promise, line, asOf, &first)
        let latest = line.lastPromise ?? promise
        let verdict = ShadowComparison.count(latest, line, asOf, &last)
        guard let verdict else { return }
        keep(
            Difference(
                kind: verdict, orderID: orderID, lineID: line.lineID, sku: line.sku, units: line.ordered,
                expectedAt: latest, shippedAt: line.doneAt))
        units[verdict, default: 0] += line.ordered
    }

    /// nil: kept, or nothing to be said yet.
    @discardableResult
    private static func count(_ promise: Instant, _ line: Line, _ asOf: Instant, _ promises: inout Promises) -> Kind? {
        guard let done = line.doneAt, line.open <= 0 else {
            if promise >= asOf {
                promises.open += 1
                return nil
            }
            promises.overdue += 1
            return .overdue
        }
        promises.distance.add(done.microseconds - promise.microseconds, 1)
        if done <= promise {
            promises.kept += 1
            return nil
        }
        promises.late += 1
        return .late
    }

    /// The end of the journal: what was asked for and not shipped yet, and promises that are open. Once.
    mutating func finish() {
        for (orderID, state) in states.sorted(by: { $0.key < $1.key }) {
            guard case .open(var order) = state else { continue }
            for line in order.lines {
                for ask in line.asks {
                    openAge.add(max(0, asOf.microseconds - ask.at.microseconds), 1)
                    note(
                        Difference(
                            kind: line.shipped > 0 ? .partlyShipped : .notShipped, orderID: orderID,
                            lineID: line.lineID, sku: line.sku, units: ask.units, expectedAt: ask.at,
                            expectedLocation: ask.location), &order)
                }
            }
            settle(orderID, order)
        }
        shipmentsOfUnknownOrders += parked.count
        parked = [:]
        states = [:]
        differences.sort { left, right in
            left.orderID == right.orderID ? left.lineID < right.lineID : left.orderID < right.orderID
        }
    }
}
