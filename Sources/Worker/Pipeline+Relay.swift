import BackOrderStore
import InventoryCore
import Logging
import Synchronization

/// Outputs of a worker that died are sent by a neighbour that lives.
///
/// Each segment of the outbox names the worker that sees to it, and each worker says every two seconds that it lives.
/// Who comes back after its time was over goes on with what it has in hand: then two send the same messages, under the
/// same ids, and both remove the same segment.
extension Pipeline {
    static let claimMilliseconds: Int64 = 2_000
    /// What a dead worker left is claimed after this time and one turn of `claimMilliseconds`, at the latest.
    private static let leaseMicroseconds: Int64 = 7_000_000
    private static let claimedAtOnce = 16

    /// Sends what an earlier run committed and did not see confirmed, before anything else is taken in hand.
    func beginRelay(_ store: any BackOrderStore) throws {
        // An earlier run under the same name is over, whatever its time says.
        _ = try persist([]) { try store.write { try $0.leaveOutbox(worker: settings.worker) } }
        try claim(store)
    }

    /// Says that this worker lives, and sends what nobody who lives sees to.
    func relay(_ store: any BackOrderStore, _ nextClaim: inout Int64) throws {
        // After a commit that may have been made all is claimed anew; what the tracker has open already is not sent again.
        // The transaction in doubt is decided by now: whatever was tried again behind it needed its locks and inbox keys.
        let isAnew = hasUnknownCommit.exchange(false, ordering: .relaxed)
        if !isAnew, timing.monotonicMilliseconds() < nextClaim { return }
        try claim(store, isAnew: isAnew)
        nextClaim = timing.monotonicMilliseconds() + Pipeline.claimMilliseconds
    }

    private func claim(_ store: any BackOrderStore, isAnew: Bool = false) throws {
        var sent = 0
        var isAnew = isAnew
        while !stopping.load(ordering: .acquiring) {
            // While much waits for its confirm, nothing is taken over; the claim is made all the same, for its lease.
            let isFirst = isAnew
            isAnew = false
            let limit = isFirst ? Int.max : tracker.openCount < settings.outboxHighWater ? Pipeline.claimedAtOnce : 0
            let segments = try persist([]) {
                try store.write { transaction in
                    if isFirst { try transaction.leaveOutbox(worker: settings.worker) }
                    for other in try transaction.outboxWorkers() where other != settings.worker {
                        if settings.isGone(other) { try transaction.leaveOutbox(worker: other) }
                    }
                    let now = timing.now()
                    return try transaction.claimOutbox(
                        worker: settings.worker, now: now, until: now.adding(microseconds: Pipeline.leaseMicroseconds),
                        limit: limit)
                }
            }
            for segment in segments ?? [] {
                publish(segment.id, segment.messages)
                sent += segment.messages.count
            }
            if (segments ?? []).count < max(limit, 1) { break }
        }
        if sent > 0 {
            logger.notice(
                "sent from the outbox of a worker that ended",
                metadata: ["messages": "\(sent)", "worker": "\(settings.worker)"])
        }
    }
}
