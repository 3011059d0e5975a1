/// What a store could not do. `description` says what to do about it and never holds a secret.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// Down, busy, locked, deadlock, disk full: the same transaction may succeed later.
        case unavailable
        /// The database was made by a newer program.
        case schemaTooNew
        /// `migrate` has to run first.
        case schemaMissing
        /// A row breaks an invariant, or the database refuses one: a bug or damage, not weather.
        case corrupt
        /// The address or file can't be used as it is: wrong path, no permission.
        case misconfigured
    }

    /// What another worker at the same rows made of a transaction that may succeed later.
    public enum Conflict: String, Sendable, CaseIterable {
        case deadlock
        case serialization
        /// A lock was waited for in vain.
        case lockTimeout = "lock-timeout"
        /// Another worker committed a message of this batch meanwhile.
        case sameMessage = "same-message"
    }

    public var code: Code
    public var message: String
    /// nil: not for the sake of another worker.
    public var conflict: Conflict?
    /// The connection broke during COMMIT: what was to be written may be there.
    public var mayHaveCommitted = false

    public init(_ code: Code, _ message: String, conflict: Conflict? = nil) {
        self.code = code
        self.message = message
        self.conflict = conflict
    }

    public var isRetriable: Bool { code == .unavailable }
    public var description: String { message }
}
