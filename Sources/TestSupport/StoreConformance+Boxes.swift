internal import BackOrderStore
internal import InventoryCore

/// Inbox, outbox, parked messages, and the transaction around them.
extension StoreConformance {
    static let inboxCases: [Case] = [
        Case(name: "the inbox answers the rows of known keys alone") { make in
            let store = try make()
            try store.write { try $0.appendInbox([row(1, at: 7), row(2, at: 8)]) }
            let found = try store.write { try $0.inbox([digest(1), digest(3)]) }
            try same(found, [digest(1): row(1, at: 7)], "inbox")
        },
        Case(name: "inbox keys keep all 128 bits") { make in
            let store = try make()
            let keys = [
                Digest128(high: 0, low: 0), Digest128(high: .max, low: .max), Digest128(high: 1 << 63, low: 1),
                Digest128(high: 1 << 63, low: 1 << 63), Digest128(high: 0, low: .max),
            ]
            let rows = keys.map {
                InboxRow(key: $0, content: Digest128(high: $0.low, low: ~$0.high), receivedAt: at(-5))
            }
            try store.write { try $0.appendInbox(rows) }
            let found = try store.write { try $0.inbox(keys) }
            for row in rows { try same(found[row.key], row, "row") }
        },
        Case(name: "an inbox key is not appended twice") { make in
            let store = try make()
            try store.write { try $0.appendInbox([row(1)]) }
            try refused("the key again", .corrupt) { try store.write { try $0.appendInbox([row(1)]) } }
            try refused("twice in one go", .corrupt) { try store.write { try $0.appendInbox([row(2), row(2)]) } }
            try same(try store.write { try $0.inbox([digest(2)]) }.count, 0, "rows")
        },
        Case(name: "old inbox rows are pruned, oldest first and no more than asked") { make in
            let store = try make()
            try store.write { try $0.appendInbox((1...10).map { row($0, at: Int64($0)) }) }
            try store.write { try $0.appendInbox((11...20).map { row($0, at: 50) }) }
            try same(try store.write { try $0.pruneInbox(before: at(5), limit: 3) }, 3, "pruned")
            try same(try store.write { try $0.pruneInbox(before: at(5), limit: 3) }, 1, "pruned")
            try same(try store.write { try $0.inbox((1...20).map { digest($0) }) }.count, 16, "left")
            try same(try store.write { try $0.pruneInbox(before: at(50), limit: 100) }, 6, "pruned")
            try same(try store.write { try $0.pruneInbox(before: at(51), limit: 4) }, 4, "part of a batch")
            try same(try store.write { try $0.inbox((1...20).map { digest($0) }) }.count, 6, "left")
            try same(try store.write { try $0.pruneInbox(before: at(51), limit: 100) }, 6, "rest of the batch")
            try store.write { try $0.appendInbox([row(11)]) }
        },
        Case(name: "what is forgotten can come again") { make in
            let store = try make()
            try store.write { try $0.appendInbox([row(1, at: 5), row(2, at: 5)]) }
            try store.write { try $0.forgetInbox([digest(1), digest(9)]) }
            try same(try store.write { try $0.inbox([digest(1), digest(2)]) }.keys.sorted(), [digest(2)], "left")
            try store.write { store in
                try store.forgetInbox([digest(2)])
                try store.appendInbox([row(1, at: 7), row(2, at: 7)])
            }
            try same(try store.write { try $0.inbox([digest(1), digest(2)]) }.count, 2, "again")
        },
        Case(name: "no keys, no rows") { make in
            let store = try make()
            try store.write { try $0.appendInbox([]) }
            try same(try store.write { try $0.inbox([]) }, [:], "inbox")
            try same(try store.write { try $0.pruneInbox(before: at(.max), limit: 10) }, 0, "pruned")
        },
    ]

    static func message(_ id: String, body: [UInt8] = [1, 2, 3]) -> OutboxMessage {
        OutboxMessage(destination: .output, routingKey: "a.b", messageID: id, type: "order-confirmed", body: body)
    }

