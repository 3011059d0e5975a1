import InventoryCore
import MessageSchema

/// What all pages share.
enum Layout {
    enum Tab: String, CaseIterable {
        case overview = "/"
        case backOrders = "/back-orders"
        case supply = "/supply"
        case deadLetters = "/dead-letters"
        case discrepancies = "/discrepancies"

        var title: String {
            switch self {
            case .overview: "Overview"
            case .backOrders: "Back orders"
            case .supply: "Supply"
            case .deadLetters: "Dead letters"
            case .discrepancies: "Discrepancies"
            }
        }
    }

    /// - Parameter liveSeconds: how often the page brings itself up to date; nil: never.
    static func page(
        _ title: String, tab: Tab?, liveSeconds: Int? = nil, setting: Endpoint.Setting, _ body: HTML, status: Int = 200
    ) -> HTTPResponse {
        let tabs = Tab.allCases.map { entry -> HTML in
            entry == tab
                ? "<a href=\"\(entry.rawValue)\" aria-current=\"page\">\(entry.title)</a> "
                : "<a href=\"\(entry.rawValue)\">\(entry.title)</a> "
        }
        var refresh: HTML = ""
        var area: HTML = "<div>\(body)</div>"
        if let liveSeconds {
            refresh =
                "<noscript><meta http-equiv=\"refresh\" content=\"\(max(30, liveSeconds))\"></noscript><script src=\"/live.js\" defer></script>"
            area = "<div data-live=\"\(liveSeconds)\">\(body)</div>"
        }
        let html: HTML = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title) – backorderd</title><link rel="stylesheet" href="/style.css">\(refresh)</head>
            <body><a class="skip" href="#content">To the content</a>
            <header><div><strong>backorderd</strong><nav aria-label="Pages">\(tabs)</nav></div></header>
            <main id="content"><h1>\(title)</h1>
            \(area)
            </main>
            <footer>backorderd \(setting.version), worker \(setting.worker). Times are UTC, made \(time(setting.now())).
            <span id="fresh" role="status"></span></footer></body></html>

            """
        return .html(status, html.text)
    }

    static func message(_ status: Int, _ title: String, _ text: String, _ setting: Endpoint.Setting) -> HTTPResponse {
        page(title, tab: nil, setting: setting, "<p>\(text)</p>", status: status)
    }

    // MARK: Pieces

    static func card(_ label: String, _ value: HTML, _ note: HTML = "") -> HTML {
        "<li><span>\(label)</span><b>\(value)</b><span>\(note)</span></li>"
    }

    static func table(_ caption: String, _ headings: [(text: String, isNumber: Bool)], _ rows: [HTML]) -> HTML {
        let heads = headings.map { heading -> HTML in
            heading.isNumber
                ? "<th scope=\"col\" class=\"n\">\(heading.text)</th>" : "<th scope=\"col\">\(heading.text)</th>"
        }
        return """
            <div class="scroll" role="region" aria-label="\(caption)" tabindex="0"><table><caption>\(caption)</caption>
            <thead><tr>\(heads)</tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    static func order(_ id: OrderID) -> HTML {
        "<a href=\"\(Address.query("/order", [("id", id.text)]))\">\(id.text)</a>"
    }

    static func item(_ sku: SKU) -> HTML {
        "<a href=\"\(Address.query("/item", [("sku", sku.text)]))\">\(sku.text)</a>"
    }

    /// To the minute; exact to the millisecond for programs.
    static func time(_ instant: Instant) -> HTML {
        let exact = formatRFC3339(instant)
        let short = exact.prefix(16).map { $0 == "T" ? " " : String($0) }.joined()
        return "<time datetime=\"\(exact)\">\(short)</time>"
    }

    static func time(_ instant: Instant?) -> HTML { instant.map { time($0) } ?? "–" }

    /// A promise, marked when it has passed.
    static func promise(_ instant: Instant?, now: Instant) -> HTML {
        guard let instant else { return "no date" }
        return instant < now ? "<span class=\"bad\">late</span> \(time(instant))" : time(instant)
    }

    static func duration(seconds: Double) -> String {
        switch seconds {
        case ..<1: "below 1 s"
        case ..<120: "\(Int(seconds)) s"
        case ..<7_200: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3_600)) h"
        default: "\(Int(seconds / 86_400)) days"
        }
    }

    /// 1234567 as 1,234,567.
    static func number(_ value: some BinaryInteger) -> String {
        let digits = Array("\(value)".drop { $0 == "-" })
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// To one digit, as in 97.5 %.
    static func percent(_ part: Int64, of whole: Int64) -> String {
        let thousandths = Int64((Double(part) * 1_000 / Double(max(1, whole))).rounded())
        return "\(thousandths / 10).\(thousandths % 10) %"
    }

    /// A count that may stand for "at least".
    static func count(_ value: Int64) -> String {
        value >= 100_000 ? "100,000 or more" : number(value)
    }
}
