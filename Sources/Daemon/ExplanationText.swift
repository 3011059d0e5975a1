import BackOrderStore
import InventoryCore
import MessageSchema

/// An explanation in words, and as JSON.
struct ExplanationText {
    private let explanation: Explanation
    private let now: Instant
    private let handlingDays: Int64
    private let eventsShown: Int

    init(_ explanation: Explanation, now: Instant, handlingDays: Int64, eventsShown: Int) {
        self.explanation = explanation
        self.now = now
        self.handlingDays = handlingDays
        self.eventsShown = eventsShown
    }

    // MARK: Words

    var rendered: String {
        let order = explanation.order
        var text =
            "Order \(order.orderID): \(order.status.rawValue), placed \(time(order.placedAt)), priority \(order.priority), "
            + "ships \(order.ship.rawValue)"
        if let requested = order.requestedBy { text += ", wanted by \(time(requested))" }
        text += "\n"
        if order.isHeld {
            text += "It is held by the policy: it waits for order-released, or for stock that covers all of it.\n"
        }
        if order.ship == .complete, order.waitingUnits > 0 {
            text += "It ships complete: what it has stays here until nothing of it waits.\n"
        }
        for line in explanation.lines { text += "\n" + words(line) }
        if explanation.isCut { text += "\nIts history is longer than is shown here.\n" }
        return TextTable.printableLines(text)
    }

    private func words(_ line: Explanation.Line) -> String {
        var text = "Line \(line.line.lineID), \(line.line.sku): \(line.line.ordered) ordered"
        if let pin = line.line.pin { text += ", only from \(pin)" }
        text += "; " + standing(line.line).joined(separator: ", ") + "\n"
        for sentence in sentences(line) { text += "  \(sentence)\n" }
        let skipped = max(0, line.events.count - eventsShown)
        if skipped > 0 { text += "  … \(skipped) earlier \(skipped == 1 ? "event" : "events") (--all shows them)\n" }
        for event in line.events.dropFirst(skipped) { text += "  \(time(event.time))  \(words(event))\n" }
        return text
    }

    private func standing(_ line: OrderLine) -> [String] {
        var parts: [String] = []
        for entry in line.allocations { parts.append("\(entry.units) allocated at \(entry.location)") }
        for (units, what) in [
            (line.waiting, "waiting"), (line.held, "held"), (line.dispatched, "dispatched"),
            (line.cancelled, "cancelled"), (line.refused, "refused"),
        ] where units > 0 {
            parts.append("\(units) \(what)")
        }
        return parts.isEmpty ? ["nothing is left of it"] : parts
    }

    private func sentences(_ line: Explanation.Line) -> [String] {
        var result: [String] = []
        if let policy = line.policy { result.append("Policy when it was out of stock: \(policy).") }
        guard let queue = line.queue else { return result }
        var place = "Place \(queue.place) of \(queue.linesWaiting) in the queue of \(line.line.sku)"
        place += queue.place == 1 ? ": nobody is ahead." : ": \(unitsText(queue.unitsAhead)) ahead"
        if queue.place > 1 {
            let names = queue.ahead.map { "\($0.key.orderID) (\($0.waiting))" }.joined(separator: ", ")
            place += ", first " + names + "."
        }
        result.append(place)
        let needed = queue.unitsAhead + line.line.waiting
        if let peg = line.standsOn {
            var sentence = "Its date stands on \(peg.supply.kind.rawValue) \(peg.supply.supplyID)"
            sentence += ": \(unitsText(peg.supply.outstanding)) to \(peg.supply.location)"
            if let expected = peg.supply.expectedAt { sentence += ", expected \(time(expected))" }
            if let expected = peg.supply.expectedAt, expected <= now {
                sentence += ", overdue: counts as one day from now"
            }
            sentence += "; with \(handlingDays) \(handlingDays == 1 ? "day" : "days") of handling "
            sentence += time(peg.countsAs.adding(days: handlingDays)) + "."
            result.append(sentence)
        } else if queue.onOrder < needed {
            result.append(
                "It has no date: \(unitsText(needed)) \(isOrAre(needed)) needed up to it, "
                    + "\(queue.onOrder) \(isOrAre(queue.onOrder)) on order.")
        } else {
            result.append(
                "It has no date: \(unitsText(needed)) \(isOrAre(needed)) needed up to it, "
                    + "\(queue.onOrderDated) on order \(queue.onOrderDated == 1 ? "has" : "have") an expected date.")
        }
        if let promised = line.line.promisedAt {
            var sentence = "The customer was last told \(time(promised))"
            if let first = line.line.firstPromisedAt, first != promised { sentence += ", at first \(time(first))" }
            result.append(sentence + ".")
        } else {
            result.append("The customer was told no date.")
        }
        return result
    }