    static let outboxCases: [Case] = [
        Case(name: "an outbox segment comes back as it was") { make in
            let store = try make()
            var mapped = message("m3")
            mapped.exchange = "mail"
            mapped.contentType = "application/cloudevents+json"
            let messages = [
                OutboxMessage(
                    destination: .deadLetter, routingKey: "é/å", messageID: "", type: "",
                    headers: [.init(name: "x-backorder-reason", value: "invalid"), .init(name: "", value: "e\u{301}")],
                    originalProperties: [0, 255, 128], body: [UInt8](repeating: 200, count: 100_000)),
                message("m2", body: []), mapped, message("m4"),
            ]
            let id = try store.write { try $0.appendOutbox(messages, at: at(9)) }
            let found = try store.write { try $0.outbox(after: nil, limit: 10) }
            try same(found, [OutboxSegment(id: id, createdAt: at(9), messages: messages)], "outbox")
        },
        Case(name: "outbox segments are in order of number and page") { make in
            let store = try make()
            let ids = try (1...7).map { number in
                try store.write { try $0.appendOutbox([message("m\(number)")], at: at(100 - Int64(number))) }
            }
            try same(ids, ids.sorted(), "numbers grow")
            let first = try store.write { try $0.outbox(after: nil, limit: 3) }
            try same(first.map(\.id), Array(ids[0..<3]), "first page")
            let second = try store.write { try $0.outbox(after: first[2].id, limit: 10) }
            try same(second.map(\.id), Array(ids[3...]), "second page")
        },
        Case(name: "outbox numbers grow after all segments are gone") { make in
            let store = try make()
            let first = try store.write { try $0.appendOutbox([message("1")], at: at(1)) }
            try store.write { try $0.removeOutbox([first, 99_999]) }
            try same(try store.write { try $0.outbox(after: nil, limit: 9) }.count, 0, "segments")
            let second = try store.write { try $0.appendOutbox([message("2")], at: at(1)) }
            try check(second > first, "\(second) after \(first)")
            try store.write { try $0.removeOutbox([first]) }
            try same(try store.write { try $0.outbox(after: nil, limit: 9) }.map(\.id), [second], "segments")
        },
        Case(name: "an outbox segment is replaced in its place") { make in
            let store = try make()
            let first = try store.write { try $0.appendOutbox([message("1"), message("2")], at: at(1)) }
            let second = try store.write { try $0.appendOutbox([message("3")], at: at(2)) }
            try store.write { try $0.replaceOutbox(first, with: [message("2")]) }
            let found = try store.write { try $0.outbox(after: nil, limit: 9) }
            try same(found.map(\.id), [first, second], "numbers")
            try same(found[0].messages, [message("2")], "messages")
            try same(found[0].createdAt, at(1), "time")
            try same(try store.read { try $0.totals() }.outboxMessages, 2, "messages in all")
        },
        Case(name: "replacing a segment that is gone does nothing") { make in
            let store = try make()
            try store.write { try $0.replaceOutbox(5, with: [message("2")]) }
            try same(try store.write { try $0.outbox(after: nil, limit: 9) }.count, 0, "segments")
        },
        Case(name: "the coding of segments refuses every damaged byte string") { _ in
            let whole = OutboxCoding.encode([message("m1"), message("m2")])
            try same(try OutboxCoding.decode(whole).count, 2, "messages")
            for length in 0..<whole.count {
                try refused("\(length) bytes", .corrupt) { _ = try OutboxCoding.decode(Array(whole[..<length])) }
            }
            try refused("more bytes", .corrupt) { _ = try OutboxCoding.decode(whole + [0]) }
            try refused("another version", .corrupt) { _ = try OutboxCoding.decode([9] + whole.dropFirst()) }
            try refused("a length beyond the end", .corrupt) {
                _ = try OutboxCoding.decode([1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0])
            }
        },
    ]

    struct BodyFailed: Error {}

    /// Everything a transaction can change, changed.
    static func changeAll(_ transaction: any StoreTransaction) throws {
        try transaction.appendInbox([row(100)])
        _ = try transaction.appendOutbox([message("x")], at: at(1))
        try transaction.removeOutbox([1])
        _ = try transaction.pruneInbox(before: at(100), limit: 1)
        var known = order("known", [waitingLine("S", 5)])
        known.lines[0].waiting = 0
        known.lines[0].cancelled = 5
        var changes = changed(known, [0])
        changes.orders += new(order("fresh", [heldLine("T", 1)], isHeld: true)).orders
        changes.items += new(Item(sku: "T", stock: [Stock(location: "b", onHand: 3, allocated: 1)])).items
        var item = Item(sku: "S", stock: [Stock(location: "a", onHand: 9)], lanes: [WaitingLane(pin: nil)])
        item.onOrder = 8
        changes.items.append(
            .init(item: item, isNew: false, headChanged: true, stock: [0], lanes: [0], deficitsChanged: false))
        changes.supplies = [supply("R", sku: "S", 0), supply("Q", sku: "T", 1)]
        changes.discrepancies = [
            Discrepancy(time: at(1), kind: .overShipment, sku: "S", location: "a", quantity: 1, messageID: "m")
        ]
        changes.parked = [parked("later", "p")]
        changes.unparked = [parked("early", "p")]
        try transaction.apply(changes)
    }

