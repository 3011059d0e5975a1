/// One row of supply: an inbound has one for each SKU.
struct SupplyRowKey: Hashable {
    var supplyID: SupplyID
    var sku: SKU
    var location: LocationID

    init(supplyID: SupplyID, sku: SKU, location: LocationID) {
        self.supplyID = supplyID
        self.sku = sku
        self.location = location
    }

    init(_ supply: Supply) {
        self.init(supplyID: supply.supplyID, sku: supply.sku, location: supply.location)
    }
}

final class SupplyRecord {
    var supply: Supply
    var isChanged: Bool

    init(_ supply: Supply, isChanged: Bool) {
        self.supply = supply
        self.isChanged = isChanged
    }
}

/// What is known of a SKU's outstanding supply.
struct SupplyView {
    /// Of all known rows that are outstanding, sorted.
    var keys: [SupplyKey] = []
    /// The store's rows were read up to here.
    var through: SupplyKey?
    var isComplete = false
}

extension WorkingSet {
    func record(_ item: ItemRecord, _ key: SupplyKey) -> SupplyRecord? {
        knownSupplies[SupplyRowKey(supplyID: key.supplyID, sku: item.sku, location: key.location)]
    }

    /// Walks the SKU's outstanding supply in the order in which it is settled, until the visitor answers false.
    /// The visitor may change the supply it is shown through `setOutstanding`.
    func walkSupplies(_ item: ItemRecord, _ visit: (SupplyRecord) throws -> Bool) throws {
        var last: SupplyKey?
        while true {
            try extendSupplies(item, beyond: last)
            let index = last.map { firstIndex(after: $0, item) } ?? 0
            guard index < item.supplyView.keys.count else { return }
            let key = item.supplyView.keys[index]
            last = key
            guard let record = record(item, key) else { continue }
            if try !visit(record) { return }
        }
    }

    /// Walks the SKU's outstanding supply that has a date, from the last back, until the visitor answers false. Reads
    /// no more of the store than that.
    func walkDatedSuppliesFromLast(_ item: ItemRecord, _ visit: (Supply) throws -> Bool) throws {
        var known = item.supplyView.keys.count
        var stored: [Supply] = []
        var next = 0
        var before = SupplyKey(expectedAt: nil, supplyID: "", location: "")
        var isComplete = item.item.onOrderDated == 0
        var limit = 8
        while true {
            while known > 0, item.supplyView.keys[known - 1].expectedAt == nil { known -= 1 }
            // What is known overrules its stored row.
            while true {
                while next < stored.count,
                    knownSupplies[SupplyRowKey(stored[next])] != nil
                {
                    next += 1
                }
                if next < stored.count || isComplete { break }
                stored = try reader.outstandingSuppliesFromLast(sku: item.sku, before: before, limit: limit)
                next = 0
                isComplete = stored.count < limit
                limit = 64
                if let last = stored.last { before = last.key }
            }
            let knownKey = known > 0 ? item.supplyView.keys[known - 1] : nil
            let storedKey = next < stored.count ? stored[next].key : nil
            let supply: Supply
            if let knownKey, storedKey.map({ $0 < knownKey }) ?? true {
                known -= 1
                guard let record = record(item, knownKey) else { continue }
                supply = record.supply
            } else if storedKey != nil {
                supply = stored[next]
                next += 1
            } else {
                return
            }
            if try !visit(supply) { return }
        }
    }

    /// Reads on until a known key after `last` is surely the next one, or there is none.
    private func extendSupplies(_ item: ItemRecord, beyond last: SupplyKey?) throws {
        while !item.supplyView.isComplete {
            if let through = item.supplyView.through {
                let index = last.map { firstIndex(after: $0, item) } ?? 0
                if index < item.supplyView.keys.count, !(through < item.supplyView.keys[index]) { return }
            }
            // A receipt mostly settles one or two; who wants more asks for more at a time.
            let limit = item.supplyView.through == nil ? 8 : 64
            let rows = try reader.outstandingSupplies(sku: item.sku, after: item.supplyView.through, limit: limit)
            for supply in rows { learn(supply, item) }
            if let lastRow = rows.last { item.supplyView.through = lastRow.key }
            if rows.count < limit { item.supplyView.isComplete = true }
        }
    }

