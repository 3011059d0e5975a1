/// A look at the broker that changes nothing.
public enum Probe {
    public struct Result: Sendable {
        public var address: AMQPAddress
        public var server: ServerInfo
        public var heartbeatSeconds: Int
        /// Exchanges and queues of the plan that are missing, otherwise than asked for, or not ours to use.
        public var problems: [AMQPError]
        /// Known faults of this broker version.
        public var notes: [String]
    }

    /// Logs in at the first address that lets us, and looks for everything of the plan. Blocks its thread, up to the
    /// timeouts of the options for each address.
    ///
    /// - Throws: the last address's error if none lets us in.
    public static func check(options: ConnectionOptions, topology: TopologyPlan) throws(AMQPError) -> Result {
        var failure = AMQPError(.badAddress, "no broker address is configured", isRetriable: false)
        let supervisor = try StuckGuard()
        defer { supervisor.end() }
        for address in options.addresses {
            do throws(AMQPError) {
                let connection = try BrokerConnection(
                    address: address, options: options, bodyBytesMax: 0, supervisor: supervisor)
                let problems = topology.mode == .ignore ? [] : try connection.problems(with: topology)
                let result = Result(
                    address: address, server: connection.server, heartbeatSeconds: connection.heartbeat,
                    problems: problems, notes: connection.server.knownProblems)
                connection.close(timeoutMilliseconds: options.rpcTimeoutMilliseconds)
                return result
            } catch {
                failure = error
            }
        }
        throw failure
    }
}
