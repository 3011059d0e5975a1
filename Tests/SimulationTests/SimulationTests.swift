import Simulation
import Testing

@Suite struct SimulationTests {
    @Test func theSameSeedIsTheSameRun() throws {
        let plan = Plan(seed: 7, steps: 150)
        let first = try Simulation.run(plan)
        let second = try Simulation.run(plan)
        #expect(first.trace.digest == second.trace.digest)
    }
}
