import BackOrderStore
import InventoryCore
import Worker

/// What one configuration made of a history: counted from the outputs as they pass, and from the books at the end.
struct SimulationFigures {
    var configuration: String
    var orders: Int64 = 0
    var unitsOrdered: Int64 = 0
    /// Allocated (or shipped already) when the order was placed.
    var unitsAtOnce: Int64 = 0
    var unitsFilledLater: Int64 = 0
    var wait = WeightedTimes()
    var unitsWaiting: Int64 = 0
    var unitsHeld: Int64 = 0
    var unitsCancelled: Int64 = 0
    var unitsRefused: Int64 = 0
    var ordersEverHeld: Int64 = 0
    var first = Promises()
    var last = Promises()
    var ordersFirst = Promises()
    var ordersLast = Promises()
    var shipments: Int64 = 0
    /// Orders of which something could be shipped.
    var ordersToShip: Int64 = 0
    var reorders: Int64 = 0
    var expedites: Int64 = 0
    var unitsReordered: Int64 = 0
    var notices: [String: Int64] = [:]
    var inputs: Int64 = 0
    var rejected: Int64 = 0

    /// How promises of a date ended. Those that are neither kept nor broken yet are not in either.
    struct Promises: Equatable {
        var kept: Int64 = 0
        var broken: Int64 = 0

        mutating func count(_ verdict: Verdict) {
            switch verdict {
            case .kept: kept += 1
            case .broken: broken += 1
            case .open: break
            }
        }
    }

    enum Verdict {
        case kept, broken, open
    }

    init(configuration: String) {
        self.configuration = configuration
    }

    mutating func take(_ result: BatchResult) {
        inputs += Int64(result.outcomes.count)
        for outcome in result.outcomes {
            if case .deadLettered = outcome { rejected += 1 }
        }
        rejected += Int64(result.rejectedParked.count)
        for message in result.messages where message.destination == .output {
            switch message.type {
            case "fulfilment-requested": shipments += 1
            case "reorder-requested": reorders += 1
            case "reorder-expedite": expedites += 1
            case "customer-notification":
                // customer-notification.<kind>
                let kind = message.routingKey.drop { $0 != "." }.dropFirst()
                notices[String(kind), default: 0] += 1
            default: break
            }
        }
    }

    /// The books at the end: every order's journal tells when its units became ready.
    mutating func take(end: Instant, _ store: any StoreQueries) throws {
        var after: OrderID?
        // Large pages: the store in memory sorts all its orders for each.
        let limit = 50_000
        while true {
            let page = try store.auditOrders(after: after, limit: limit)
            for row in page {
                try take(row.order, try store.events(of: row.order.orderID, after: 0, limit: .max), end)
            }
            guard page.count == limit, let last = page.last else { break }
            after = last.order.orderID
        }
        for supply in try store.supplies(kind: .reorder, settled: true, after: nil, limit: .max) {
            unitsReordered += supply.quantity
        }
    }

    private mutating func take(_ order: Order, _ events: [OrderEvent], _ end: Instant) throws {
        orders += 1
        var story = OrderStory(order)
        // What was parked for the order comes before its placing.
        let placing = events.firstIndex { $0.kind == InputType.orderPlaced.rawValue } ?? 0
        for (index, event) in events.enumerated() { story.take(event, isPlacing: index <= placing) }
        unitsAtOnce += story.unitsAtOnce
        if story.wasHeld { ordersEverHeld += 1 }
        if story.couldShip { ordersToShip += 1 }
        for (time, units) in story.fills {
            unitsFilledLater += units
            wait.add(max(0, time.microseconds - order.placedAt.microseconds), units)
        }
        var firstVerdicts: [Verdict] = []
        var lastVerdicts: [Verdict] = []
        for (position, line) in order.lines.enumerated() {
            unitsOrdered += line.ordered
            unitsWaiting += line.waiting
            unitsHeld += line.held
            unitsCancelled += line.cancelled
            unitsRefused += line.refused
            guard let promised = line.firstPromisedAt, let verdicts = story.verdicts(position, promised, end) else {
                continue
            }
            first.count(verdicts.first)
            last.count(verdicts.last)
            firstVerdicts.append(verdicts.first)
            lastVerdicts.append(verdicts.last)
        }
        if firstVerdicts.isEmpty { return }
        ordersFirst.count(SimulationFigures.whole(firstVerdicts))
        ordersLast.count(SimulationFigures.whole(lastVerdicts))
    }

    /// An order's promise is broken with the first of its lines, and kept with the last.
    private static func whole(_ verdicts: [Verdict]) -> Verdict {
        if verdicts.contains(.broken) { return .broken }
        return verdicts.contains(.open) ? .open : .kept
    }
}

