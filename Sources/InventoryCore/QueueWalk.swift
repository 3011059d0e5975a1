/// Waiting lines of a SKU in precedence order, lane by lane from the reader, a chunk at a time.
struct QueueWalk {
    private struct Lane {
        var pin: LocationID?
        var rows: [QueuedLine] = []
        var next = 0
        var after: PrecedenceKey?
        var isComplete = false
    }

    private let sku: SKU
    private let reader: any LedgerReader
    private var lanes: [Lane]
    private static let chunk = 256

    init(_ item: ItemRecord, _ reader: any LedgerReader, after: PrecedenceKey?) {
        sku = item.sku
        self.reader = reader
        lanes = item.item.lanes.filter { $0.lines > 0 }.map { Lane(pin: $0.pin, after: after) }
    }

    mutating func next() throws -> QueuedLine? {
        var best: (lane: Int, line: QueuedLine)?
        for index in lanes.indices {
            if lanes[index].next == lanes[index].rows.count, !lanes[index].isComplete {
                let rows = try reader.waitingLines(
                    sku: sku, pin: lanes[index].pin, after: lanes[index].after, limit: QueueWalk.chunk)
                lanes[index].rows = rows
                lanes[index].next = 0
                lanes[index].after = rows.last?.key ?? lanes[index].after
                lanes[index].isComplete = rows.count < QueueWalk.chunk
            }
            guard lanes[index].next < lanes[index].rows.count else { continue }
            let line = lanes[index].rows[lanes[index].next]
            if let known = best, known.line.key < line.key { continue }
            best = (index, line)
        }
        guard let best else { return nil }
        lanes[best.lane].next += 1
        return best.line
    }
}
