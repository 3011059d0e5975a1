/// fair-share: what is available is divided in proportion to waiting quantity.
extension Turn {
    /// Whole units, largest remainder first, ties by precedence.
    ///
    /// All that is available is divided at once, wherever it is. A pinned line whose location has less than its share
    /// takes what is there; the rest is divided again among those who can still take, until nothing is left to take.
    func fairGrants(_ item: ItemRecord, _ sources: [(location: LocationID, available: Units)]) throws -> [Grant] {
        var lines: [QueuedLine] = []
        try ledger.walkWaiting(item, .usable(at: sources.map(\.location)), chunk: 512) { line in
            lines.append(line)
            return true
        }
        var division = FairDivision(lines: lines, sources: sources)
        while division.divideOnce() {}
        let grants = division.grants.sorted { $0.key < $1.key }
        try ledger.loadOrders(grants.map(\.key.orderID))
        return grants
    }
}

/// The dividing: lines in precedence order against locations in the order in which they are taken from.
private struct FairDivision {
    var lines: [QueuedLine]
    var sources: [(location: LocationID, available: Units)]
    private(set) var grants: [Turn.Grant] = []

    init(lines: [QueuedLine], sources: [(location: LocationID, available: Units)]) {
        self.lines = lines
        self.sources = sources
    }

    /// Divides what is available among the lines that can take of it; false: there was nothing to divide.
    mutating func divideOnce() -> Bool {
        let open = Set(sources.lazy.filter { $0.available > 0 }.map(\.location))
        let usable = lines.indices.filter { index in
            lines[index].units > 0 && (lines[index].pin.map { open.contains($0) } ?? !open.isEmpty)
        }
        let wanted = usable.reduce(Units(0)) { $0 + lines[$1].units }
        // Units at a location that none of them may take from are not theirs to divide.
        let pins = Set(usable.map { lines[$0].pin })
        let reachable = sources.lazy.filter { pins.contains(nil) || pins.contains($0.location) }
        let shared = min(reachable.reduce(0) { $0 + $1.available }, wanted)
        if shared == 0 { return false }
        let shares = shares(of: shared, among: usable, wanted: wanted)
        var moved: Units = 0
        // Pinned lines first, so that nobody who could go elsewhere takes what they need.
        for isPinned in [true, false] {
            for (index, share) in zip(usable, shares) where (lines[index].pin != nil) == isPinned {
                moved += take(index, share)
            }
        }
        return moved > 0
    }

    private func shares(of shared: Units, among usable: [Int], wanted: Units) -> [Units] {
        var rest = shared
        var shares: [Units] = []
        var remainders: [(place: Int, remainder: UInt64)] = []
        for (place, index) in usable.enumerated() {
            let product = UInt64(lines[index].units).multipliedFullWidth(by: UInt64(shared))
            let (quotient, remainder) = UInt64(wanted).dividingFullWidth(product)
            shares.append(Units(quotient))
            rest -= Units(quotient)
            remainders.append((place, remainder))
        }
        remainders.sort { $0.remainder != $1.remainder ? $0.remainder > $1.remainder : $0.place < $1.place }
        for entry in remainders.prefix(Int(rest)) { shares[entry.place] += 1 }
        return shares
    }

    /// Takes up to the share for a line, from its pin or from location after location; answers what it got.
    private mutating func take(_ index: Int, _ share: Units) -> Units {
        var rest = share
        for source in sources.indices where rest > 0 && sources[source].available > 0 {
            if let pin = lines[index].pin, pin != sources[source].location { continue }
            let units = min(rest, sources[source].available)
            sources[source].available -= units
            lines[index].units -= units
            rest -= units
            grants.append(Turn.Grant(key: lines[index].key, location: sources[source].location, units: units))
        }
        return share - rest
    }
}