    private func words(_ event: Explanation.Event) -> String {
        var parts: [String] = []
        let change = event.change
        for move in change.allocated {
            parts.append(
                move.units > 0
                    ? "\(move.units) allocated at \(move.location)"
                    : "\(-move.units) no longer allocated at \(move.location)")
        }
        if change.waiting > 0 { parts.append("\(change.waiting) more \(change.waiting == 1 ? "waits" : "wait")") }
        if change.waiting < 0 { parts.append("\(-change.waiting) fewer \(change.waiting == -1 ? "waits" : "wait")") }
        if change.held > 0 { parts.append("\(change.held) held") }
        if change.held < 0 { parts.append("\(-change.held) no longer held") }
        if change.dispatched > 0 { parts.append("\(change.dispatched) dispatched") }
        if change.cancelled > 0 { parts.append("\(change.cancelled) cancelled") }
        if change.refused > 0 { parts.append("\(change.refused) refused") }
        if let promised = change.promised {
            parts.append(promised.at.map { "promised for \(time($0))" } ?? "no date any more")
        }
        let cause = event.cause == Output.timerCause ? event.kind : "\(event.kind) \(event.cause)"
        return "\(cause): \(parts.joined(separator: ", "))"
    }

    private func unitsText(_ units: Units) -> String { units == 1 ? "1 unit" : "\(units) units" }

    private func isOrAre(_ units: Units) -> String { units == 1 ? "is" : "are" }

    private func time(_ instant: Instant) -> String { formatRFC3339(instant) }

    // MARK: JSON

    var json: JSONText {
        let order = explanation.order
        return .object([
            ("order_id", .string(order.orderID.text)), ("status", .string(order.status.rawValue)),
            ("placed_at", .string(time(order.placedAt))), ("priority", .integer(Int64(order.priority))),
            ("ship", .string(order.ship.rawValue)), ("lines", .array(explanation.lines.map(json))),
        ])
    }

    private func json(_ line: Explanation.Line) -> JSONText {
        .object([
            ("line_id", .string(line.line.lineID.text)), ("sku", .string(line.line.sku.text)),
            ("ordered", .integer(line.line.ordered)), ("location", .optional(line.line.pin?.text)),
            (
                "allocations",
                .array(
                    line.line.allocations.map {
                        .object([("location", .string($0.location.text)), ("units", .integer($0.units))])
                    })
            ),
            ("waiting", .integer(line.line.waiting)), ("held", .integer(line.line.held)),
            ("dispatched", .integer(line.line.dispatched)), ("cancelled", .integer(line.line.cancelled)),
            ("refused", .integer(line.line.refused)), ("policy", .optional(line.policy)),
            ("first_promised_at", .optional(line.line.firstPromisedAt.map(time))),
            ("promised_at", .optional(line.line.promisedAt.map(time))),
            ("estimated_at", .optional(line.line.estimatedAt.map(time))),
            ("queue", line.queue.map(json) ?? .null), ("stands_on", line.standsOn.map(json) ?? .null),
            ("history", .array(line.events.map(json))),
        ])
    }

    private func json(_ queue: Explanation.Queue) -> JSONText {
        .object([
            ("place", .integer(queue.place)), ("lines_waiting", .integer(queue.linesWaiting)),
            ("units_ahead", .integer(queue.unitsAhead)), ("units_waiting", .integer(queue.unitsWaiting)),
            ("on_order", .integer(queue.onOrder)),
            (
                "first_ahead",
                .array(
                    queue.ahead.map {
                        .object([
                            ("order_id", .string($0.key.orderID.text)), ("line_id", .string($0.lineID.text)),
                            ("waiting", .integer($0.waiting)),
                        ])
                    })
            ),
        ])
    }

    private func json(_ peg: StandingSupply) -> JSONText {
        .object([
            ("id", .string(peg.supply.supplyID.text)), ("kind", .string(peg.supply.kind.rawValue)),
            ("location", .string(peg.supply.location.text)), ("outstanding", .integer(peg.supply.outstanding)),
            ("expected_at", .optional(peg.supply.expectedAt.map(time))), ("counts_as", .string(time(peg.countsAs))),
        ])
    }

    private func json(_ event: Explanation.Event) -> JSONText {
        let change = event.change
        var members: [(String, JSONText)] = [
            ("time", .string(time(event.time))), ("cause", .string(event.cause)), ("kind", .string(event.kind)),
        ]
        if !change.allocated.isEmpty {
            members.append(
                (
                    "allocated",
                    .array(
                        change.allocated.map {
                            .object([("location", .string($0.location.text)), ("units", .integer($0.units))])
                        })
                ))
        }
        for (name, units) in [
            ("waiting", change.waiting), ("held", change.held), ("dispatched", change.dispatched),
            ("cancelled", change.cancelled), ("refused", change.refused),
        ] where units != 0 {
            members.append((name, .integer(units)))
        }
        if let promised = change.promised { members.append(("promised_at", .optional(promised.at.map(time)))) }
        if let policy = change.policy { members.append(("policy", .string(policy))) }
        return .object(members)
    }
}
