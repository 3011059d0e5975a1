import ArgumentParser
import Foundation
import Simulation

/// `make sim`: one seed with its trace, or fresh seeds until the time is over.
@main
struct SimulationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backorderd-sim",
        abstract: "Run worker, core and stores in one process, from one seed, with everything going wrong.")

    @Option(help: "The first seed.") var seed: UInt64 = 1
    @Option(help: "How many seeds, one after the other.") var runs = 1
    @Option(help: "Turns of the scheduler with faults, for each seed.") var steps = 400
    @Option(help: "memory or sqlite; by seed if it is not said.") var store: String?
    @Option(help: "Workers on the one store; by seed if it is not said.") var workers: Int?
    @Option(help: "true or false: the broker tells repeats, and some messages kill; by seed if it is not said.")
    var suspects: Bool?
    @Option(help: "A bug made on purpose, to see it found.") var mutation: String?
    @Option(help: "Go on with the next seeds for so many minutes.") var minutes: Double?
    @Option(help: "Lines of the trace to show after a failure.") var tail = 60
    @Flag(help: "Show the trace in any case.") var trace = false

    func run() throws {
        let store = try self.store.map { name in
            guard let kind = Plan.StoreKind(rawValue: name) else { throw ValidationError("no such store: \(name)") }
            return kind
        }
        let mutation = try self.mutation.map { name in
            guard let known = Mutation(rawValue: name) else {
                throw ValidationError(
                    "no such mutation: \(name); there are: \(Mutation.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            return known
        }
        let start = Date()
        var totals = Totals()
        var next = seed
        var failures = 0
        while true {
            let plan = Plan(
                seed: next, steps: steps, store: store, workers: workers, mutation: mutation, suspects: suspects)
            let report = try Simulation.run(plan)
            totals.add(report)
            if let failure = report.failure {
                failures += 1
                print("FAILED \(plan.command)   # \(failure.check.rawValue), step \(failure.step): \(failure.text)")
                if failures == 1 || trace { print(report.trace.tail(tail).map { "    " + $0 }.joined(separator: "\n")) }
            } else if runs == 1, minutes == nil {
                if trace { print(report.trace.tail(tail).joined(separator: "\n")) }
                print("passed \(plan.command)   # trace \(String(report.trace.digest, radix: 16))")
            }
            fflush(nil)
            next += 1
            let isOver = minutes.map { Date().timeIntervalSince(start) >= $0 * 60 } ?? (next - seed >= UInt64(runs))
            if isOver { break }
            if (next - seed) % 100 == 0 { totals.print(since: start, failures) }
        }
        totals.print(since: start, failures)
        if failures > 0 { throw ExitCode(1) }
    }
}

/// What all runs together did.
private struct Totals {
    var runs = 0
    var steps = 0
    var inputs = 0
    var transactions = 0
    var outputs = 0
    var publications = 0
    var deadLetters = 0
    var processes = 0
    var faults: [Fault: Int] = [:]

    mutating func add(_ report: Simulation.Report) {
        runs += 1
        steps += report.steps
        inputs += report.inputs
        transactions += report.transactions
        outputs += report.outputs
        publications += report.publications
        deadLetters += report.deadLetters
        processes += report.processes
        faults.merge(report.faults) { $0 + $1 }
    }

    func print(since start: Date, _ failures: Int) {
        let seconds = Int(Date().timeIntervalSince(start))
        Swift.print(
            "\(runs) seeds in \(seconds) s, \(failures) failed: \(steps) steps, \(inputs) inputs, \(transactions) "
                + "transactions, \(outputs) outputs, \(publications) publications, \(deadLetters) dead letters, "
                + "\(processes) processes")
        let counts = Fault.allCases.map { "\($0.rawValue) \(faults[$0] ?? 0)" }
        Swift.print("  " + counts.joined(separator: "; "))
        fflush(nil)
    }
}
