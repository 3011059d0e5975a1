import InventoryCore
import Yams

/// The largest number of units there is, as for messages.
private let mostUnits: Int64 = 1_000_000_000
private let mostDays: Int64 = 36_500

extension Configuration {
    /// Reads the file's top level into a configuration that holds the defaults.
    mutating func decode(_ root: Field) {
        guard let file = root.section("key: value, one a line") else { return }
        func section(_ name: String, _ example: String, _ decode: (Section) -> Void) {
            if let section = file[name]?.section(example) { decode(section) }
        }
        section("broker", "broker: {urls: [\(BrokerURL.example)]}") { broker.decode($0) }
        section("store", "store: {url: sqlite:///path}") { store.decode($0) }
        section("worker", "worker: {batch: 200}") { worker.decode($0) }
        rulebook.parkingMicroseconds = worker.parking.wholeMicroseconds
        section("limits", "limits: {lines: 1000}") { section in
            section.read("message_bytes", into: &limits.messageBytes) { $0.number(1...134_217_728) }
            section.read("lines", into: &limits.lines) { $0.number(1...1_000_000) }
        }
        file.read("locations", into: &rulebook.locations, decodeLocations)
        section("allocation", "allocation: {strategy: priority}") { section in
            section.read("strategy", into: &rulebook.strategy) { $0.choice(Strategy.self) }
            section.read("sourcing", into: &rulebook.sourcing) { $0.choice(Sourcing.self) }
        }
        section("policy", "policy: {default: {on_backorder: accept}, rules: []}") { section in
            if let settings = section["default"]?.section("default: {on_backorder: accept}") {
                rulebook.policyDefault.decode(settings)
            }
            section.read("rules", into: &rulebook.rules, decodeRules)
        }
        file.read("items", into: &rulebook.items, decodeItems)
        file.read("suppliers", into: &rulebook.suppliers, decodeSuppliers)
        section("promise", "promise: {handling_days: 1}") { rulebook.promise.decode($0) }
        if let field = file["operations"] {
            if field.isNull {
                field.fail("nothing is not a map", "write operations: {listen: null} for no endpoint")
            } else if let section = field.section("operations: {listen: 127.0.0.1:9473}") {
                operations.decode(section)
            }
        }
        section("log", "log: {level: info}") { section in
            section.read("level", into: &log.level) { $0.choice(Log.Level.self) }
            section.read("format", into: &log.format) { $0.choice(Log.Format.self) }
        }
    }
}

// MARK: broker and store

extension Configuration.Broker {
    fileprivate mutating func decode(_ section: Section) {
        section.read("urls", into: &urls) { field in
            var field = field
            field.isSecret = true
            guard let list = field.list("[\(BrokerURL.example)]") else { return nil }
            if list.isEmpty { field.fail("is empty", "name at least one broker, or remove the key") }
            let urls = list.compactMap { element -> String? in
                guard let text = element.urlText() else { return nil }
                do throws(Fault) {
                    _ = try BrokerURL(text)
                    return text
                } catch {
                    element.fail(error)
                    return nil
                }
            }
            return urls.isEmpty || urls.count < list.count ? nil : urls
        }
        if let section = section["tls"]?.section("tls: {ca: /path}") {
            func path(_ field: Field) -> String?? {
                field.isNull ? .some(nil) : field.name(most: 4096, "a path").map(Optional.some)
            }
            if let value = section["ca"].flatMap(path) { tls.ca = value }
            if let value = section["certificate"].flatMap(path) { tls.certificate = value }
            if let value = section["key"].flatMap(path) { tls.key = value }
            section.read("verify", into: &tls.verify) { $0.flag() }
        }
        section.read("prefetch", into: &prefetch) { $0.number(1...65535) }
        section.read("topology", into: &topology) { $0.choice(Configuration.Topology.self) }
        section.read("inputs", into: &inputs, decodeInputs)
        if let section = section["output"]?.section("output: {exchange: backorder}") {
            section.read("exchange", into: &output) { $0.name(most: 255) }
            if let map = section["map"], !map.isNull { outputMap = map.mapping() }
        }
        section.read("output_queues", into: &outputQueues) { field in
            field.entries(placeholder: "<queue>", "{backorder.reorders: [reorder-requested]}")?.compactMap {
                name, field in
                guard field.checkedQueue(name) else { return nil }
                guard case .mapping = field.node else {
                    return field.routingKeys().map { Configuration.OutputQueue(queue: name, keys: $0) }
                }
                let form = "{exchange: mail, keys: [\"#\"]}"
                guard let section = field.section(form) else { return nil }
                guard let keys = section["keys"] else {
                    field.fail("has no keys", "write it as \(form), or as a list of keys")
                    return nil
                }
                var queue = Configuration.OutputQueue(queue: name, keys: keys.routingKeys() ?? [])
                section.read("exchange", into: &queue.exchange) { $0.name(most: 255) }
                return queue.keys.isEmpty ? nil : queue
            }
        }
        if let section = section["dead_letter"]?.section("dead_letter: {exchange: dead, queue: dead}") {
            section.read("exchange", into: &deadLetter.exchange) { $0.name(most: 255) }
            section.read("queue", into: &deadLetter.queue) { $0.queueName() }
        }
        checkNames(section.field.problems)
    }

