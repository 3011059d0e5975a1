import ArgumentParser
import BackOrderStore
import Glibc
import InventoryCore
import MessageSchema

/// `backorderd export`: what `import` reads, from the store as it stands, also while workers run.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write stock, open orders or outstanding supply as import reads them.",
        discussion: """
            Into an empty store, import stock, supply and orders of an export, and export again: the same bytes. What is \
            in no export: history, parked messages, discrepancies, learned lead times, item-updated. Which order has \
            which units is worked out anew by precedence; a request of the daemon's own becomes an inbound that answers it.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "stock, orders or supply.")
    var what: SeedArgument

    @Argument(help: "The file to write: .csv or .ndjson (default: CSV to standard output).", completion: .file())
    var file: String?

    func run() throws {
        let configuration = try options.load()
        let store = try StoreFactory.openForReading(configuration)
        defer { store.close() }
        let isNDJSON = file.map { $0.hasSuffix(".ndjson") || $0.hasSuffix(".jsonl") } ?? false
        do {
            var out = try Output(file)
            let writer = SeedWriter(what.kind, isNDJSON ? .ndjson : .csv)
            try out.add(writer.header)
            try store.read { store in
                switch what {
                case .stock: try stock(store, writer, &out)
                case .orders: try orders(store, writer, &out)
                case .supply: try supply(store, writer, &out)
                }
            }
            try out.finish()
        } catch let error as StoreError {
            complain("backorderd: \(error.message)")
            throw ExitCode(ExitStatus.failed)
        } catch let failure as WriteFailure {
            complain("backorderd: \(TextTable.printable(file ?? "standard output")) \(failure.text)")
            throw ExitCode(ExitStatus.failed)
        }
    }

    private func stock(_ store: any StoreQueries, _ writer: SeedWriter, _ out: inout Output) throws {
        var after: StockRow?
        repeat {
            let rows = try store.stock(sku: nil, after: after, limit: 1_000)
            for row in rows where row.onHand > 0 {
                try out.row([.text(row.sku.text), .text(row.location.text), .whole(row.onHand)], writer)
            }
            after = rows.count == 1_000 ? rows.last : nil
        } while after != nil
    }

    private func orders(_ store: any StoreQueries, _ writer: SeedWriter, _ out: inout Output) throws {
        var after: OrderID?
        repeat {
            let rows = try store.auditOrders(after: after, limit: 500)
            for row in rows { try open(row.order, writer, &out) }
            after = rows.count == 500 ? rows.last?.order.orderID : nil
        } while after != nil
    }

    /// What is still to be shipped of an order.
    private func open(_ order: Order, _ writer: SeedWriter, _ out: inout Output) throws {
        for line in order.lines {
            let units = line.allocated + line.waiting + line.held
            if units == 0 { continue }
            try out.row(
                [
                    .text(order.orderID.text), .text(line.lineID.text), .text(line.sku.text), .whole(units),
                    line.pin.map { .text($0.text) } ?? .absent, line.unitPrice.map { .json($0) } ?? .absent,
                    .time(order.placedAt), .whole(Int64(order.priority)),
                    order.requestedBy.map { .time($0) } ?? .absent, .text(order.ship.rawValue),
                    order.currency.map { .text($0) } ?? .absent, order.customer.map { .json($0.json) } ?? .absent,
                    .flag(order.isHeld),
                ], writer)
        }
    }

    private func supply(_ store: any StoreQueries, _ writer: SeedWriter, _ out: inout Output) throws {
        var after: Supply?
        repeat {
            let rows = try store.auditSupplies(after: after, limit: 1_000)
            for row in rows where row.supply.outstanding > 0 && !row.supply.isCancelled {
                try self.outstanding(row.supply, writer, &out)
            }
            after = rows.count == 1_000 ? rows.last?.supply : nil
        } while after != nil
    }

    private func outstanding(_ supply: Supply, _ writer: SeedWriter, _ out: inout Output) throws {
        // Under a name that the next store's own requests don't use.
        let isOwn = supply.kind == .reorder
        let name = isOwn ? "import:\(supply.supplyID)" : supply.supplyID.text
        let answers = isOwn ? supply.supplyID : supply.reorderID
        try out.row(
            [
                .text(name), .text(supply.sku.text), .whole(supply.outstanding), .text(supply.location.text),
                supply.expectedAt.map { .time($0) } ?? .absent, supply.supplier.map { .text($0.text) } ?? .absent,
                answers.map { .text($0.text) } ?? .absent, .time(supply.createdAt),
            ], writer)
    }
}

private struct WriteFailure: Error {
    let text: String
}

/// Where the rows go: standard output, or a file that is there as a whole or not at all.
private struct Output {
    private let path: String?
    private let descriptor: Int32
    private var bytes: [UInt8] = []

    private var partial: String { (path ?? "") + ".part" }

    init(_ path: String?) throws(WriteFailure) {
        self.path = path == "-" ? nil : path
        guard let path = self.path else {
            descriptor = STDOUT_FILENO
            return
        }
        descriptor = open(path + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw WriteFailure(text: "can't be written: \(String(cString: strerror(errno)))") }
    }

    mutating func add(_ more: [UInt8]) throws(WriteFailure) {
        bytes += more
        if bytes.count > 1 << 18 { try flush() }
    }

    mutating func row(_ values: [SeedValue], _ writer: SeedWriter) throws(WriteFailure) {
        writer.append(values, to: &bytes)
        if bytes.count > 1 << 18 { try flush() }
    }

    private mutating func flush() throws(WriteFailure) {
        if !writeAll(bytes, to: descriptor) {
            throw WriteFailure(text: "can't be written: \(String(cString: strerror(errno)))")
        }
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func finish() throws(WriteFailure) {
        try flush()
        guard let path else { return }
        let isKept = fsync(descriptor) == 0
        close(descriptor)
        if !isKept || rename(partial, path) != 0 {
            throw WriteFailure(text: "can't be written: \(String(cString: strerror(errno)))")
        }
    }
}
