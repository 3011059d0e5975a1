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

    public var code: Code
    public var message: String
    /// The connection broke during COMMIT: what was to be written may be there.
    public var mayHaveCommitted = false

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var isRetriable: Bool { code == .unavailable }
    public var description: String { message }
}
