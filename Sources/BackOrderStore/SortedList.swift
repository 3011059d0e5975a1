/// A sorted set of values in chunks: a change moves at most one chunk, so long queues stay cheap.
struct SortedList<Element: Comparable> {
    private var chunks: [[Element]] = []
    private(set) var count = 0
    private static var capacity: Int { 256 }

    /// Where the first element is that does not go before this one: chunk and index in it.
    private func position(of element: Element) -> (chunk: Int, index: Int) {
        var low = 0
        var high = chunks.count
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle][chunks[middle].count - 1] < element { low = middle + 1 } else { high = middle }
        }
        if low == chunks.count { return (low, 0) }
        let chunk = low
        low = 0
        high = chunks[chunk].count
        while low < high {
            let middle = (low + high) / 2
            if chunks[chunk][middle] < element { low = middle + 1 } else { high = middle }
        }
        return (chunk, low)
    }

    mutating func insert(_ element: Element) {
        var (chunk, index) = position(of: element)
        if chunk < chunks.count {
            if chunks[chunk][index] == element { return }
        } else if chunks.isEmpty {
            chunks.append([])
        } else {
            chunk -= 1
            index = chunks[chunk].count
        }
        chunks[chunk].insert(element, at: index)
        count += 1
        if chunks[chunk].count > Self.capacity {
            let half = chunks[chunk].count / 2
            let tail = Array(chunks[chunk][half...])
            chunks[chunk].removeLast(tail.count)
            chunks.insert(tail, at: chunk + 1)
        }
    }

    mutating func remove(_ element: Element) {
        let (chunk, index) = position(of: element)
        guard chunk < chunks.count, chunks[chunk][index] == element else { return }
        chunks[chunk].remove(at: index)
        count -= 1
        if chunks[chunk].isEmpty { chunks.remove(at: chunk) }
    }

    /// In order, only those greater than `after`, while the body answers true.
    func forEach(after: Element?, _ body: (Element) throws -> Bool) rethrows {
        var (chunk, index) = (0, 0)
        if let after {
            (chunk, index) = position(of: after)
            if chunk < chunks.count, chunks[chunk][index] == after { index += 1 }
        }
        while chunk < chunks.count {
            while index < chunks[chunk].count {
                if try !body(chunks[chunk][index]) { return }
                index += 1
            }
            chunk += 1
            index = 0
        }
    }

    /// From the last down, only those smaller than `before`, while the body answers true.
    func forEachFromLast(before: Element?, _ body: (Element) throws -> Bool) rethrows {
        var (chunk, index) = (chunks.count, 0)
        if let before { (chunk, index) = position(of: before) }
        while true {
            if index == 0 {
                if chunk == 0 { return }
                chunk -= 1
                index = chunks[chunk].count
            }
            index -= 1
            if try !body(chunks[chunk][index]) { return }
        }
    }

    func first(_ limit: Int, after: Element? = nil) -> [Element] {
        var result: [Element] = []
        if limit <= 0 { return result }
        forEach(after: after) {
            result.append($0)
            return result.count < limit
        }
        return result
    }

    func last(_ limit: Int, before: Element? = nil) -> [Element] {
        var result: [Element] = []
        if limit <= 0 { return result }
        forEachFromLast(before: before) {
            result.append($0)
            return result.count < limit
        }
        return result
    }
}