    static func someBooks(_ store: any BackOrderStore) throws {
        try store.write { transaction in
            try transaction.appendInbox([row(1)])
            _ = try transaction.appendOutbox([message("1")], at: at(1))
            var changes = new(order("known", [waitingLine("S", 5)]))
            changes.items =
                new(
                    Item(
                        sku: "S", stock: [Stock(location: "a", onHand: 2)],
                        lanes: [WaitingLane(pin: nil, units: 5, lines: 1)])
                ).items
            changes.supplies = [supply("R", sku: "S", 4)]
            changes.parked = [parked("early", "p")]
            try transaction.apply(changes)
        }
    }

    /// All that can be asked, as text.
    static func picture(_ store: any BackOrderStore) throws -> String {
        let ledger = try store.write { transaction in
            let inbox = try transaction.inbox([digest(1), digest(100)]).values.sorted { $0.key < $1.key }
            return """
                \(inbox)
                \(try transaction.outbox(after: nil, limit: 9).map { "\($0.id) \($0.messages)" })
                \(try transaction.orders(["known", "fresh"]))
                \(try transaction.items(["S", "T"]))
                \(try transaction.waitingLines(sku: "S", pin: nil, after: nil, limit: 9))
                \(try transaction.heldLines(sku: "T", after: nil, limit: 9))
                \(try transaction.supplies(["R", "Q"]))
                \(try transaction.parkedMessages(["early", "later"]))
                """
        }
        let queries = try store.read { queries in
            "\(try queries.totals()) \(try queries.discrepancies(after: nil, limit: 9))"
        }
        return ledger + queries
    }

    static let transactionCases: [Case] = [
        Case(name: "a body that throws leaves nothing, and its error is thrown on") { make in
            let store = try make()
            try someBooks(store)
            let before = try picture(store)
            do {
                try store.write { transaction in
                    try changeAll(transaction)
                    throw BodyFailed()
                }
                throw Failure(description: "nothing was thrown")
            } catch is BodyFailed {}
            try same(try picture(store), before, "the books")
            try store.write { try changeAll($0) }
            try check(try picture(store) != before, "the same changes, committed, are there")
        },
        Case(name: "a change that is refused takes the whole transaction with it, even if the body goes on") { make in
            let store = try make()
            try someBooks(store)
            let before = try picture(store)
            try refused("commit", .corrupt) {
                try store.write { transaction in
                    try changeAll(transaction)
                    do { try transaction.appendInbox([row(1), row(1)]) } catch {}
                }
            }
            try same(try picture(store), before, "the books")
        },
        Case(name: "SKUs first met in a transaction that was undone can be met again") { make in
            let store = try make()
            for _ in 0..<2 {
                do {
                    try store.write { transaction in
                        try transaction.apply(new(Item(sku: "gone", onOrder: 3)))
                        throw BodyFailed()
                    }
                } catch is BodyFailed {}
            }
            try apply(new(Item(sku: "other", onOrder: 1)), to: store)
            try apply(new(Item(sku: "gone", onOrder: 2)), to: store)
            let items = try store.write { try $0.items(["gone", "other"]) }.sorted { $0.sku < $1.sku }
            try same(items.map(\.onOrder), [2, 1], "on order")
        },
        Case(name: "a transaction sees what it applied") { make in
            let store = try make()
            try store.write { transaction in
                try transaction.apply(new(order("o", [waitingLine("S", 5)])))
                try same(try transaction.orders(["o"]).count, 1, "orders")
                try same(try transaction.waitingLines(sku: "S", pin: nil, after: nil, limit: 5).count, 1, "lines")
                var later = order("o", [waitingLine("S", 5)])
                later.lines[0].waiting = 2
                later.lines[0].refused = 3
                try transaction.apply(changed(later, [0]))
                try same(try transaction.waitingLines(sku: "S", pin: nil, after: nil, limit: 5)[0].units, 2, "units")
            }
        },
        Case(name: "write and read hand on what the body answers") { make in
            let store = try make()
            try same(try store.write { _ in 42 }, 42, "answer")
            try same(try store.read { _ in "é" }, "é", "answer")
        },
        Case(name: "migrating again changes nothing") { make in
            let store = try make()
            try someBooks(store)
            let before = try picture(store)
            try store.migrate()
            let version = try store.schemaVersion()
            try same(version.found, version.wanted, "version")
            try same(try picture(store), before, "the books")
        },
        Case(name: "thousands of small transactions") { make in
            let store = try make()
            for number in 0..<300 {
                try store.write { transaction in
                    try transaction.appendInbox([row(UInt64(number))])
                    try transaction.apply(new(order(OrderID("o\(number)"), [waitingLine("S", 1)])))
                }
            }
            try same(try waiting(store, "S").count, 300, "lines")
        },
    ]

