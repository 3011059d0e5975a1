import AMQPClient
import Testing

@Suite struct TopologyMismatchTests {
    /// As RabbitMQ 3.10 writes them.
    @Test(
        arguments: [
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'in' in vhost '/': received 'quorum' but current is 'classic'",
                TopologyMismatch(kind: .queue, name: "in", argument: "x-queue-type", ours: "quorum", theirs: "classic")
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'it's' in vhost 'a': received the value 'dlx' of type 'longstr' but current is none",
                TopologyMismatch(
                    kind: .queue, name: "it's", argument: "x-dead-letter-exchange", ours: "dlx", theirs: nil)
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received none but current is the value '9' of type 'signedint'",
                TopologyMismatch(kind: .queue, name: "q", argument: "x-max-length", ours: nil, theirs: "9")
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'orders' in vhost '/': received 'topic' but current is 'direct'",
                TopologyMismatch(kind: .exchange, name: "orders", argument: "type", ours: "topic", theirs: "direct")
            ),
            ("PRECONDITION_FAILED - unknown delivery tag 7", nil),
            ("", nil),
        ] as [(String, TopologyMismatch?)])
    func read(text: String, mismatch: TopologyMismatch?) {
        #expect(TopologyMismatch(parsing: text) == mismatch)
    }

    @Test func saysWhoHasWhat() {
        let mismatch = TopologyMismatch(kind: .queue, name: "q", argument: "x-max-length", ours: nil, theirs: "9")
        #expect(mismatch.told == "queue 'q' is there with another x-max-length: ours is not set, theirs is '9'")
    }
}
