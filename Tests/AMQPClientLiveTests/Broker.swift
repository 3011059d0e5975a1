import AMQPClient
import Foundation
import Synchronization
import Testing

/// The broker of the live tests, as the environment names it.
enum Broker {
    static let url = ProcessInfo.processInfo.environment["BACKORDERD_TEST_AMQP_URL"]
    static let directory = ProcessInfo.processInfo.environment["BACKORDERD_TEST_RABBITMQ_DIR"]
    static let missing: Comment = """
        needs a broker: deploy/lib/private-rabbitmq start DIR, then set BACKORDERD_TEST_AMQP_URL to the URL it prints
        """
    static let missingControl: Comment = """
        needs a broker of its own to stop and harass: set BACKORDERD_TEST_AMQP_URL and BACKORDERD_TEST_RABBITMQ_DIR
        """
    static var isThere: Bool { url != nil }
    static var isOurs: Bool { url != nil && directory != nil }

    static func address() throws -> AMQPAddress { try AMQPAddress(parsing: #require(url)) }

    static func options(_ name: String, heartbeat: Int = 15) throws -> ConnectionOptions {
        ConnectionOptions(
            addresses: [try address()], heartbeatSeconds: heartbeat, connectTimeoutMilliseconds: 3_000,
            rpcTimeoutMilliseconds: 5_000, name: "live-\(name)", backoffMillisecondsMin: 50,
            backoffMillisecondsMax: 500)
    }

    /// deploy/lib/private-rabbitmq with a command for our node; answers what it prints.
    @discardableResult
    static func node(_ command: String, _ arguments: String...) throws -> String {
        let script = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "../../deploy/lib/private-rabbitmq").standardizedFileURL
        let process = Process()
        process.executableURL = script
        process.arguments = [command, try #require(directory)] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.standardError
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "private-rabbitmq \(command) \(arguments)")
        return String(decoding: output, as: UTF8.self)
    }

    static func ctl(_ arguments: [String]) throws {
        let all = ["-q"] + arguments
        switch all.count {
        case 2: try node("ctl", all[0], all[1])
        case 3: try node("ctl", all[0], all[1], all[2])
        default: try node("ctl", all[0], all[1], all[2], all[3])
        }
    }
}

/// What observers and outcomes tell, gathered from the owner threads.
final class Log: Sendable {
    private struct State {
        var events: [ConnectionEvent] = []
        var outcomes: [UInt64: PublishOutcome] = [:]
        var twice = 0
    }
    private let state = Mutex(State())

    func note(_ event: ConnectionEvent) { state.withLock { $0.events.append(event) } }

    func note(_ batch: [(handle: UInt64, outcome: PublishOutcome)]) {
        state.withLock {
            for item in batch where $0.outcomes.updateValue(item.outcome, forKey: item.handle) != nil { $0.twice += 1 }
        }
    }

    var events: [ConnectionEvent] { state.withLock { $0.events } }
    var outcomes: [UInt64: PublishOutcome] { state.withLock { $0.outcomes } }
    var settledTwice: Int { state.withLock { $0.twice } }

    func has(_ matches: (ConnectionEvent) -> Bool) -> Bool { events.contains(where: matches) }
    func count(_ matches: (ConnectionEvent) -> Bool) -> Int { events.count(where: matches) }
    var consumingCount: Int { count { if case .consuming = $0 { true } else { false } } }
    var disconnects: [AMQPError] {
        events.compactMap { if case .disconnected(let error, _) = $0 { error } else { nil } }
    }
}

/// Waits until the condition holds; false at the deadline. Blocks its thread: live tests run one after the other.
func eventually(seconds: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if try condition() { return true }
        usleep(10_000)
    }
    return try condition()
}

func message(
    _ handle: UInt64, to queue: String, exchange: String = "", body: [UInt8] = [1, 2, 3], headers: [Header] = []
) -> OutgoingMessage {
    var properties = MessageProperties()
    properties.messageID = "m-\(handle)"
    properties.contentType = "application/json"
    properties.headers = headers
    return OutgoingMessage(handle: handle, exchange: exchange, routingKey: queue, properties: properties, body: body)
}

extension Consumer {
    /// Receives and acknowledges until so many have come or nothing comes for a while.
    func take(_ count: Int, acknowledging: Bool = true, seconds: Double = 10) -> [Delivery] {
        var all: [Delivery] = []
        let deadline = ContinuousClock.now + .seconds(seconds)
        while all.count < count, ContinuousClock.now < deadline {
            let batch = receive(max: count - all.count, timeoutMilliseconds: 200)
            all += batch
            if acknowledging { acknowledge(batch.map { ($0.generation, $0.tag) }) }
        }
        return all
    }
}
