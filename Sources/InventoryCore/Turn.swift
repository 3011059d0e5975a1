/// What an effect goes back to: a message, or for the sweep none.
struct Origin {
    /// The message's id, which becomes the outputs' `cause`.
    var id: String
    /// The message's type; told in the journal.
    var kind: String
    var time: Instant
    var trace: TraceContext?

    init(_ message: InputMessage) {
        id = message.id
        kind = message.input.type.rawValue
        time = message.time
        trace = message.trace
    }

    /// The sweep's own doing.
    init(sweepAt time: Instant) {
        id = Output.timerCause
        kind = "sweep"
        self.time = time
    }
}

/// The deciding of one input: where it collects what it touches and what is to be told.
struct Turn {
    let decider: Decider
    let ledger: WorkingSet
    var origin: Origin
    let now: Instant
    private(set) var outputs: [Output] = []
    var rejectedParked: [Decision.RejectedParked] = []
    /// How many outputs each cause has had; parked messages bring their own cause.
    private var ordinals: [String: Int] = [:]
    /// SKUs whose stock, demand or supply changed, in order of first touch: they are looked at for reorders.
    private(set) var touched: [SKU] = []
    private var touchedSet: Set<SKU> = []

    init(decider: Decider, ledger: WorkingSet, origin: Origin, now: Instant) {
        self.decider = decider
        self.ledger = ledger
        self.origin = origin
        self.now = now
        ledger.now = now
    }

    var rules: Rulebook { decider.rules }

    mutating func touch(_ sku: SKU) {
        if touchedSet.insert(sku).inserted { touched.append(sku) }
    }

    /// Puts another list of touched SKUs in the place of this one, while a parked message is decided.
    mutating func swapTouched(_ other: (order: [SKU], members: Set<SKU>)) -> (order: [SKU], members: Set<SKU>) {
        defer { (touched, touchedSet) = other }
        return (touched, touchedSet)
    }

    // MARK: Telling

    /// Tells something about an order: takes the next number of its sequence.
    mutating func tell(_ record: OrderRecord, _ body: Output.Body) {
        record.order.sequence += 1
        ledger.markChanged(record)
        emit(
            body,
            order: Output.OrderReference(
                orderID: record.order.orderID, customer: record.order.customer?.json,
                sequence: record.order.sequence))
    }

    mutating func emit(_ body: Output.Body, order: Output.OrderReference? = nil) {
        let ordinal = ordinals[origin.id, default: 0]
        ordinals[origin.id] = ordinal + 1
        outputs.append(
            Output(
                cause: origin.id, ordinal: ordinal, time: now, order: order, body: body, trace: origin.trace))
    }

    mutating func notify(
        _ record: OrderRecord, _ kind: NotificationKind, _ lines: [CustomerNotification.Line],
        dispatch: CustomerNotification.Dispatch? = nil
    ) {
        if lines.isEmpty { return }
        tell(record, .notification(CustomerNotification(kind: kind, lines: lines, dispatch: dispatch)))
    }

    func noticeLine(_ record: OrderRecord, _ position: Int, _ quantity: Units, promised: Bool = false)
        -> CustomerNotification.Line
    {
        let line = record.order.lines[position]
        return CustomerNotification.Line(
            lineID: line.lineID, sku: line.sku, quantity: quantity, promisedAt: promised ? line.promisedAt : nil)
    }

    /// Tells of units of an order's lines, one message for each location, in sourcing order.
    mutating func tell(_ record: OrderRecord, _ units: UnitsByLocation, _ body: (Fulfilment) -> Output.Body) {
        for entry in units.entries.sorted(by: { isBefore($0.location, $1.location) }) { tell(record, body(entry)) }
    }

    // MARK: Locations

    /// Whether one location is looked at before another: configured ones in their order, then the others by name.
    func isBefore(_ left: LocationID, _ right: LocationID) -> Bool {
        let leftRank = decider.sourcingRank[left] ?? .max
        let rightRank = decider.sourcingRank[right] ?? .max
        return leftRank != rightRank ? leftRank < rightRank : left < right
    }

    /// The SKU's locations with available units, in sourcing order.
    func sources(_ item: ItemRecord) -> [(location: LocationID, available: Units)] {
        var sources: [(location: LocationID, available: Units)] = []
        for stock in item.item.stock where stock.available > 0 { sources.append((stock.location, stock.available)) }
        if sources.count > 1 { sources.sort { isBefore($0.location, $1.location) } }
        return sources
    }
}

/// Units of an order's lines, gathered by the location they are at.
struct UnitsByLocation {
    private(set) var entries: [Fulfilment] = []

    mutating func add(_ line: OrderLine, _ units: Units, at location: LocationID) {
        if units == 0 { return }
        let entry = Fulfilment.Line(lineID: line.lineID, sku: line.sku, quantity: units)
        if let index = entries.firstIndex(where: { $0.location == location }) {
            entries[index].lines.append(entry)
        } else {
            entries.append(Fulfilment(location: location, lines: [entry]))
        }
    }
}