/// One order's journal, read from its beginning.
private struct OrderStory {
    private struct Line {
        var allocated: Units = 0
        var dispatched: Units = 0
        /// Waiting or held.
        var open: Units = 0
        var gone: Units = 0
        /// May be shipped, or was.
        var ready: Units = 0
        var lastPromise: Instant?
        /// When nothing of it was open any more.
        var doneAt: Instant?
        var everFilled = false
    }

    private let order: Order
    private var lines: [Line]
    private(set) var unitsAtOnce: Int64 = 0
    private(set) var wasHeld = false
    private(set) var couldShip = false
    /// When units that were not ready at once became so.
    private(set) var fills: [(time: Instant, units: Units)] = []

    init(_ order: Order) {
        self.order = order
        lines = Array(repeating: Line(), count: order.lines.count)
    }

    mutating func take(_ event: OrderEvent, isPlacing: Bool) {
        for change in event.lines where lines.indices.contains(change.position) {
            let position = change.position
            for move in change.allocated { lines[position].allocated += move.units }
            lines[position].dispatched += change.dispatched
            lines[position].open += change.waiting + change.held
            lines[position].gone += change.cancelled + change.refused
            if change.held > 0 { wasHeld = true }
            if isPlacing {
                unitsAtOnce += change.allocated.reduce(0) { $0 + $1.units } + max(0, change.dispatched)
            }
        }
        // A complete order is ready as a whole, when nothing of it is open.
        let isReady = order.ship == .partial || lines.allSatisfy { $0.open <= 0 }
        var more: Units = 0
        for position in lines.indices {
            let line = lines[position]
            let wanted = order.lines[position].ordered - line.gone
            let ready = min(line.dispatched + (isReady ? line.allocated : 0), max(0, wanted))
            if ready > line.ready {
                more += ready - line.ready
                if !isPlacing { lines[position].everFilled = true }
            } else if ready < line.ready {
                // What was called off instead is wanted no more.
                takeBack(min(line.ready - ready, max(0, wanted - ready)))
            }
            lines[position].ready = ready
            if isReady, line.allocated > 0 { couldShip = true }
            let isDone = line.open <= 0 && (isReady || ready >= wanted)
            if isDone { lines[position].doneAt = line.doneAt ?? event.time } else { lines[position].doneAt = nil }
        }
        if more > 0, !isPlacing { fills.append((event.time, more)) }
        for change in event.lines where lines.indices.contains(change.position) {
            // Told with the event: of a line that this event completed it says no more.
            if let promise = change.promised?.at, lines[change.position].doneAt == nil {
                lines[change.position].lastPromise = promise
            }
        }
    }

    /// Units that were ready and wait again wait since the order was placed: their earlier filling does not count.
    private mutating func takeBack(_ units: Units) {
        var rest = units
        while rest > 0, let last = fills.last {
            let taken = min(rest, last.units)
            rest -= taken
            if taken == last.units { fills.removeLast() } else { fills[fills.count - 1].units -= taken }
        }
    }

    /// Whether what the line waited for came by its first and by its last promise; nil: it was called off before.
    func verdicts(
        _ position: Int, _ firstPromise: Instant, _ end: Instant
    ) -> (first: SimulationFigures.Verdict, last: SimulationFigures.Verdict)? {
        let line = lines[position]
        if line.doneAt != nil, !line.everFilled { return nil }
        func verdict(_ promise: Instant) -> SimulationFigures.Verdict {
            if let done = line.doneAt { return done <= promise ? .kept : .broken }
            return end > promise ? .broken : .open
        }
        return (verdict(firstPromise), verdict(line.lastPromise ?? firstPromise))
    }
}

/// Times with how often each occurred, to the second: exact percentiles in bounded memory.
struct WeightedTimes {
    private var weights: [Int64: Int64] = [:]
    private var total: Int64 = 0

    mutating func add(_ microseconds: Int64, _ weight: Int64) {
        weights[microseconds / 1_000_000, default: 0] += weight
        total += weight
    }

    /// In seconds, by nearest rank; nil if there are none.
    func percentile(_ percent: Int64) -> Int64? {
        if total == 0 { return nil }
        // Rounded up, and without a product that could overflow.
        let rank = total / 100 * percent + (total % 100 * percent + 99) / 100
        var seen: Int64 = 0
        for (seconds, weight) in weights.sorted(by: { $0.key < $1.key }) {
            seen += weight
            if seen >= rank { return seconds }
        }
        return nil
    }
}
