import Foundation

/// Runs a plan: the production pipeline, core and stores in one process, from one seed.
public enum Simulation {
    public struct Report: Sendable {
        public var plan: Plan
        /// The first rule that did not hold.
        public var failure: Failure?
        public var trace: Trace
        /// How often each fault struck.
        public var faults: [Fault: Int]
        /// Of the scheduler, the calm at the end included.
        public var steps: Int
        public var inputs: Int
        public var transactions: Int
        public var outputs: Int
        public var publications: Int
        public var deadLetters: Int
        public var processes: Int
    }

    /// - Parameter folder: where a SQLite file may be made; it is removed again.
    public static func run(_ plan: Plan, folder: String = Simulation.folder) throws -> Report {
        // Its own for each run: tests run the same seed side by side, with and without a mutation.
        let path = "\(folder)/backorderd-sim-\(plan.seed)-\(UUID().uuidString).db"
        func clear() {
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        }
        clear()
        defer { clear() }
        let world = try World(plan, path: plan.store == .sqlite ? path : nil)
        world.run()
        return Report(
            plan: plan, failure: world.failure, trace: world.trace, faults: world.faultCounts, steps: world.step,
            inputs: world.inputs, transactions: world.transactions, outputs: world.outputs.committedCount,
            publications: world.outputs.publications, deadLetters: world.outputs.deadLetters,
            processes: world.workers.reduce(0) { $0 + $1.life })
    }

    /// Memory, where there is a file system in memory: a crash here is a process that ends, not a machine.
    public static var folder: String {
        FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
    }
}