    private func decodeInputs(_ field: Field) -> [Configuration.Input]? {
        guard let list = field.list("- queue: backorderd.inbound") else { return nil }
        if list.isEmpty { field.fail("is empty", "name at least one queue to read, or remove the key") }
        let decoded = list.compactMap { element -> Configuration.Input? in
            guard let section = element.section("- queue: backorderd.inbound") else { return nil }
            guard let queueField = section["queue"] else {
                element.fail("has no queue", "add queue: and its name")
                return nil
            }
            var input = Configuration.Input(queue: queueField.queueName() ?? "")
            section.read("queue_type", into: &input.queueType) { $0.choice(Configuration.QueueType.self) }
            section.read("single_active_consumer", into: &input.singleActiveConsumer) { $0.flag() }
            if let limit = section["delivery_limit"], !limit.isNull { input.deliveryLimit = limit.whole(1...1_000_000) }
            section.read("dead_letter_argument", into: &input.deadLetterArgument) { $0.flag() }
            if input.queueType == .classic {
                for (key, isSet) in [
                    ("single_active_consumer", input.singleActiveConsumer),
                    ("delivery_limit", input.deliveryLimit != nil),
                ] where isSet {
                    section[key]?.fail("is for quorum queues only", "remove it, or set queue_type: quorum")
                }
            }
            section.read("bind", into: &input.bind, decodeBindings)
            if let type = section["type"], !type.isNull { input.type = type.choice(among: Configuration.messageTypes) }
            if let map = section["map"], !map.isNull { input.map = map.mapping() }
            return input.queue.isEmpty ? nil : input
        }
        var firstPaths: [[UInt8]: String] = [:]
        for (index, input) in decoded.enumerated() where decoded.count == list.count {
            let path = "\(field.path)[\(index)].queue"
            if let first = firstPaths.updateValue(path, forKey: Array(input.queue.utf8)) {
                field.problems.add(
                    line: field.problems.lines[path], key: path,
                    Fault(
                        "\(quoted(input.queue)) is already read by \(first)",
                        "name another queue, or remove one of them"))
            }
        }
        return decoded.count == list.count && !list.isEmpty ? decoded : nil
    }

    private func decodeBindings(_ field: Field) -> [Configuration.Binding]? {
        field.list("[{exchange: orders, keys: [order-placed]}]")?.compactMap { element in
            guard let section = element.section("{exchange: orders, keys: [order-placed]}") else { return nil }
            guard let exchange = section["exchange"], let keys = section["keys"] else {
                let missing = section["exchange"] == nil ? "exchange" : "keys"
                element.fail("has no \(missing)", "write it as {exchange: orders, keys: [order-placed]}")
                return nil
            }
            guard let name = exchange.name(most: 255), let texts = keys.routingKeys() else { return nil }
            return Configuration.Binding(exchange: name, keys: texts)
        }
    }

    /// The daemon must not read what it writes.
    private func checkNames(_ problems: ProblemList) {
        func fail(_ path: String, _ cause: String, _ remedy: String) {
            problems.add(line: problems.lines[path] ?? problems.lines["broker"], key: path, Fault(cause, remedy))
        }
        for (index, input) in inputs.enumerated() {
            let path = "broker.inputs[\(index)].queue"
            if input.queue == deadLetter.queue {
                fail(
                    path, "\(quoted(input.queue)) is also the dead-letter queue",
                    "read another queue, or change broker.dead_letter.queue")
            } else if outputQueues.contains(where: { $0.queue == input.queue }) {
                fail(
                    path, "\(quoted(input.queue)) is also one of the output queues",
                    "read another queue, or change broker.output_queues")
            }
        }
        if outputQueues.contains(where: { $0.queue == deadLetter.queue }) {
            fail(
                "broker.dead_letter.queue", "\(quoted(deadLetter.queue)) is also one of the output queues",
                "name another queue")
        }
        if output == deadLetter.exchange {
            fail(
                "broker.dead_letter.exchange", "\(quoted(output)) is also the output exchange", "name another exchange")
        }
    }
}

