import BackOrderStore
import InventoryCore
import MessageSchema
import Worker

/// At a glance: is it well, what waits, what is late.
extension Pages {
    func overview() -> HTTPResponse {
        let checks = endpoint.health.current
        let isReady = checks.allSatisfy { $0.check.verdict == .fine || $0.check.verdict == .warning }
        var body: HTML = Self.searchForm()
        body +=
            isReady
            ? "<p><span class=\"good\">Ready.</span> It takes messages and sends what they cause.</p>"
            : "<p><span class=\"bad\">Not ready.</span> What is the matter stands below.</p>"
        body += planning
        body += working
        body += Layout.table(
            "Health of this worker",
            [("Part", false), ("State", false), ("Since", false), ("What to do", false)], checks.map(row))
        return Layout.page("Overview", tab: .overview, liveSeconds: 5, setting: setting, body)
    }

    private func row(_ finding: HealthBoard.Finding) -> HTML {
        let seconds = Double(max(0, monotonicMilliseconds() - finding.sinceMilliseconds)) / 1_000
        let style =
            switch finding.check.verdict {
            case .fine: "good"
            case .warning: "warn"
            case .failed, .hung: "bad"
            }
        let message: HTML = finding.check.message.isEmpty ? "" : "\(finding.check.message). "
        return """
            <tr><td>\(finding.name)</td><td><span class="\(style)">\(finding.check.verdict.rawValue)</span></td>
            <td>\(Layout.duration(seconds: seconds))</td><td>\(message)\(finding.check.remedy)</td></tr>
            """
    }

    private var planning: HTML {
        if let why = setting.storeIsHidden { return "<h2>The books</h2><p>\(why)</p>" }
        guard let reading = endpoint.figures.reading else {
            return "<h2>The books</h2><p>Nothing has been read from the store yet.</p>"
        }
        let figures = reading.figures
        let age = Double(monotonicMilliseconds() - reading.readMilliseconds) / 1_000
        let late: HTML =
            figures.promisesOverdue > 0
            ? "<span class=\"bad\">\(Layout.count(figures.promisesOverdue))</span>" : "0"
        var waited: HTML = figures.waitingLines == 0 ? "nobody waits" : "not known"
        if let since = figures.waitingSince {
            waited = "\(Layout.duration(seconds: Double(setting.now().microseconds - since.microseconds) / 1e6))"
        }
        let ordered = endpoint.metrics.unitsOrdered
        let rate: HTML =
            ordered == 0 ? "–" : "\(Layout.percent(endpoint.metrics.unitsFilled, of: ordered))"
        let places = figures.places.prefix(100).map { place -> HTML in
            """
            <tr><td>\(place.location.text)</td><td class="n">\(Layout.number(place.onHand))</td>
            <td class="n">\(Layout.number(place.allocated))</td><td class="n">\(Layout.number(place.onHand - place.allocated))</td></tr>
            """
        }
        return """
            <h2>The books <span class="soft">as of \(Layout.duration(seconds: age)) ago</span></h2>
            <ul class="cards">
            \(Layout.card("Units waiting", "\(Layout.number(figures.waitingUnits))", "on \(Layout.number(figures.waitingLines)) lines"))
            \(Layout.card("Longest wait", waited, "<a href=\"/back-orders\">back orders</a>"))
            \(Layout.card("Promises that have passed", late, "not told anew yet; <a href=\"/back-orders?late=first\">later than first promised</a>"))
            \(Layout.card("Promised for the next 24 h", "\(Layout.count(figures.promisesDue))", "lines"))
            \(Layout.card("Fill rate", rate, "of \(Layout.number(ordered)) units ordered since the start"))
            \(Layout.card("Held lines", "\(Layout.count(figures.heldLines))", "the policy wants a decision"))
            \(Layout.card("Reorders outstanding", "\(Layout.number(figures.reorders.supplies))", "\(Layout.number(figures.reorders.units)) units, \(Layout.number(figures.reorders.overdue)) overdue"))
            \(Layout.card("Inbounds outstanding", "\(Layout.number(figures.inbounds.supplies))", "\(Layout.number(figures.inbounds.units)) units, \(Layout.number(figures.inbounds.overdue)) overdue"))
            \(Layout.card("Discrepancies", "\(Layout.number(figures.discrepancies))", "<a href=\"/discrepancies\">all of them</a>"))
            </ul>
            \(Chart.curve("Units waiting over time", endpoint.figures.history.map { ($0.at, $0.waitingUnits) }))
            \(Layout.table("Stock by location", [("Location", false), ("On hand", true), ("Allocated", true), ("Free", true)], places))
            """
    }

    private var working: HTML {
        let backlog = setting.inputQueues.map { queue -> HTML in
            let depth: HTML = setting.messagesIn(queue).map { "\(Layout.number($0))" } ?? "not known"
            return Layout.card("Waiting in \(queue)", depth, "messages ready")
        }
        let dead: HTML = setting.messagesIn(setting.deadLetterQueue).map { "\(Layout.number($0))" } ?? "not known"
        return """
            <h2>The work</h2><ul class="cards">\(backlog)
            \(Layout.card("Inputs dealt with", "\(Layout.number(endpoint.metrics.inputsHandled))", "since the start"))
            \(Layout.card("Outputs confirmed", "\(Layout.number(endpoint.metrics.outputsConfirmed))", "since the start"))
            \(Layout.card("Dead letters", dead, "<a href=\"/dead-letters\">in the queue</a>"))</ul><h2>Health</h2>
            """
    }

    var overviewJSON: JSONText {
        var members: [(String, JSONText)] = [
            ("ready", .boolean(endpoint.health.isReady)),
            ("inputs_handled", .integer(endpoint.metrics.inputsHandled)),
            ("outputs_confirmed", .integer(endpoint.metrics.outputsConfirmed)),
            ("units_ordered", .integer(endpoint.metrics.unitsOrdered)),
            ("units_filled", .integer(endpoint.metrics.unitsFilled)),
        ]
        guard let reading = endpoint.figures.reading else { return .object(members + [("figures", .null)]) }
        let figures = reading.figures
        func coming(_ coming: StoreFigures.Coming) -> JSONText {
            .object([
                ("supplies", .integer(coming.supplies)), ("units", .integer(coming.units)),
                ("overdue", .integer(coming.overdue)),
            ])
        }
        members.append(
            (
                "figures",
                .object([
                    ("age_milliseconds", .integer(monotonicMilliseconds() - reading.readMilliseconds)),
                    ("waiting_lines", .integer(figures.waitingLines)),
                    ("waiting_units", .integer(figures.waitingUnits)),
                    ("waiting_since", .optional(figures.waitingSince.map(formatRFC3339))),
                    ("promises_overdue", .integer(figures.promisesOverdue)),
                    ("promises_due", .integer(figures.promisesDue)), ("held_lines", .integer(figures.heldLines)),
                    ("reorders", coming(figures.reorders)), ("inbounds", coming(figures.inbounds)),
                    ("discrepancies", .integer(figures.discrepancies)),
                    (
                        "locations",
                        .array(
                            figures.places.map {
                                .object([
                                    ("location", .string($0.location.text)), ("on_hand", .integer($0.onHand)),
                                    ("allocated", .integer($0.allocated)),
                                ])
                            })
                    ),
                ])
            ))
        return .object(members)
    }
}
