import BackOrderStore
import Worker

/// What the pipeline holds as its consumer.
struct SimSource: DeliverySource {
    let worker: SimWorker

    func receive(max: Int, timeoutMilliseconds: Int) -> [InboundDelivery] {
        worker.receive(max, timeoutMilliseconds)
    }

    func acknowledge(_ tokens: [DeliveryToken]) { worker.acknowledge(tokens) }

    var generation: UInt64? { worker.generation }

    func stopConsuming() { worker.stopConsuming() }
}

/// What the pipeline holds as its publisher.
struct SimSink: OutputSink {
    let worker: SimWorker

    func publish(_ messages: [PendingPublication], timeoutMilliseconds: Int) -> Bool {
        worker.publish(messages, timeoutMilliseconds)
    }

    func flush(deadlineMilliseconds: Int) -> Bool { worker.flush(deadlineMilliseconds) }
}