    static func parked(_ orderID: OrderID, _ id: String, at time: Int64 = 1) -> ParkedMessage {
        ParkedMessage(
            orderID: orderID,
            message: InputMessage(
                id: id, time: at(time * 2),
                input: .shipmentDispatched(
                    ShipmentDispatched(
                        shipmentID: "s é e\u{301}", orderID: orderID,
                        lines: [LineQuantity(.line("1"), quantity: 3), LineQuantity(.sku("x/\"\\"), quantity: .max)],
                        dispatchedAt: at(.max))),
                trace: TraceContext(parent: "00-ab", state: "k=v")),
            parkedAt: at(time), original: [0, 1, 255])
    }

    static let parkedCases: [Case] = [
        Case(name: "parked messages come back as they were, by order") { make in
            let store = try make()
            var changes = Changes()
            changes.parked = [parked("a", "1"), parked("a", "2"), parked("b", "1")]
            try apply(changes, to: store)
            let found = try store.write { try $0.parkedMessages(["a", "none"]) }
            try same(found.sorted { $0.message.id < $1.message.id }, [parked("a", "1"), parked("a", "2")], "parked")
            try same(try store.write { try $0.parkedMessages(["b"]) }, [parked("b", "1")], "parked")
        },
        Case(name: "parked messages that were used up are gone, by order and message") { make in
            let store = try make()
            var changes = Changes()
            changes.parked = [parked("a", "1"), parked("b", "1")]
            try apply(changes, to: store)
            changes = Changes()
            changes.unparked = [parked("a", "1"), parked("c", "1")]
            try apply(changes, to: store)
            try same(try store.write { try $0.parkedMessages(["a", "b"]) }, [parked("b", "1")], "parked")
            try same(try store.read { try $0.totals() }.parkedMessages, 1, "in all")
        },
        Case(name: "parked messages by age, oldest first, before the instant alone") { make in
            let store = try make()
            var changes = Changes()
            changes.parked = [
                parked("z", "1", at: 5), parked("b", "1", at: 7), parked("a", "1", at: 7), parked("q", "1", at: 9),
            ]
            try apply(changes, to: store)
            func orders(before: Int64, _ limit: Int) throws -> [OrderID] {
                try store.write { try $0.parkedMessages(before: at(before), limit: limit) }.map(\.orderID)
            }
            try same(try orders(before: 9, 10), ["z", "a", "b"], "order")
            try same(try orders(before: 100, 2), ["z", "a"], "limit")
            try same(try orders(before: 5, 10), [], "none")
        },
        Case(name: "message ids of parked messages are compared by bytes") { make in
            let store = try make()
            var changes = Changes()
            changes.parked = [parked("a", "é"), parked("a", "e\u{301}")]
            try apply(changes, to: store)
            try same(try store.write { try $0.parkedMessages(["a"]) }.count, 2, "parked")
            changes = Changes()
            changes.unparked = [parked("a", "é")]
            try apply(changes, to: store)
            let left = try store.write { try $0.parkedMessages(["a"]) }
            try same(left.map { Identifier($0.message.id) }, [Identifier("e\u{301}")], "left")
        },
    ]
}
