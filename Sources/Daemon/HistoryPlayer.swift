import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema
import Synchronization
import Worker

/// A history on its way through the production path, without a broker: one message body a line, and now is each
/// message's own time. Reading and decoding overlap with the transactions; the hand-over is bounded, the order is kept.
final class HistoryPlayer {
    struct Batch: Sendable {
        var deliveries: [DecodedDelivery] = []
        /// By delivery: the number of its line, from 1.
        var lines: [Int] = []
    }

    private let configuration: Configuration
    private let store: any BackOrderStore
    private let options: DecodeOptions
    private let encoder: OutputEncoder

    /// - Parameters:
    ///   - options: as which input the lines are read; nil: each in the contract's own shape.
    ///   - encoder: how the outputs are written.
    init(
        configuration: Configuration, store: any BackOrderStore, options: DecodeOptions? = nil,
        encoder: OutputEncoder = OutputEncoder()
    ) {
        self.encoder = encoder
        self.options =
            options
            ?? DecodeOptions(linesMax: configuration.limits.lines, messageBytesMax: configuration.limits.messageBytes)
        self.configuration = configuration
        self.store = store
    }

    /// Plays everything that the descriptor gives, then the sweep that is due after it.
    ///
    /// - Parameter each: takes what became of each batch, in order, on the caller's thread; false: it wants no more.
    /// - Returns: the latest time that was now.
    @discardableResult
    func play(_ descriptor: Int32, each: (Batch, BatchResult) throws -> Bool) throws -> Instant {
        let decoded = BoundedChannel<Batch>(capacity: 4)
        let readFailure = Shared<ReadFailure?>(nil)
        let size = configuration.worker.batch
        let options = options
        let reader = WorkThread(name: "history-read") {
            do throws(ReadFailure) {
                try HistoryPlayer.read(descriptor, options, size, into: decoded)
            } catch {
                readFailure.value = error
            }
            decoded.close()
        }
        defer {
            decoded.close()
            reader.join()
        }
        let processor = BatchProcessor(
            store: store, rules: configuration.rulebook, clock: .messageTime, keepsOutbox: false, encoder: encoder)
        while let batch = decoded.receive() {
            let result = try HistoryPlayer.transact { try processor.process(batch.deliveries) }
            if try !each(batch, result) { return processor.latest }
        }
        if let failure = readFailure.value { throw failure }
        let rest = try HistoryPlayer.transact { try processor.finishReplay() }
        _ = try each(Batch(), rest)
        return processor.latest
    }

    /// A store that fails for now is tried again, for some seconds.
    static func transact(_ body: () throws -> BatchResult) throws -> BatchResult {
        var failures = 0
        while true {
            do {
                return try body()
            } catch let error as StoreError where error.isRetriable && failures < 5 {
                failures += 1
                usleep(UInt32(100_000 << failures))
            }
        }
    }

    private static func read(
        _ descriptor: Int32, _ options: DecodeOptions, _ size: Int, into channel: BoundedChannel<Batch>
    ) throws(ReadFailure) {
        let decoder = Decoder()
        var reader = LineReader(descriptor: descriptor, limit: options.messageBytesMax)
        var batch = Batch()
        var number = 0
        // A message without a time arrives when the one before it did: a history asks no clock.
        var arrival = Instant(microseconds: 0)
        while let line = try reader.next() {
            number += 1
            let reading: Reading
            var body: [UInt8] = []
            switch line {
            case .tooLong(let bytes):
                reading = .rejected(
                    Rejection(.tooLarge, "\(bytes) bytes, at most \(options.messageBytesMax) allowed"))
            case .bytes(let bytes):
                if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
                body = bytes
                reading = decoder.read(bytes, envelope: Envelope(), arrival: arrival, options: options)
            }
            if case .message(let decoded) = reading { arrival = max(arrival, decoded.message.time) }
            // A parked line that is rejected later is told with its number: it travels as the queue's name.
            batch.deliveries.append(
                DecodedDelivery(reading: reading, queue: String(number), body: body, properties: { [] }))
            batch.lines.append(number)
            if batch.lines.count >= size {
                if !channel.send(batch) { return }
                batch = Batch()
            }
        }
        if !batch.lines.isEmpty { channel.send(batch) }
    }
}

/// One value that two stages share.
final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) {
        state = Mutex(value)
    }

    var value: Value {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