extension Configuration.Store {
    fileprivate mutating func decode(_ section: Section) {
        section.read("url", into: &self) { field in
            var field = field
            field.isSecret = true
            guard let text = field.urlText() else { return nil }
            do throws(Fault) {
                return try Configuration.Store(url: text)
            } catch {
                field.fail(error)
                return nil
            }
        }
    }
}

extension Field {
    fileprivate func urlText() -> String? {
        guard case .scalar(let scalar) = node, !isNull else {
            fail("is not a URL", "write one URL")
            return nil
        }
        return scalar.string
    }

    fileprivate func queueName() -> String? {
        text().flatMap { checkedQueue($0) ? $0 : nil }
    }

    fileprivate func checkedQueue(_ name: String) -> Bool {
        guard checkedName(name, most: 255) else { return false }
        guard !name.hasPrefix("amq.") else {
            fail("\(quoted(name)) begins with amq., which the broker keeps for itself", "name another queue")
            return false
        }
        return true
    }

    /// Routing keys of a topic binding: at least one, at most 255 bytes each.
    fileprivate func routingKeys() -> [String]? {
        guard let list = list("[order-placed]") else { return nil }
        guard !list.isEmpty else {
            fail("is empty", "give at least one routing key; \"#\" is all")
            return nil
        }
        let keys = list.compactMap { $0.name(most: 255) }
        return keys.count == list.count ? keys : nil
    }
}

// MARK: worker, operations

extension Configuration.Worker {
    fileprivate mutating func decode(_ section: Section) {
        let year = Duration.seconds(365 * 86_400)
        section.read("batch", into: &batch) { $0.number(1...10_000) }
        section.read("delivery_limit", into: &deliveryLimit) { $0.number(1...1000) }
        section.read("drain_timeout", into: &drainTimeout) { $0.duration(.milliseconds(1) ... .seconds(86_400)) }
        section.read("parking", into: &parking) { $0.duration(.milliseconds(1)...year) }
        section.read("inbox_retention", into: &inboxRetention) { $0.duration(.milliseconds(1)...(year * 10)) }
    }
}

extension Configuration.Operations {
    /// Long enough that nobody guesses it, and such that it can stand in a header.
    static func checkedToken(_ text: String, _ fail: (String, String) -> Void) -> String? {
        if text.utf8.count < 16 || text.utf8.count > 256 {
            fail("has \(text.utf8.count) characters", "take 16 to 256, e.g. what openssl rand -hex 24 prints")
        } else if !text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            fail("holds a character that can't stand in a header", "use letters, digits and signs of ASCII")
        } else {
            return text
        }
        return nil
    }

    fileprivate mutating func decode(_ section: Section) {
        if var field = section["token"] {
            field.isSecret = true
            if field.isNull {
                token = nil
            } else if let text = field.text("a token"), let known = Self.checkedToken(text, field.fail) {
                token = known
            }
        }
        guard let field = section["listen"] else { return }
        if field.isNull {
            listen = nil
        } else if let text = field.node.scalar?.string ?? field.text("an address") {
            do throws(Fault) {
                listen = try Configuration.Listen(text)
            } catch {
                field.fail(error)
            }
        }
    }
}

// MARK: rulebook

private func decodeLocations(_ field: Field) -> [LocationID]? {
    guard let list = field.list("[{id: WH-1}]") else { return nil }
    var firstLines: [LocationID: Int] = [:]
    return list.compactMap { element in
        guard let section = element.section("{id: WH-1}") else { return nil }
        guard let idField = section["id"] else {
            element.fail("has no id", "write it as {id: WH-1}")
            return nil
        }
        guard let name = idField.name() else { return nil }
        let id = LocationID(name)
        if let first = firstLines.updateValue(idField.line, forKey: id) {
            idField.fail("\(quoted(name)) is already on line \(first)", "list each location once")
        }
        return id
    }
}

