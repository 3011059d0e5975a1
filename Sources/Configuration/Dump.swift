import InventoryCore

extension Configuration {
    /// What is in effect, every key, as a configuration file without secrets: what `check --print` prints.
    public func redactedYAML() -> String {
        tree(redacted: true).yamlLines().joined(separator: "\n") + "\n"
    }

    /// As `redactedYAML`, **with** the secrets: reading it back gives the same configuration.
    func yaml() -> String {
        tree(redacted: false).yamlLines().joined(separator: "\n") + "\n"
    }

    /// What differs from `old`: the keys that SIGHUP brings into effect, and those that need a restart. A list counts as
    /// one key. Sorted as in the file.
    public func reloadable(difference old: Configuration) -> (applies: [String], needsRestart: [String]) {
        var changed: [String] = []
        tree(redacted: false).difference(from: old.tree(redacted: false), at: "", &changed)
        return (
            changed.filter { Self.reloadableSections.contains(String($0.prefix { $0 != "." })) },
            changed.filter { !Self.reloadableSections.contains(String($0.prefix { $0 != "." })) }
        )
    }

    /// This configuration with what a reload may change taken from `new`: what is in effect after SIGHUP.
    public func reloaded(from new: Configuration) -> Configuration {
        var result = self
        result.rulebook.policyDefault = new.rulebook.policyDefault
        result.rulebook.rules = new.rulebook.rules
        result.rulebook.items = new.rulebook.items
        result.rulebook.suppliers = new.rulebook.suppliers
        result.rulebook.promise = new.rulebook.promise
        result.log = new.log
        return result
    }

    private func tree(redacted: Bool) -> Tree {
        .map([
            ("broker", broker.tree(redacted: redacted)),
            ("store", .map([("url", .text(store.url(redacted: redacted)))])),
            ("worker", worker.tree),
            ("limits", .map([("message_bytes", .plain(limits.messageBytes)), ("lines", .plain(limits.lines))])),
            ("locations", .list(rulebook.locations.map { .map([("id", .text($0.text))]) })),
            (
                "allocation",
                .map([
                    ("strategy", .text(rulebook.strategy.rawValue)), ("sourcing", .text(rulebook.sourcing.rawValue)),
                ])
            ),
            (
                "policy",
                .map([
                    ("default", .map(rulebook.policyDefault.entries)), ("rules", .list(rulebook.rules.map(\.tree))),
                ])
            ),
            ("items", .map(rulebook.items.map { ($0.pattern.text, $0.settings.tree) })),
            (
                "suppliers",
                .map(
                    rulebook.suppliers.sorted { $0.key < $1.key }.map { id, settings in
                        (id.text, .map([("lead_time_days", .plain(settings.leadTimeDays))].withoutNulls))
                    })
            ),
            ("promise", rulebook.promise.tree),
            (
                "operations",
                .map([
                    ("listen", .text(operations.listen?.text)),
                    ("token", .text(redacted ? operations.token.map { _ in "***" } : operations.token)),
                ])
            ),
            ("log", .map([("level", .text(log.level.rawValue)), ("format", .text(log.format.rawValue))])),
        ])
    }
}

/// YAML to be: a tree of maps, lists and scalars.
private indirect enum Tree {
    case map([(String, Tree)])
    case list([Tree])
    /// Written as it is, or in quotes where it must be.
    case string(String)
    /// A number, true, false or null.
    case literal(String)

    static func text(_ text: String?) -> Tree { text.map(Tree.string) ?? .literal("null") }
    static func plain(_ value: (some BinaryInteger)?) -> Tree { .literal(value.map { "\($0)" } ?? "null") }
    static func texts(_ texts: [String]) -> Tree { .list(texts.map(Tree.string)) }

    func yamlLines() -> [String] {
        switch self {
        case .map(let entries) where !entries.isEmpty:
            return entries.flatMap { name, value -> [String] in
                if let inline = value.inline { return ["\(Self.scalar(name)): \(inline)"] }
                return ["\(Self.scalar(name)):"] + value.yamlLines().map { "  \($0)" }
            }
        case .list(let elements) where inline == nil:
            return elements.flatMap { element -> [String] in
                let lines = element.inline.map { [$0] } ?? element.yamlLines()
                return lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
            }
        default:
            return [inline ?? ""]
        }
    }

    /// On one line: scalars, and lists of them.
    private var inline: String? {
        switch self {
        case .map(let entries): entries.isEmpty ? "{}" : nil
        case .string(let text): Self.scalar(text)
        case .literal(let text): text
        case .list(let elements):
            elements.allSatisfy(\.isScalar) ? "[\(elements.compactMap(\.inline).joined(separator: ", "))]" : nil
        }
    }

    private var isScalar: Bool {
        switch self {
        case .string, .literal: true
        case .map, .list: false
        }
    }

    private static func scalar(_ text: String) -> String {
        let isSafe = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-_./:%@".utf8.contains(byte)
        }
        let beginsWell =
            text.utf8.first.map { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "/") }
            ?? false
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "infinity", "nan"]
        if isSafe, beginsWell, !text.hasSuffix(":"), !words.contains(text.lowercased()) { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where isControl(scalar) || (0x2028...0x2029).contains(scalar.value) || scalar.value == 0xFEFF:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// The paths at which this differs from `old`; maps are looked into, everything else is one value.
    func difference(from old: Tree, at path: String, _ changed: inout [String]) {
        guard case .map(let newEntries) = self, case .map(let oldEntries) = old else {
            if yamlLines() != old.yamlLines() { changed.append(path) }
            return
        }
        func byName(_ entries: [(String, Tree)]) -> [[UInt8]: Tree] {
            Dictionary(entries.map { (Array($0.0.utf8), $0.1) }, uniquingKeysWith: { first, _ in first })
        }
        let newByName = byName(newEntries)
        let oldByName = byName(oldEntries)
        let count = changed.count
        for (name, value) in newEntries {
            let path = appending(name, to: path)
            if let before = oldByName[Array(name.utf8)] {
                value.difference(from: before, at: path, &changed)
            } else {
                changed.append(path)
            }
        }
        for (name, _) in oldEntries where newByName[Array(name.utf8)] == nil {
            changed.append(appending(name, to: path))
        }
        // Nothing but the order: it decides between item patterns of one length.
        if changed.count == count, !path.isEmpty, yamlLines() != old.yamlLines() { changed.append(path) }
    }
}

