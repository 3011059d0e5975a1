import BackOrderStore
import InventoryCore
import TestSupport
import Testing

@testable import BackOrderStore

@Suite struct MemoryStoreTests {
    @Test(arguments: StoreConformance.cases) func conforms(_ conformance: StoreConformance.Case) throws {
        try conformance.run { MemoryStore() }
    }

    @Test func storesShareBooks() throws {
        let first = MemoryStore()
        let second = MemoryStore(sharing: first)
        _ = try first.write { try $0.appendOutbox([], at: Instant(microseconds: 1)) }
        #expect(try second.write { try $0.outbox(after: nil, limit: 9) }.count == 1)
    }

    @Test func sortedListIsASortedSet() {
        var state: UInt64 = 1
        var list = SortedList<Int>()
        var model: Set<Int> = []
        for step in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = Int(state >> 33) % 3000
            if step % 7 < (step < 12_000 ? 5 : 2) {
                list.insert(value)
                model.insert(value)
            } else {
                list.remove(value)
                model.remove(value)
            }
            #expect(list.count == model.count)
        }
        let sorted = model.sorted()
        #expect(list.first(.max) == sorted)
        #expect(list.last(.max) == sorted.reversed())
        for bound in stride(from: -1, through: 3001, by: 13) {
            #expect(list.first(10, after: bound) == Array(sorted.filter { $0 > bound }.prefix(10)))
            #expect(list.last(10, before: bound) == Array(sorted.filter { $0 < bound }.reversed().prefix(10)))
        }
    }
}
