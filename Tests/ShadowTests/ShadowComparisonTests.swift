import InventoryCore
import MessageSchema
import Testing

@testable import Daemon

/// A journal as stories: what the shadow noted, hour by hour, and what the comparison says of it.
@Suite struct ShadowComparisonTests {
    private func at(_ hours: Double) -> Instant { Instant(microseconds: Int64(hours * 3_600_000_000)) }

    private func line(_ units: Units, _ promise: Double? = nil) -> ShadowNote.Line {
        .init(lineID: "1", sku: "A", quantity: units, promisedAt: promise.map(at))
    }

    private func effect(
        _ kind: String, _ order: OrderID, _ cause: String, _ hours: Double, at location: LocationID? = nil,
        _ lines: [ShadowNote.Line]
    ) -> ShadowNote.Effect {
        .init(kind: kind, cause: cause, time: at(hours), orderID: order, location: location, lines: lines)
    }

    /// An order of so many units, and what of it was asked for at once.
    private func placed(
        _ order: OrderID, _ units: Units, _ hours: Double, asked: Units = 0, promised: Double? = nil,
        notice: NotificationKind? = nil
    ) -> ShadowNote {
        var effects: [ShadowNote.Effect] = []
        if let notice {
            effects.append(effect(notice.rawValue, order, "p-\(order)", hours, [line(units - asked, promised)]))
        }
        if asked > 0 {
            effects.append(effect("fulfilment-requested", order, "p-\(order)", hours, at: "WH1", [line(asked)]))
        }
        return ShadowNote(
            cause: .init(id: "p-\(order)", type: "order-placed", time: at(hours)),
            placed: .init(orderID: order, placedAt: at(hours), lines: [line(units)]), effects: effects)
    }

    private func shipped(
        _ order: OrderID, _ units: Units, _ hours: Double, from location: LocationID? = "WH1",
        id: String? = nil, more: [ShadowNote.Effect] = []
    ) -> ShadowNote {
        let id = id ?? "s-\(order)-\(hours)"
        return ShadowNote(
            cause: .init(id: id, type: "shipment-dispatched", time: at(hours)),
            shipped: .init(shipmentID: Identifier(id), orderID: order, location: location, dispatchedAt: at(hours)),
            effects: [effect("order-dispatched", order, id, hours, [line(units)])] + more)
    }

    private func compare(_ notes: [ShadowNote], since: Instant? = nil) -> ShadowComparison {
        var comparison = ShadowComparison(since: since)
        for note in notes {
            // As it is read back from the journal.
            let written = ShadowEntry.noteLine(note.encoded, at: at(1_000))
            guard let (time, entry) = ShadowEntry.read(written.dropLast()) else {
                Issue.record("not read back: \(String(decoding: written, as: UTF8.self))")
                continue
            }
            #expect(entry == .note(note))
            comparison.take(entry, at: time)
        }
        comparison.finish()
        return comparison
    }

    private func told(_ comparison: ShadowComparison) -> [String] {
        comparison.differences.map { "\($0.orderID) \($0.kind.rawValue) \($0.units)" }
    }

    @Test func shippedAsAskedInTwoParcels() {
        let result = compare([placed("O", 3, 0, asked: 3), shipped("O", 1, 2), shipped("O", 2, 10)])
        #expect(result.ordersAsAsked == 1 && result.differences.isEmpty && result.unitsAsAsked == 3)
        #expect(result.delay.percentile(50) == 2 * 3600 && result.delay.percentile(95) == 10 * 3600)
    }

    @Test func aShipmentThatNamesNoPlaceIsTakenAtItsWord() {
        let result = compare([placed("O", 1, 0, asked: 1), shipped("O", 1, 1, from: nil)])
        #expect(result.ordersAsAsked == 1 && result.shipmentsWithoutLocation == 1)
    }

    @Test func halfFromHereAndHalfFromThere() {
        let result = compare([placed("O", 4, 0, asked: 4), shipped("O", 2, 1), shipped("O", 2, 2, from: "WH2")])
        #expect(told(result) == ["O another-location 2"])
        #expect(result.ordersAsAsked == 0 && result.ordersShipped == 1 && result.unitsAsAsked == 2)
        #expect(result.differences.first?.expectedLocation == "WH1")
    }

    @Test func unitsThatOthersHadBeenGiven() {
        let withdrawn = effect("fulfilment-withdrawn", "B", "s", 5, at: "WH1", [line(1)])
        let delayed = effect("backorder-delayed", "C", "s", 5, [line(1)])
        let result = compare([
            placed("B", 2, 0, asked: 2), placed("C", 1, 0, asked: 1), placed("O", 2, 1, notice: .orderBackordered),
            shipped("O", 2, 5, id: "s", more: [withdrawn, delayed]),
        ])
        #expect(told(result) == ["B not-shipped 1", "C not-shipped 1", "O given-to-others 2"])
        #expect(result.differences.last?.others == ["B", "C"])
    }

    @Test func whatWaitedWasHeldOrCameLate() {
        let result = compare([
            placed("H", 1, 0, notice: .orderHeld), shipped("H", 1, 1), placed("W", 1, 0, notice: .orderBackordered),
            shipped("W", 1, 1),
            ShadowNote(
                cause: .init(id: "s", type: "shipment-dispatched", time: at(1)),
                shipped: .init(shipmentID: "s", orderID: "L", location: "WH1", dispatchedAt: at(1))),
            ShadowNote(
                cause: .init(id: "p", type: "order-placed", time: at(2)),
                placed: .init(orderID: "L", placedAt: at(2), lines: [line(1)]),
                effects: [effect("order-dispatched", "L", "s", 2, [line(1)])]),
        ])
        #expect(told(result) == ["H held 1", "L before-its-order 1", "W not-ready 1"])
        #expect(result.shipmentsOfUnknownOrders == 0)
    }

