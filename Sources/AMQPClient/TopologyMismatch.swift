/// What the broker has otherwise than we ask for, as it says it in a 406.
public struct TopologyMismatch: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case queue
        case exchange
    }

    public var kind: Kind
    public var name: String
    /// `x-queue-type`, `durable`, `type` …
    public var argument: String
    /// What we ask for; nil: we do not ask for it.
    public var ours: String?
    /// What exists; nil: it is not set there. A policy that sets the same is not seen.
    public var theirs: String?

    public init(kind: Kind, name: String, argument: String, ours: String?, theirs: String?) {
        self.kind = kind
        self.name = name
        self.argument = argument
        self.ours = ours
        self.theirs = theirs
    }

    /// Reads RabbitMQ's text: `PRECONDITION_FAILED - inequivalent arg 'A' for queue 'Q' in vhost '/': received X but
    /// current is Y`, where a value is `none`, `'v'` or `the value 'v' of type 't'`. nil: it says something else.
    public init?(parsing text: String) {
        guard let argument = text.piece(after: "inequivalent arg '", before: "' for "),
            let values = text.piece(after: "': received ", before: nil),
            let middle = values.range(" but current is ")
        else { return nil }
        for kind in [Kind.queue, Kind.exchange] {
            guard let name = text.piece(after: "' for \(kind.rawValue) '", before: "' in vhost '") else { continue }
            self.init(
                kind: kind, name: name, argument: argument, ours: Self.value(values[..<middle.lowerBound]),
                theirs: Self.value(values[middle.upperBound...]))
            return
        }
        return nil
    }

    private static func value(_ text: Substring) -> String? {
        let text = String(text)
        if text == "none" { return nil }
        if let value = text.piece(after: "the value '", before: "' of type") { return value }
        return text.piece(after: "'", before: "'") ?? text
    }

    /// Who has what, in one line.
    public var told: String {
        "\(kind.rawValue) '\(name)' is there with another \(argument): "
            + "ours is \(ours.map { "'\($0)'" } ?? "not set"), theirs is \(theirs.map { "'\($0)'" } ?? "not set")"
    }
}

extension StringProtocol {
    /// The first place of a text, without Foundation.
    fileprivate func range(_ wanted: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(wanted) { return start..<index(start, offsetBy: wanted.count) }
            start = index(after: start)
        }
        return nil
    }

    fileprivate func piece(after begin: String, before end: String?) -> String? {
        guard let first = range(begin) else { return nil }
        let rest = self[first.upperBound...]
        guard let end else { return String(rest) }
        guard let last = rest.range(end) else { return nil }
        return String(rest[..<last.lowerBound])
    }
}
