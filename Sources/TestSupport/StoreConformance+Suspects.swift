internal import BackOrderStore
internal import InventoryCore

extension StoreConformance {
    static func suspect(_ number: UInt64, batch: Int = 200, deaths: Int = 1, alone: Int = 0, at time: Int64 = 5)
        -> Suspect
    {
        Suspect(key: digest(number), batch: batch, deaths: deaths, deathsAlone: alone, at: at(time))
    }

    static let suspectCases: [Case] = [
        Case(name: "suspects come back as they were written last") { make in
            let store = try make()
            try store.write { try $0.putSuspects([suspect(2), suspect(1), suspect(3)]) }
            try store.write { try $0.putSuspects([suspect(1, batch: 1, deaths: 9, alone: 4, at: .max)]) }
            let found = try store.write { try $0.suspects([digest(1), digest(2), digest(9)]) }
            try same(
                found, [digest(1): suspect(1, batch: 1, deaths: 9, alone: 4, at: .max), digest(2): suspect(2)], "found")
        },
        Case(name: "suspects go with the work that was done on them, or stay with it undone") { make in
            let store = try make()
            try store.write { try $0.putSuspects([suspect(1), suspect(2)]) }
            _ = try? store.write { store in
                try store.removeSuspects([digest(1)])
                try store.putSuspects([suspect(3)])
                throw StoreError(.unavailable, "not this time")
            }
            try same(
                try store.write { try $0.suspects([digest(1), digest(2), digest(3)]) }.keys.sorted(),
                [digest(2), digest(1)], "after what was undone")
            try store.write { store in
                try store.removeSuspects([digest(1), digest(9)])
                try store.appendInbox([row(1)])
            }
            try same(
                try store.write { try $0.suspects([digest(1), digest(2)]) }.keys.sorted(), [digest(2)], "after that")
        },
        Case(name: "old suspects go") { make in
            let store = try make()
            try store.write { try $0.putSuspects([suspect(1, at: 5), suspect(2, at: 6)]) }
            try store.write { try $0.pruneSuspects(before: at(6)) }
            try same(try store.write { try $0.suspects([digest(1), digest(2)]) }.keys.sorted(), [digest(2)], "left")
        },
        Case(name: "no suspects") { make in
            let store = try make()
            try store.write { store in
                try store.putSuspects([])
                try store.removeSuspects([])
                try same(try store.suspects([]), [:], "none")
            }
        },
    ]
}
