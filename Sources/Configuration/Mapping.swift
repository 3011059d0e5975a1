import Yams

extension Configuration {
    /// A value that is taken as it is written, with the place where it stands: the part of the file whose meaning is not
    /// the configuration's.
    public struct Mapping: Sendable, Equatable {
        public indirect enum Value: Sendable, Equatable {
            case text(String)
            /// A number as JSON writes it.
            case number(String)
            case flag(Bool)
            case null
            case list([Mapping])
            case map([Entry])
        }

        public struct Entry: Sendable, Equatable {
            public var key: String
            /// The line of the key, from 1.
            public var line: Int
            public var column: Int?
            public var value: Mapping

            /// Where it stands makes no difference.
            public static func == (left: Self, right: Self) -> Bool {
                left.key == right.key && left.value == right.value
            }
        }

        public var value: Value
        /// Where the value begins, from 1.
        public var line: Int
        public var column: Int?

        /// Where it stands makes no difference.
        public static func == (left: Self, right: Self) -> Bool { left.value == right.value }
    }
}

extension Field {
    /// Only the form: scalars, lists and maps, of a bounded size.
    func mapping() -> Configuration.Mapping? {
        guard case .mapping = node else {
            _ = entries(placeholder: "<field>", "{order_id: /order/number}")
            return nil
        }
        var budget = 10_000
        return mapping(depth: 0, &budget)
    }

    private func mapping(depth: Int, _ budget: inout Int) -> Configuration.Mapping? {
        budget -= 1
        guard budget >= 0, depth < 16 else {
            // Said once, not once for each of what may be millions.
            if budget == -1 || budget >= 0 {
                fail("is too large a mapping", "use at most 10000 values, 16 levels deep")
            }
            return nil
        }
        let value: Configuration.Mapping.Value
        switch node {
        case .mapping(let mapping):
            let columns = Dictionary(
                mapping.map { ($0.key.scalar?.string ?? "", $0.key.mark?.column) },
                uniquingKeysWith: { first, _ in first })
            var made: [Configuration.Mapping.Entry] = []
            for (name, entry) in entries(placeholder: "<field>", "{order_id: /order/number}") ?? [] {
                guard entry.checkedName(name, most: 1024), let inner = entry.mapping(depth: depth + 1, &budget) else {
                    continue
                }
                made.append(
                    Configuration.Mapping.Entry(key: name, line: entry.line, column: columns[name] ?? nil, value: inner)
                )
            }
            value = .map(made)
        case .sequence:
            value = .list((list("[/pointer]") ?? []).compactMap { $0.mapping(depth: depth + 1, &budget) })
        case .scalar(let scalar):
            guard let made = scalarValue(scalar) else { return nil }
            value = made
        case .alias:
            fail("is an alias of nothing", "write the value")
            return nil
        }
        return Configuration.Mapping(value: value, line: node.mark?.line ?? line, column: node.mark?.column)
    }

    private func scalarValue(_ scalar: Node.Scalar) -> Configuration.Mapping.Value? {
        if isNull { return .null }
        let text = scalar.string
        if scalar.style == .plain {
            switch text {
            case "true", "True", "TRUE": return .flag(true)
            case "false", "False", "FALSE": return .flag(false)
            default: if isJSONNumber(text) { return .number(text) }
            }
        }
        guard text.utf8.count <= 4096 else {
            fail("is \(text.utf8.count) bytes long", "use at most 4096 bytes")
            return nil
        }
        return .text(text)
    }

    private func isJSONNumber(_ text: String) -> Bool {
        text.utf8.count <= 40 && text.wholeMatch(of: #/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/#) != nil
    }
}
