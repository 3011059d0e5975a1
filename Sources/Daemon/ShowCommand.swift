import ArgumentParser
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema

/// `backorderd show …`: what the books say, also while workers run.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show stock, an order, back orders, supply, reorders, parked messages, discrepancies or demand.",
        subcommands: [
            Stock.self, OrderCommand.self, BackOrders.self, SupplyCommand.self, Reorders.self, Parked.self,
            Discrepancies.self, DemandCommand.self,
        ])

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json, csv
    }

    struct Options: ParsableArguments {
        @OptionGroup var configuration: ConfigurationOptions

        @Option(name: .long, help: "table, json or csv.")
        var format: Format = .table

        func withStore(_ body: (any StoreQueries) throws -> Void) throws {
            let configuration = try configuration.load()
            let store = try StoreFactory.openForReading(configuration)
            defer { store.close() }
            do {
                try store.read(body)
            } catch let error as StoreError {
                complain("backorderd: \(error.message)")
                throw ExitCode(ExitStatus.failed)
            }
        }
    }

    struct Stock: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "stock", abstract: "On hand, allocated and available, by SKU and location.")
        @OptionGroup var options: Options
        @Option(name: .long, help: "Only this SKU.") var sku: String?

        func run() throws {
            try options.withStore { store in
                var list = Listing(
                    options.format,
                    [
                        TextTable.text("sku"), TextTable.text("location"), TextTable.number("on_hand"),
                        TextTable.number("allocated"), TextTable.number("available"),
                    ], jsonColumns: 4)
                let only = sku.map { SKU($0) }
                try eachRow({ try store.stock(sku: only, after: $0, limit: $1) }) { row in
                    list.add([
                        .text(row.sku.text), .text(row.location.text), .number(row.onHand), .number(row.allocated),
                        .number(row.onHand - row.allocated),
                    ])
                }
                list.finish(empty: sku.map { "No stock of \($0) is known." } ?? "No stock is known yet.")
            }
        }
    }

    struct BackOrders: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "back-orders", abstract: "What waits, by SKU in precedence.")
        @OptionGroup var options: Options
        @Option(name: .long, help: "Only this SKU.") var sku: String?

        func run() throws {
            try options.withStore { store in
                var list = Listing(
                    options.format,
                    [
                        TextTable.text("order_id"), TextTable.text("line_id"), TextTable.text("sku"),
                        TextTable.number("waiting"), TextTable.number("place"), TextTable.text("promised_at"),
                    ], jsonColumns: 6)
                let only = sku.map { SKU($0) }
                try eachRow({ try store.backOrders(sku: only, after: $0, limit: $1) }) { row in
                    list.add([
                        .text(row.key.orderID.text), .text(row.lineID.text), .text(row.sku.text),
                        .number(row.waiting), .number(row.place), .time(row.promisedAt),
                    ])
                }
                list.finish(empty: "Nothing waits.")
            }
        }
    }

    struct SupplyCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "supply", abstract: "What is on order: reorders and inbounds that are outstanding.")
        @OptionGroup var options: Options
        @Flag(name: .long, help: "Also what has come already.") var all = false

        func run() throws {
            try options.withStore { store in
                try showSupplies(store, options.format, kind: nil, settled: all, empty: "Nothing is on order.")
            }
        }
    }

    struct Reorders: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reorders", abstract: "The reorders that were asked for and are outstanding.")
        @OptionGroup var options: Options
        @Flag(name: .long, help: "Also what has come already.") var all = false

        func run() throws {
            try options.withStore { store in
                try showSupplies(
                    store, options.format, kind: .reorder, settled: all, empty: "No reorder is outstanding.")
            }
        }
    }

    struct Discrepancies: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "discrepancies", abstract: "What the books and the world disagreed about, oldest first.")
        @OptionGroup var options: Options

        func run() throws {
            try options.withStore { store in
                var list = Listing(
                    options.format,
                    [
                        TextTable.text("time"), TextTable.text("kind"), TextTable.text("sku"),
                        TextTable.text("location"), TextTable.number("quantity"), TextTable.text("message_id"),
                    ], jsonColumns: 6)
                try eachRow({ try store.discrepancies(after: $0, limit: $1) }) { row in
                    let discrepancy = row.discrepancy
                    list.add([
                        .time(discrepancy.time), .text(discrepancy.kind.rawValue), .text(discrepancy.sku.text),
                        .text(discrepancy.location.text), .number(discrepancy.quantity), .text(discrepancy.messageID),
                    ])
                }
                list.finish(empty: "Books and world agree.")
            }
        }
    }

    struct Parked: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "parked", abstract: "Messages that came before their order and wait for it.")
        @OptionGroup var options: Options

        func run() throws {
            let parking = Int64(try options.configuration.load().rulebook.parkingMicroseconds)
            try options.withStore { store in
                var list = Listing(
                    options.format,
                    [
                        TextTable.text("order_id"), TextTable.text("type"), TextTable.text("message_id"),
                        TextTable.text("time"), TextTable.text("parked_at"), TextTable.text("expires_at"),
                    ], jsonColumns: 6)
                try eachRow({ try store.parked(after: $0, limit: $1) }) { row in
                    list.add([
                        .text(row.orderID.text), .text(row.message.input.type.rawValue), .text(row.message.id),
                        .time(row.message.time), .time(row.parkedAt),
                        .time(row.parkedAt.adding(microseconds: parking)),
                    ])
                }
                list.finish(empty: "Nothing waits for its order.")
            }
        }
    }

    struct DemandCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "demand",
            abstract: "What customers wanted, by SKU and day, whether there was stock or not.",
            discussion: """
                The unconstrained demand: units ordered on that day (UTC, by placed_at), also those that were refused and \
                those that were cancelled while they waited; not those cancelled before their order arrived.
                """)
        @OptionGroup var options: Options
        @Option(name: .long, help: "Only this SKU.") var sku: String?

        func run() throws {
            try options.withStore { store in
                var list = Listing(
                    options.format,
                    [
                        TextTable.text("sku"), TextTable.text("day"), TextTable.number("demand"),
                        TextTable.number("filled"), TextTable.number("back_ordered"), TextTable.number("held"),
                        TextTable.number("refused"), TextTable.number("cancelled_waiting"),
                    ], jsonColumns: 8)
                let only = sku.map { SKU($0) }
                try eachRow({ try store.demand(sku: only, after: $0, limit: $1) }) { row in
                    let day = Instant(microseconds: row.day * Instant.microsecondsPerDay)
                    list.add([
                        .text(row.sku.text), .text(String(formatRFC3339(day).prefix(10))), .number(row.units),
                        .number(row.filled), .number(row.backOrdered), .number(row.held), .number(row.refused),
                        .number(row.cancelledWaiting),
                    ])
                }
                list.finish(empty: sku.map { "Nobody asked for \($0) yet." } ?? "Nobody asked for anything yet.")
            }
        }
    }

    private static func showSupplies(
        _ store: any StoreQueries, _ format: Format, kind: Supply.Kind?, settled: Bool, empty: String
    ) throws {
        var list = Listing(
            format,
            [
                TextTable.text("sku"), TextTable.text("id"), TextTable.text("kind"), TextTable.text("location"),
                TextTable.text("supplier"), TextTable.number("quantity"), TextTable.number("outstanding"),
                TextTable.text("expected_at"), TextTable.text("created_at"), TextTable.text("reorder_id"),
            ], jsonColumns: 10)
        try eachRow({ try store.supplies(kind: kind, settled: settled, after: $0, limit: $1) }) { row in
            list.add([
                .text(row.sku.text), .text(row.supplyID.text), .text(row.kind.rawValue), .text(row.location.text),
                .optional(row.supplier?.text), .number(row.quantity), .number(row.outstanding),
                .time(row.expectedAt), .time(row.createdAt), .optional(row.reorderID?.text),
            ])
        }
        list.finish(empty: empty)
    }
}

