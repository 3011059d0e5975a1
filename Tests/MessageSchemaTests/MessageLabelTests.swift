import InventoryCore
import Testing

@testable import MessageSchema

@Suite struct MessageLabelTests {
    @Test(
        arguments: [
            (#"{"id":"m1","type":"order-placed"}"#, Envelope(), "m1", "order-placed"),
            (#"{"id":"m1","type":"no-such-type"}"#, Envelope(type: "other", messageID: "other"), "m1", "no-such-type"),
            (#"{"order_id":"O"}"#, Envelope(type: "order-placed", messageID: "p1"), "p1", "order-placed"),
            (#"{"id":7}"#, Envelope(messageID: "p1"), "p1", nil),
            (#"{"id":"m1""#, Envelope(messageID: ""), nil, nil),
            ("[1]", Envelope(), nil, nil),
            ("", Envelope(), nil, nil),
            (
                "{}", Envelope(headers: [("cloudEvents:id", "c1"), ("cloudEvents:type", "com.acme.order-placed")]),
                "c1",
                "com.acme.order-placed"
            ),
        ] as [(String, Envelope, String?, String?)])
    func saysWhatCanBeRead(body: String, envelope: Envelope, id: String?, type: String?) {
        let label = MessageLabel(Array(body.utf8), envelope: envelope)
        #expect(label.id == id)
        #expect(label.type == type)
    }

    @Test(arguments: [[], [0], [255, 254], [0x1B, 0x5B, 0x33], Array(0...255)] as [[UInt8]])
    func base64BothWays(bytes: [UInt8]) {
        #expect(decodedBase64(encodedBase64(bytes)) == bytes)
    }

    @Test func partsOfARawDigestAreToldApart() {
        #expect(rawDigest([[1, 2], [3]]) != rawDigest([[1], [2, 3]]))
        #expect(rawDigest([[1], []]) != rawDigest([[1]]))
    }
}
