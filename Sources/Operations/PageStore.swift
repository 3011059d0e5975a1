public import BackOrderStore

/// A connection to the store for reading, opened when first used and again after it failed.
///
/// @unchecked Sendable: made on one thread, then used by the one thread that it is handed to, and by no other.
public final class PageStore: @unchecked Sendable {
    private let open: @Sendable () throws -> any BackOrderStore
    private var store: (any BackOrderStore)?

    /// - Parameter open: a new connection. Called on the using thread; may block.
    public init(open: @escaping @Sendable () throws -> any BackOrderStore) {
        self.open = open
    }

    /// Reads in one snapshot.
    func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result {
        let store: any BackOrderStore
        if let known = self.store {
            store = known
        } else {
            store = try open()
            self.store = store
        }
        do {
            return try store.read(body)
        } catch {
            close()
            throw error
        }
    }

    func close() {
        store?.close()
        store = nil
    }
}