/// Reads a listing page by page, until one is not full.
func eachRow<Row>(_ read: (_ after: Row?, _ limit: Int) throws -> [Row], _ body: (Row) -> Void) throws {
    let limit = 1000
    var after: Row?
    while true {
        let rows = try read(after, limit)
        rows.forEach(body)
        guard rows.count == limit, let last = rows.last else { return }
        after = last
    }
}

/// Rows on their way out: JSON and CSV are written as they come, a table when its widths are known.
struct Listing {
    enum Cell {
        case text(String)
        case optional(String?)
        case number(Int64)
        case time(Instant?)

        var shown: String {
            switch self {
            case .text(let text): text
            case .optional(let text): text ?? ""
            case .number(let number): String(number)
            case .time(let time): time.map { formatRFC3339($0) } ?? ""
            }
        }

        var json: JSONText {
            switch self {
            case .text(let text): .string(text)
            case .optional(let text): .optional(text)
            case .number(let number): .integer(number)
            case .time(let time): .optional(time.map { formatRFC3339($0) })
            }
        }
    }

    private let format: ShowCommand.Format
    private var table: TextTable
    /// So many of the columns are in the JSON, whose keys the contract fixes.
    private let jsonColumns: Int
    private var count = 0
    private var pending = ""

    init(_ format: ShowCommand.Format, _ columns: [TextTable.Column], jsonColumns: Int) {
        self.format = format
        self.jsonColumns = jsonColumns
        table = TextTable(columns)
        if format == .csv { pending = table.csv }
        if format == .json { pending = "[" }
    }

    mutating func add(_ cells: [Cell]) {
        switch format {
        case .table: table.rows.append(cells.map(\.shown))
        case .csv:
            var row = TextTable(table.columns)
            row.rows = [cells.map(\.shown)]
            pending += String(row.csv.drop { $0 != "\n" }.dropFirst())
        case .json:
            if count > 0 { pending += ",\n " }
            pending +=
                JSONText.object(
                    zip(table.columns, cells).prefix(jsonColumns).map { ($0.heading, $1.json) }
                ).rendered
        }
        count += 1
        if pending.utf8.count > 1 << 16 { flush() }
    }

    mutating func finish(empty: String) {
        switch format {
        case .table: pending = count == 0 ? empty + "\n" : table.rendered(for: .output)
        case .csv: break
        case .json: pending += "]\n"
        }
        flush()
    }

    private mutating func flush() {
        writeAll(Array(pending.utf8), to: STDOUT_FILENO)
        pending = ""
    }
}