    @Test func moreThanWasOpenAlsoWhenTheOrderWasDone() {
        let result = compare([placed("O", 2, 0, asked: 2), shipped("O", 2, 1), shipped("O", 1, 2)])
        #expect(told(result) == ["O more-than-open 1"])
        #expect(result.ordersShipped == 1 && result.ordersAsAsked == 0)
        let cancelled = ShadowNote(
            cause: .init(id: "c", type: "order-cancelled", time: at(1)),
            effects: [
                effect("fulfilment-withdrawn", "O", "c", 1, at: "WH1", [line(2)]),
                effect("order-cancelled", "O", "c", 1, [line(2)]),
            ])
        let other = compare([placed("O", 2, 0, asked: 2), cancelled, shipped("O", 2, 2)])
        #expect(told(other) == ["O more-than-open 2"] && other.ordersShipped == 1)
    }

    @Test func askedAndNotShippedHasItsAge() {
        let result = compare([placed("O", 3, 0, asked: 3), placed("P", 2, 6, asked: 2), shipped("P", 1, 30)])
        #expect(told(result) == ["O not-shipped 3", "P partly-shipped 1"])
        #expect(result.openAge.percentile(100) == 30 * 3600 && result.openAge.percentile(50) == 24 * 3600)
        // What was shipped of P was shipped as asked, but P is not.
        #expect(result.unitsAsAsked == 1 && result.ordersAsAsked == 0)
    }

    @Test func promisesKeptLateOverdueAndOpen() {
        func filled(_ order: OrderID, _ hours: Double) -> ShadowNote {
            ShadowNote(
                cause: .init(id: "r-\(order)", type: "stock-received", time: at(hours)),
                effects: [
                    effect("backorder-filled", order, "r-\(order)", hours, [line(1)]),
                    effect("fulfilment-requested", order, "r-\(order)", hours, at: "WH1", [line(1)]),
                ])
        }
        let moved = ShadowNote(cause: nil, effects: [effect("backorder-delayed", "B", "timer", 12, [line(1, 60)])])
        let result = compare([
            placed("A", 1, 0, promised: 24, notice: .orderBackordered), filled("A", 20), shipped("A", 1, 22),
            placed("B", 1, 0, promised: 24, notice: .orderBackordered), moved, filled("B", 30), shipped("B", 1, 50),
            placed("C", 1, 0, promised: 24, notice: .orderBackordered), filled("C", 30), shipped("C", 1, 48),
            placed("D", 1, 0, promised: 40, notice: .orderBackordered),
            placed("E", 1, 0, promised: 400, notice: .orderBackordered),
        ])
        #expect([result.first.kept, result.first.late, result.first.overdue, result.first.open] == [1, 2, 1, 1])
        #expect([result.last.kept, result.last.late, result.last.overdue, result.last.open] == [2, 1, 1, 1])
        #expect(told(result) == ["C promise-late 1", "D promise-overdue 1"])
        #expect(result.last.distance.percentile(50) == -2 * 3600)
        #expect(result.ordersAsAsked == 3)
    }

    @Test func whatACrashWroteTwiceCountsOnce() {
        let notes = [
            placed("O", 2, 0, asked: 1, promised: 24, notice: .orderBackordered), shipped("O", 1, 1),
            ShadowNote(cause: nil, effects: [effect("backorder-delayed", "O", "timer", 2, [line(1, 48)])]),
        ]
        let once = compare(notes)
        let twice = compare(notes.flatMap { [$0, $0] } + notes)
        #expect(told(once) == told(twice) && once.shipments == twice.shipments && once.orders == twice.orders)
        #expect(once.inputs == twice.inputs && once.unitsAsAsked == 1 && twice.unitsAsAsked == 1)
    }

    @Test func olderOrdersAreLeftOut() {
        let result = compare(
            [placed("O", 1, 0, asked: 1), placed("P", 1, 5, asked: 1), shipped("O", 1, 6)], since: at(3))
        #expect(result.orders == 1 && told(result) == ["P not-shipped 1"] && result.shipmentsOfUnknownOrders == 1)
    }

    @Test func gapsAreTold() {
        var comparison = ShadowComparison()
        comparison.take(.started([.init(queue: "q", messages: nil, limit: 10)]), at: at(0))
        comparison.take(.stopped, at: at(1))
        comparison.take(.started([.init(queue: "q", messages: 3, limit: 10)]), at: at(2))
        comparison.take(.started([.init(queue: "q", messages: 10, limit: 10)]), at: at(3))
        comparison.take(.started([.init(queue: "q", messages: nil, limit: 10)]), at: at(4))
        comparison.finish()
        #expect(comparison.gaps.map(\.from) == [at(2), at(3)] && comparison.gaps.map(\.to) == [at(3), at(4)])
    }

    @Test func aQueueThatRanFullIsOneGapWhileItLasts() {
        var comparison = ShadowComparison()
        func full(_ queue: String, _ minutes: Int64) {
            comparison.take(
                .full([.init(queue: queue, messages: 10, limit: 10)]),
                at: Instant(microseconds: at(0).microseconds + minutes * 60_000_000))
        }
        for minute: Int64 in [0, 1, 2, 3] { full("q", minute) }
        full("r", 3)
        for minute: Int64 in [30, 31] { full("q", minute) }
        comparison.finish()
        let told = comparison.gaps.map {
            "\($0.cause.prefix(1)) \(($0.from.microseconds - at(0).microseconds) / 60_000_000)-\(($0.to.microseconds - at(0).microseconds) / 60_000_000)"
        }
        #expect(told == ["q 0-3", "r 3-3", "q 30-31"])
    }
}
