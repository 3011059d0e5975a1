/// Decides which traces are told.
public struct Sampler: Sendable, Equatable {
    /// Of traces that begin here, or of all: this share, 0 to 1.
    public var ratio: Double
    /// What the sender decided holds for the traces that it began.
    public var followsSender: Bool

    public init(ratio: Double, followsSender: Bool) {
        self.ratio = ratio
        self.followsSender = followsSender
    }

    func takes(_ parent: TraceParent?, traceLow: UInt64) -> Bool {
        if let parent, followsSender { return parent.isSampled }
        if ratio >= 1 { return true }
        // By the trace's own digits, so that all who ask with one ratio decide alike.
        return Double(traceLow >> 11) < ratio * Double(UInt64(1) << 53)
    }
}
