import Glibc

/// Makes a connection again and again, with back-off, until it is told to stop. Runs on the owner thread.
struct ConnectionKeeper {
    /// A session that lasted this long shows that the connection was good; the next failure waits shortly again.
    static let healthyMilliseconds: UInt64 = 5_000

    let options: ConnectionOptions
    let bodyBytesMax: Int
    let wake: WakeUp
    let supervisor: StuckGuard
    let observer: @Sendable (ConnectionEvent) -> Void

    /// Calls `session` with each new connection. The session returns when it has come to its orderly end, and throws
    /// when the connection is to be made again. `lost` is called after the connection is destroyed.
    func run(
        shouldStop: () -> Bool, session: (BrokerConnection) throws(AMQPError) -> Void, lost: (AMQPError) -> Void
    ) {
        var random = SystemRandomNumberGenerator()
        var backoff = Backoff(
            minimumMilliseconds: options.backoffMillisecondsMin, maximumMilliseconds: options.backoffMillisecondsMax)
        // Shuffled, so that after a restart of one node not all workers go to the same other one.
        let addresses = options.addresses.shuffled()
        var attempt = 0
        var unreadable = 0
        while !shouldStop() {
            var failure = AMQPError(.badAddress, "no broker address is configured", isRetriable: false)
            let begun = Clock.now
            if !addresses.isEmpty {
                let address = addresses[attempt % addresses.count]
                attempt += 1
                supervisor.checkpoint()
                observer(.connecting(address))
                do throws(AMQPError) {
                    let connection = try BrokerConnection(
                        address: address, options: options, bodyBytesMax: bodyBytesMax, supervisor: supervisor)
                    observer(.connected(address, serverVersion: connection.server.version))
                    try Self.hold(connection, session)
                    return
                } catch {
                    failure = error
                }
            }
            if failure.code == .protocolViolation {
                unreadable += 1
                if unreadable >= 3 {
                    failure.message +=
                        "; this is the \(unreadable)th time: a message at the head of a queue may be "
                        + "unreadable, remove or move it with the management tools"
                }
            }
            if Clock.now - begun > Self.healthyMilliseconds { backoff.reset() }
            let wait = failure.isRetriable ? backoff.next(using: &random) : backoff.nextSlow(using: &random)
            lost(failure)
            if !failure.isRetriable { observer(.fatal(failure)) }
            observer(.disconnected(failure, retryInMilliseconds: wait))
            pause(until: Clock.deadline(in: wait), shouldStop)
        }
    }

    /// A session that fails while the connection is still sound says goodbye, so that the broker requeues at once.
    private static func hold(
        _ connection: BrokerConnection, _ session: (BrokerConnection) throws(AMQPError) -> Void
    ) throws(AMQPError) {
        do throws(AMQPError) {
            try session(connection)
        } catch {
            connection.close(timeoutMilliseconds: 1_000)
            throw error
        }
    }

    private func pause(until deadline: UInt64, _ shouldStop: () -> Bool) {
        while !shouldStop() {
            supervisor.checkpoint()
            let now = Clock.now
            guard now < deadline else { return }
            // In slices, for a stop may depend on a deadline as well as on a signal.
            _ = wake.wait(milliseconds: min(200, Int(deadline - now)))
        }
    }
}
