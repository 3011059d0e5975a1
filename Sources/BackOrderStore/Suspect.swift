public import InventoryCore

/// A redelivered message that a worker took in hand and has not finished: written before it is looked at, removed with
/// its effect. One that is found when the message comes again says that the worker died over the batch it was in.
public struct Suspect: Sendable, Equatable {
    /// A digest of the message as it came.
    public var key: Digest128
    /// So many were in the batch.
    public var batch: Int
    /// Batches with it that were begun and not finished, this one included.
    public var deaths: Int
    /// Of those, the ones in which it was alone.
    public var deathsAlone: Int
    public var at: Instant

    public init(key: Digest128, batch: Int, deaths: Int, deathsAlone: Int, at: Instant) {
        self.key = key
        self.batch = batch
        self.deaths = deaths
        self.deathsAlone = deathsAlone
        self.at = at
    }
}

extension MemoryBooks {
    func suspects(_ keys: [Digest128]) throws -> [Digest128: Suspect] {
        Dictionary(keys.compactMap { key in suspectBook[key].map { (key, $0) } }) { first, _ in first }
    }

    func putSuspects(_ suspects: [Suspect]) throws {
        for suspect in suspects { put(suspect: suspect, suspect.key) }
    }

    func removeSuspects(_ keys: [Digest128]) throws {
        for key in keys where suspectBook[key] != nil { put(suspect: nil, key) }
    }

    func pruneSuspects(before: Instant) throws {
        for suspect in Array(suspectBook.values) where suspect.at < before { put(suspect: nil, suspect.key) }
    }
}
