internal import BackOrderStore
internal import InventoryCore

/// What is locked, always in this order: names without rows, SKUs, orders (decision 0013).
extension PostgresTransaction {
    private static let orderKind: UInt64 = 0x6f72_6465_7200_0000
    private static let supplyKind: UInt64 = 0x7375_7070_6c79_0000

    /// Locks the names of orders that are not in the books yet, and of supplies, whether they are or not: so what one
    /// worker finds to be missing no other adds meanwhile.
    func askNames(orders: [OrderID], supplies: [SupplyID]) throws(StoreError) {
        if orders.isEmpty, supplies.isEmpty { return }
        var parameters = Parameters()
        parameters.texts(orders) { $0.text }
        parameters.integers(orders) { number(of: $0.text, kind: Self.orderKind) }
        parameters.integers(supplies) { number(of: $0.text, kind: Self.supplyKind) }
        try post(.lockNames, parameters)
    }

    /// Locks these orders, and those that wait first for what came in. They are then the ones in hand.
    func askOrderLocks(_ orders: [OrderID], received: [(sku: SKU, units: Units)]) throws(StoreError) {
        var parameters = Parameters()
        parameters.texts(orders) { $0.text }
        parameters.texts(received) { $0.sku.text }
        parameters.integers(received) { $0.units }
        try post(.lockOrders, parameters)
    }

    /// Locks these SKUs, those that the orders' lines name and those of the supplies; SKUs that are new get a row to be
    /// locked on. The SKUs are then the ones in hand.
    func askLocks(skus: [SKU], orders: [OrderID], supplies: [SupplyID]) throws(StoreError) {
        var known: [Int64] = []
        var unknown: [SKU] = []
        for sku in skus {
            if let id = knownID(sku) { known.append(id) } else { unknown.append(sku) }
        }
        if !unknown.isEmpty {
            var parameters = Parameters()
            parameters.texts(unknown) { $0.text }
            noteNewSKUs()
            try post(.addSKUs, parameters)
        }
        var parameters = Parameters()
        parameters.integers(known) { $0 }
        parameters.texts(unknown) { $0.text }
        parameters.texts(orders) { $0.text }
        parameters.texts(supplies) { $0.text }
        try post(.lockSKUs, parameters)
    }
}
