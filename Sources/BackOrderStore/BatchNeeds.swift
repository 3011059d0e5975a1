public import InventoryCore

/// What a batch of inputs names: all that can be known before anything was loaded. A store on the other side of a network
/// loads and locks it in one go, and most of the ledger's questions are answered from there.
public struct BatchNeeds: Sendable {
    public var inboxKeys: [Digest128]
    /// In byte order, like all that follows; each once.
    public var orders: [OrderID]
    /// How many orders may be new.
    public var newOrders = 0
    public var skus: [SKU]
    /// Of them, those of which something is ordered: their queue may grow.
    public var ordered: [SKU]
    /// Of them, those of which units come in, and how many: their queue may be served.
    public var received: [(sku: SKU, units: Units)]
    /// Reorders and inbounds.
    public var supplies: [SupplyID]

    public init(_ inputs: [InputMessage], inboxKeys: [Digest128]) {
        self.inboxKeys = inboxKeys
        var orders: Set<OrderID> = []
        var skus: Set<SKU> = []
        var ordered: Set<SKU> = []
        var received: [SKU: Units] = [:]
        var supplies: Set<SupplyID> = []
        func receive(_ sku: SKU, _ units: Units) {
            skus.insert(sku)
            let sum = received[sku, default: 0].addingReportingOverflow(max(0, units))
            received[sku] = sum.overflow ? .max : sum.partialValue
        }
        for message in inputs {
            switch message.input {
            case .orderPlaced(let placed):
                newOrders += 1
                orders.insert(placed.orderID)
                for line in placed.lines {
                    skus.insert(line.sku)
                    ordered.insert(line.sku)
                }
            case .stockReceived(let receipt):
                for line in receipt.lines { receive(line.sku, line.quantity) }
                if let id = receipt.reorderID { supplies.insert(id) }
                if let id = receipt.inboundID { supplies.insert(id) }
            case .shipmentDispatched(let shipment): orders.insert(shipment.orderID)
            case .orderCancelled(let cancelled): orders.insert(cancelled.orderID)
            case .orderReleased(let released): orders.insert(released.orderID)
            case .stockAdjusted(let adjusted):
                for line in adjusted.lines {
                    switch line.change {
                    case .delta(let units), .counted(let units): receive(line.sku, units)
                    }
                }
            case .inboundScheduled(let inbound):
                supplies.insert(inbound.inboundID)
                if let id = inbound.reorderID { supplies.insert(id) }
                for line in inbound.lines { skus.insert(line.sku) }
            case .inboundCancelled(let cancelled): supplies.insert(cancelled.inboundID)
            case .itemUpdated(let updated): skus.insert(updated.sku)
            }
        }
        self.orders = orders.sorted()
        self.skus = skus.sorted()
        self.ordered = ordered.sorted()
        self.received = received.sorted { $0.key < $1.key }.map { (sku: $0.key, units: $0.value) }
        self.supplies = supplies.sorted()
    }
}

extension StoreTransaction {
    /// Stores beside us answer each question fast enough as it comes.
    public func prepare(_ needs: BatchNeeds) throws {}
    public var lockWaitNanoseconds: Int64 { 0 }
}