    /// Takes a stored row in, unless it is known already.
    @discardableResult
    func learn(_ supply: Supply, _ item: ItemRecord) -> SupplyRecord {
        let rowKey = SupplyRowKey(supplyID: supply.supplyID, sku: supply.sku, location: supply.location)
        if let known = knownSupplies[rowKey] { return known }
        let record = SupplyRecord(supply, isChanged: false)
        keep(record, rowKey)
        if supply.outstanding > 0 { insertKey(supply.key, item) }
        return record
    }

    func insertSupply(_ supply: Supply) throws {
        let item = try item(supply.sku)
        let rowKey = SupplyRowKey(supplyID: supply.supplyID, sku: supply.sku, location: supply.location)
        keep(SupplyRecord(supply, isChanged: true), rowKey)
        if supply.outstanding > 0 { insertKey(supply.key, item) }
        item.changeOnOrder(by: supply.outstanding, dated: supply.datedOutstanding)
        mark(supply.sku)
        noteDate(supply.expectedAt)
    }

    private func keep(_ record: SupplyRecord, _ rowKey: SupplyRowKey) {
        knownSupplies[rowKey] = record
        suppliesByID[rowKey.supplyID, default: []].append(record)
        if let reorderID = record.supply.reorderID { suppliesByReorder[reorderID, default: []].append(record) }
    }

    func setOutstanding(_ record: SupplyRecord, _ units: Units) throws {
        try change(record) { $0.outstanding = units }
    }

    /// Changes a supply and keeps the SKU's on order and the supply's place in line.
    func change(_ record: SupplyRecord, _ body: (inout Supply) -> Void) throws {
        let item = try item(record.supply.sku)
        let before = record.supply
        body(&record.supply)
        record.isChanged = true
        if record.supply.reorderID != before.reorderID {
            if let reorderID = before.reorderID { suppliesByReorder[reorderID]?.removeAll { $0 === record } }
            if let reorderID = record.supply.reorderID { suppliesByReorder[reorderID, default: []].append(record) }
        }
        item.changeOnOrder(
            by: record.supply.outstanding - before.outstanding,
            dated: record.supply.datedOutstanding - before.datedOutstanding)
        if record.supply.outstanding != before.outstanding || record.supply.expectedAt != before.expectedAt {
            mark(record.supply.sku)
            noteDate(record.supply.expectedAt)
        }
        if before.outstanding > 0 { removeKey(before.key, item) }
        if record.supply.outstanding > 0 { insertKey(record.supply.key, item) }
    }

    /// Every row of a reorder or inbound, and with it the SKUs' items.
    func supplies(_ supplyID: SupplyID) throws -> [SupplyRecord] {
        if suppliesLoadedByID.insert(supplyID).inserted {
            for supply in try reader.supplies([supplyID]) { learn(supply, try item(supply.sku)) }
        }
        return (suppliesByID[supplyID] ?? [])
            .sorted { ($0.supply.sku, $0.supply.location) < ($1.supply.sku, $1.supply.location) }
    }

    /// The inbounds that are tied to a reorder, in the order in which they are settled.
    func inbounds(tiedTo reorderID: SupplyID) throws -> [SupplyRecord] {
        for supply in try reader.inbounds(tiedTo: [reorderID]) { learn(supply, try item(supply.sku)) }
        return (suppliesByReorder[reorderID] ?? []).filter { $0.supply.kind == .inbound }
            .sorted { $0.supply.key < $1.supply.key }
    }

    private func insertKey(_ key: SupplyKey, _ item: ItemRecord) {
        item.supplyView.keys.insert(key, at: keyIndex(key, item))
    }

    private func removeKey(_ key: SupplyKey, _ item: ItemRecord) {
        let index = keyIndex(key, item)
        if index < item.supplyView.keys.count, item.supplyView.keys[index] == key {
            item.supplyView.keys.remove(at: index)
        }
    }

    private func firstIndex(after key: SupplyKey, _ item: ItemRecord) -> Int {
        let index = keyIndex(key, item)
        return index < item.supplyView.keys.count && item.supplyView.keys[index] == key ? index + 1 : index
    }

    private func keyIndex(_ key: SupplyKey, _ item: ItemRecord) -> Int {
        var low = 0
        var high = item.supplyView.keys.count
        while low < high {
            let middle = (low + high) / 2
            if item.supplyView.keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
