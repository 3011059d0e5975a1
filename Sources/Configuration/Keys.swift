extension Configuration {
    /// One key that the file may have. `docs/configuration.md` says the meaning of each.
    public struct Key: Sendable, Equatable {
        /// `[]` stands for an element of a list, `<…>` for a name that the operator chooses.
        public let pattern: String

        /// Whether SIGHUP brings a change of it into effect; else it takes a restart.
        public var isReloadable: Bool {
            Configuration.reloadableSections.contains(String(pattern.prefix { $0 != "." }))
        }

        var name: String { parts.last.map(String.init) ?? pattern }
        var parent: String { parts.dropLast().joined(separator: ".") }
        private var parts: [Substring] { pattern.split(separator: ".") }
    }

    static let reloadableSections: Set<String> = ["policy", "items", "suppliers", "promise", "log"]

    /// Every key there is, in the order of the documentation.
    public static let keys: [Key] = [
        "broker", "broker.urls", "broker.tls", "broker.tls.ca", "broker.tls.certificate", "broker.tls.key",
        "broker.tls.verify", "broker.prefetch", "broker.topology", "broker.inputs", "broker.inputs[].queue",
        "broker.inputs[].queue_type", "broker.inputs[].single_active_consumer", "broker.inputs[].delivery_limit",
        "broker.inputs[].dead_letter_argument", "broker.inputs[].bind", "broker.inputs[].bind[].exchange",
        "broker.inputs[].bind[].keys", "broker.inputs[].type", "broker.inputs[].map", "broker.output",
        "broker.output.exchange", "broker.output.map", "broker.output_queues", "broker.output_queues.<queue>.exchange",
        "broker.output_queues.<queue>.keys", "broker.dead_letter", "broker.dead_letter.exchange",
        "broker.dead_letter.queue",
        "store", "store.url",
        "worker", "worker.batch", "worker.delivery_limit", "worker.drain_timeout", "worker.parking",
        "worker.inbox_retention",
        "limits", "limits.message_bytes", "limits.lines",
        "locations", "locations[].id",
        "allocation", "allocation.strategy", "allocation.sourcing",
        "policy", "policy.default", "policy.default.on_backorder", "policy.default.backorder_limit",
        "policy.default.ship", "policy.default.priority", "policy.rules", "policy.rules[].match",
        "policy.rules[].match.sku", "policy.rules[].match.location", "policy.rules[].match.segment",
        "policy.rules[].on_backorder", "policy.rules[].backorder_limit", "policy.rules[].ship",
        "policy.rules[].priority",
        "items", "items.<sku>.supplier", "items.<sku>.lead_time_days", "items.<sku>.reorder",
        "items.<sku>.reorder.point", "items.<sku>.reorder.up_to", "items.<sku>.reorder.minimum",
        "items.<sku>.reorder.multiple", "items.<sku>.on_backorder", "items.<sku>.backorder_limit", "items.<sku>.ship",
        "suppliers", "suppliers.<supplier>.lead_time_days",
        "promise", "promise.default_lead_time_days", "promise.handling_days", "promise.promise_quantile",
        "promise.notify_after_hours",
        "operations", "operations.listen", "operations.token",
        "log", "log.level", "log.format",
    ].map(Key.init(pattern:))

    static func keys(in parent: String) -> [Key] { keysByParent[parent] ?? [] }

    private static let keysByParent = Dictionary(grouping: keys, by: \.parent)

    /// Cause and remedy for a key that is not valid where it stands: its nearest valid one, here or at another level.
    /// - Parameters:
    ///   - path: where it stands, as the operator wrote it, e.g. `broker.inputs[0]`; empty at the top.
    ///   - parent: the same as a pattern, e.g. `broker.inputs[]`.
    static func unknownKey(_ name: String, path: String, parent: String) -> (cause: String, remedy: String) {
        let here = keys(in: parent)
        var best: (key: Key, cost: Int)?
        for key in keys {
            let isHere = key.parent == parent
            let cost = 2 * wordDistance(name, key.name) + (isHere ? 0 : 3)
            if cost < best?.cost ?? .max { best = (key, cost) }
        }
        guard let best = best?.key else { return ("unknown key", "remove it") }
        let place = best.parent == parent ? (path.isEmpty ? best.name : "\(path).\(best.name)") : best.pattern
        if best.parent != parent, best.name == name {
            let places = keys.filter { $0.name == name }.map(\.pattern)
            let isTop = places == [name]
            return (
                "unknown key", isTop ? "it belongs at the top level: \(name)" : "it belongs at \(alternatives(places))"
            )
        }
        if isNear(name, best.name) { return ("unknown key", "did you mean \(place)?") }
        let nearestHere = nearest(name, among: here.map(\.name))
        let nearestPlace = nearestHere.map { path.isEmpty ? $0 : "\(path).\($0)" } ?? place
        return (
            "unknown key",
            "the nearest valid key is \(nearestPlace) (of \(here.map(\.name).joined(separator: ", ")))"
        )
    }
}

/// `a, b or c`
func alternatives(_ words: [String]) -> String {
    guard words.count > 1, let last = words.last else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
}