private func decodeRules(_ field: Field) -> [PolicyRule]? {
    if field.isNull { return [] }
    return field.list("- {match: {sku: \"PRE-*\"}, on_backorder: hold}")?.compactMap { element in
        guard let section = element.section("{match: {sku: \"PRE-*\"}, on_backorder: hold}") else { return nil }
        var rule = PolicyRule(settings: PolicySettings())
        if let match = section["match"]?.section("match: {sku: \"PRE-*\"}") {
            match.read("sku", into: &rule.sku) { $0.name().map { Pattern($0) } }
            match.read("location", into: &rule.location) { $0.name().map { Pattern($0) } }
            match.read("segment", into: &rule.segment) { $0.name(most: 1024).map { Pattern($0) } }
        }
        rule.settings.decode(section)
        return rule
    }
}

extension PolicySettings {
    fileprivate mutating func decode(_ section: Section) {
        section.read("on_backorder", into: &onBackorder) { $0.choice(OnBackorder.self) }
        section.read("backorder_limit", into: &backorderLimit) { $0.backorderLimit() }
        section.read("ship", into: &ship) { $0.choice(ShipMode.self) }
        section.read("priority", into: &priority) { $0.number(0...9) }
    }
}

extension Field {
    /// null says that there is no limit.
    fileprivate func backorderLimit() -> BackorderLimit? {
        isNull ? BackorderLimit.none : whole(0...1_000_000_000_000).map(BackorderLimit.units)
    }
}

private func decodeItems(_ field: Field) -> [ItemRule]? {
    if field.isNull { return [] }
    return field.entries(placeholder: "<sku>", "{A-100: {supplier: ACME}}")?.compactMap { name, field in
        guard field.checkedName(name), let section = field.section("{supplier: ACME}") else { return nil }
        var item = ItemSettings()
        section.read("supplier", into: &item.supplier) { $0.name().map { SupplierID($0) } }
        section.read("lead_time_days", into: &item.leadTimeDays) { $0.whole(0...mostDays) }
        section.read("on_backorder", into: &item.onBackorder) { $0.choice(OnBackorder.self) }
        section.read("backorder_limit", into: &item.backorderLimit) { $0.backorderLimit() }
        section.read("ship", into: &item.ship) { $0.choice(ShipMode.self) }
        if let reorder = section["reorder"]?.section("reorder: {point: 10, up_to: 60}") {
            item.reorder = ReorderSettings(reorder)
        }
        return ItemRule(pattern: Pattern(name), settings: item)
    }
}

extension ReorderSettings {
    fileprivate init(_ section: Section) {
        self.init()
        section.read("point", into: &point) { $0.whole(0...mostUnits) }
        section.read("up_to", into: &upTo) { $0.whole(0...mostUnits) }
        section.read("minimum", into: &minimum) { $0.whole(0...mostUnits) }
        section.read("multiple", into: &multiple) { $0.whole(1...mostUnits) }
        if let point, let upTo, point > upTo {
            section["point"]?.fail(
                "\(point) is more than up_to, which is \(upTo)", "give a point of at most \(upTo), or raise up_to")
        }
    }
}

private func decodeSuppliers(_ field: Field) -> [SupplierID: SupplierSettings]? {
    if field.isNull { return [:] }
    guard let entries = field.entries(placeholder: "<supplier>", "{ACME: {lead_time_days: 14}}") else { return nil }
    var suppliers: [SupplierID: SupplierSettings] = [:]
    for (name, field) in entries {
        guard field.checkedName(name), let section = field.section("{lead_time_days: 14}") else { continue }
        var supplier = SupplierSettings()
        section.read("lead_time_days", into: &supplier.leadTimeDays) { $0.whole(0...mostDays) }
        suppliers[SupplierID(name)] = supplier
    }
    return suppliers
}

extension PromiseSettings {
    fileprivate mutating func decode(_ section: Section) {
        if let field = section["default_lead_time_days"], !field.isNull {
            defaultLeadTimeDays = field.whole(0...mostDays)
        }
        section.read("handling_days", into: &handlingDays) { $0.whole(0...mostDays) }
        section.read("promise_quantile", into: &promiseQuantile) { $0.share() }
        section.read("notify_after_hours", into: &notifyAfterHours) { $0.whole(0...(mostDays * 24)) }
    }
}