extension [(String, Tree)] {
    fileprivate var withoutNulls: Self {
        filter { entry in
            if case .literal("null") = entry.1 { false } else { true }
        }
    }
}

extension Configuration.Broker {
    fileprivate func tree(redacted: Bool) -> Tree {
        .map([
            ("urls", .texts(redacted ? redactedURLs : urls)),
            (
                "tls",
                .map([
                    ("ca", .text(tls.ca)), ("certificate", .text(tls.certificate)), ("key", .text(tls.key)),
                    ("verify", .literal(tls.verify ? "true" : "false")),
                ])
            ),
            ("prefetch", .plain(prefetch)),
            ("topology", .text(topology.rawValue)),
            ("inputs", .list(inputs.map(\.tree))),
            (
                "output",
                .map([("exchange", .text(output)), ("map", outputMap.map(\.tree) ?? .literal("null"))].withoutNulls)
            ),
            ("output_queues", .map(outputQueues.map { ($0.queue, $0.tree) })),
            ("dead_letter", .map([("exchange", .text(deadLetter.exchange)), ("queue", .text(deadLetter.queue))])),
        ])
    }
}

extension Configuration.Input {
    fileprivate var tree: Tree {
        let bindings = bind.map { Tree.map([("exchange", .text($0.exchange)), ("keys", .texts($0.keys))]) }
        return .map(
            [("queue", .text(queue)), ("queue_type", .text(queueType.rawValue))]
                + (singleActiveConsumer ? [("single_active_consumer", .literal("true"))] : [])
                + (deliveryLimit.map { [("delivery_limit", .plain($0))] } ?? [])
                + (deadLetterArgument ? [] : [("dead_letter_argument", .literal("false"))])
                + [("bind", .list(bindings))]
                + [("type", .text(type)), ("map", map.map(\.tree) ?? .literal("null"))].withoutNulls)
    }
}

extension Configuration.OutputQueue {
    fileprivate var tree: Tree {
        guard let exchange else { return .texts(keys) }
        return .map([("exchange", .text(exchange)), ("keys", .texts(keys))])
    }
}

extension Configuration.Mapping {
    fileprivate var tree: Tree {
        switch value {
        case .text(let text): .string(text)
        case .number(let digits): .literal(digits)
        case .flag(let flag): .literal(flag ? "true" : "false")
        case .null: .literal("null")
        case .list(let values): .list(values.map(\.tree))
        case .map(let entries): .map(entries.map { ($0.key, $0.value.tree) })
        }
    }
}

extension Configuration.Worker {
    fileprivate var tree: Tree {
        .map([
            ("batch", .plain(batch)), ("delivery_limit", .plain(deliveryLimit)),
            ("drain_timeout", .literal(drainTimeout.written)), ("parking", .literal(parking.written)),
            ("inbox_retention", .literal(inboxRetention.written)),
        ])
    }
}

extension BackorderLimit {
    fileprivate var tree: Tree {
        switch self {
        case .none: .literal("null")
        case .units(let units): .plain(units)
        }
    }
}

extension PolicySettings {
    /// Only what is said; a limit that is said to be none is null.
    fileprivate var entries: [(String, Tree)] {
        var entries: [(String, Tree)] = []
        if let onBackorder { entries.append(("on_backorder", .text(onBackorder.rawValue))) }
        if let backorderLimit { entries.append(("backorder_limit", backorderLimit.tree)) }
        if let ship { entries.append(("ship", .text(ship.rawValue))) }
        if let priority { entries.append(("priority", .plain(priority))) }
        return entries
    }
}

extension PolicyRule {
    fileprivate var tree: Tree {
        let match: [(String, Tree)] = [
            ("sku", .text(sku?.text)), ("location", .text(location?.text)), ("segment", .text(segment?.text)),
        ]
        return .map([("match", .map(match.withoutNulls))] + settings.entries)
    }
}

extension ItemSettings {
    fileprivate var tree: Tree {
        var entries = [("supplier", Tree.text(supplier?.text)), ("lead_time_days", .plain(leadTimeDays))].withoutNulls
        if let reorder {
            entries.append(
                (
                    "reorder",
                    .map(
                        [
                            ("point", .plain(reorder.point)), ("up_to", .plain(reorder.upTo)),
                            ("minimum", .plain(reorder.minimum)), ("multiple", .plain(reorder.multiple)),
                        ].withoutNulls)
                ))
        }
        if let onBackorder { entries.append(("on_backorder", .text(onBackorder.rawValue))) }
        if let backorderLimit { entries.append(("backorder_limit", backorderLimit.tree)) }
        if let ship { entries.append(("ship", .text(ship.rawValue))) }
        return .map(entries)
    }
}

extension PromiseSettings {
    fileprivate var tree: Tree {
        .map([
            ("default_lead_time_days", .plain(defaultLeadTimeDays)), ("handling_days", .plain(handlingDays)),
            ("promise_quantile", .literal("\(promiseQuantile)")), ("notify_after_hours", .plain(notifyAfterHours)),
        ])
    }
}
