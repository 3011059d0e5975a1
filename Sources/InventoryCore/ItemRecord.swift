/// A SKU in the working set: its stock and totals, and the parts of its queue and supply that were looked at.
final class ItemRecord {
    let sku: SKU
    private(set) var item: Item
    private(set) var isLoaded = false
    private var isNew = false
    private var headChanged = false
    private var stockChanged: [Bool] = []
    private var laneChanged: [Bool] = []
    private var deficitsChanged = false

    /// Waiting lines of orders that are in the working set, by precedence: they overrule the store's rows.
    private(set) var queue: [QueuedLine] = []
    /// The units of all of `queue`.
    private(set) var queuedUnits: Units = 0
    /// What was read of the store's rows, lane by lane.
    var laneViews: [LaneView] = []
    /// Outstanding supply that is known, by key, and how far the store's rows were read.
    var supplyView = SupplyView()

    init(sku: SKU) {
        self.sku = sku
        self.item = Item(sku: sku)
    }

    func load(_ item: Item, isNew: Bool) {
        self.item = item
        self.isNew = isNew
        isLoaded = true
        stockChanged = Array(repeating: false, count: item.stock.count)
        laneChanged = Array(repeating: false, count: item.lanes.count)
        laneViews = item.lanes.map { LaneView(pin: $0.pin, isComplete: $0.lines == 0) }
        supplyView.isComplete = item.onOrder == 0
    }

    // MARK: Stock, lanes, deficits

    func changeStock(at location: LocationID, _ change: (inout Stock) -> Void) {
        var index = 0
        while index < item.stock.count, item.stock[index].location < location { index += 1 }
        if index == item.stock.count || item.stock[index].location != location {
            item.stock.insert(Stock(location: location), at: index)
            stockChanged.insert(true, at: index)
        }
        change(&item.stock[index])
        precondition(
            item.stock[index].allocated >= 0, "allocated of \(sku) at \(location) fell below 0")
        stockChanged[index] = true
    }

    func changeLane(pin: LocationID?, units: Units, lines: Int64) {
        let index: Int
        if let known = item.lanes.firstIndex(where: { $0.pin == pin }) {
            index = known
        } else {
            index = item.lanes.firstIndex { LaneView.precedes(pin, $0.pin) } ?? item.lanes.count
            item.lanes.insert(WaitingLane(pin: pin), at: index)
            laneChanged.insert(true, at: index)
            laneViews.append(LaneView(pin: pin, isComplete: true))
        }
        item.lanes[index].units += units
        item.lanes[index].lines += lines
        laneChanged[index] = true
    }

    func changeOnOrder(by units: Units, dated: Units) {
        if units == 0, dated == 0 { return }
        item.onOrder += units
        item.onOrderDated += dated
        headChanged = true
    }

    func setHasDates(_ hasDates: Bool) {
        if item.hasDates == hasDates { return }
        item.hasDates = hasDates
        headChanged = true
    }

    /// The number of the next reorder of this SKU.
    func nextReorderNumber() -> Int64 {
        item.reorderCount += 1
        headChanged = true
        return item.reorderCount
    }

    func replaceSettings(_ settings: ItemSettings) {
        item.settings = settings
        headChanged = true
    }

    func replaceDeficits(_ deficits: [Deficit]) {
        item.deficits = deficits.sorted {
            $0.location != $1.location ? $0.location < $1.location : $0.dispatchedAt < $1.dispatchedAt
        }
        deficitsChanged = true
    }

    // MARK: The queue of known orders

    func enqueue(_ line: QueuedLine) {
        queue.insert(line, at: firstIndex(notBefore: line.key))
        queuedUnits += line.units
    }

    func dequeue(_ key: PrecedenceKey) {
        let index = firstIndex(notBefore: key)
        if index < queue.count, queue[index].key == key { queuedUnits -= queue.remove(at: index).units }
    }

    /// Units of the queued lines that go before this key; adds up the shorter end.
    func knownUnits(before key: PrecedenceKey) -> Units {
        let index = firstIndex(notBefore: key)
        if index <= queue.count / 2 { return queue[..<index].reduce(0) { $0 + $1.units } }
        return queuedUnits - queue[index...].reduce(0) { $0 + $1.units }
    }

    /// The index of the first queued line that does not go before this key.
    func firstIndex(notBefore key: PrecedenceKey) -> Int {
        var low = 0
        var high = queue.count
        while low < high {
            let middle = (low + high) / 2
            if queue[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: The result

    /// Whether `takeChange` has something to say, as far as is cheap to know.
    var mayHaveChanged: Bool {
        isLoaded && (headChanged || deficitsChanged || stockChanged.contains(true) || laneChanged.contains(true))
    }

    func takeChange() -> Changes.ItemChange? {
        guard isLoaded else { return nil }
        let stock = stockChanged.indices.filter { stockChanged[$0] }
        let lanes = laneChanged.indices.filter { laneChanged[$0] }
        if !headChanged, !deficitsChanged, stock.isEmpty, lanes.isEmpty { return nil }
        let change = Changes.ItemChange(
            item: item, isNew: isNew, headChanged: headChanged, stock: stock, lanes: lanes,
            deficitsChanged: deficitsChanged)
        isNew = false
        headChanged = false
        deficitsChanged = false
        for index in stock { stockChanged[index] = false }
        for index in lanes { laneChanged[index] = false }
        return change
    }
}

/// How far one lane of the store's queue was read.
struct LaneView {
    let pin: LocationID?
    /// In precedence order, from the first; orders that are in the working set overrule their rows here.
    var rows: [QueuedLine] = []
    /// Nothing comes after the rows.
    var isComplete: Bool

    init(pin: LocationID?, isComplete: Bool) {
        self.pin = pin
        self.isComplete = isComplete
    }

    /// None first, then by bytes.
    static func precedes(_ left: LocationID?, _ right: LocationID?) -> Bool {
        guard let right else { return false }
        guard let left else { return true }
        return left < right
    }
}
