import Testing

@testable import AMQPClient

@Suite struct PropertyTests {
    static let everyKind: [Header] = [
        Header("", .string("an empty name")),
        Header("boolean", .boolean(true)), Header("no", .boolean(false)),
        Header("int8", .int8(-8)), Header("uint8", .uint8(200)),
        Header("int16", .int16(-30_000)), Header("uint16", .uint16(60_000)),
        Header("int32", .int32(-2_000_000_000)), Header("uint32", .uint32(4_000_000_000)),
        Header("int64", .int64(.min)), Header("uint64", .uint64(.max)),
        Header("float", .float(1.5)), Header("double", .double(-0.1)),
        Header("decimal", .decimal(scale: 2, value: 1999)),
        Header("string", .string("Grüße, a string that is longer than fifteen bytes")),
        Header("invalid", .invalidString([0xFF, 0x00, 0x41])),
        Header("bytes", .bytes([0, 1, 255])), Header("none", .bytes([])),
        Header("timestamp", .timestamp(1_700_000_000)),
        Header("void", .void),
        Header("array", .array([.int32(1), .string("two"), .array([.void]), .table([])])),
        Header("table", .table([Header("inner", .table([Header("x", .int8(1))])), Header("inner", .void)])),
        Header("table", .string("the name again")),
    ]

    private func full() -> MessageProperties {
        var properties = MessageProperties()
        properties.contentType = "application/json; charset=utf-8"
        properties.contentEncoding = "identity"
        properties.headers = Self.everyKind
        properties.deliveryMode = 1
        properties.priority = 9
        properties.correlationID = "c"
        properties.replyTo = "r"
        properties.expiration = "60000"
        properties.messageID = "m"
        properties.timestamp = 1_700_000_000
        properties.type = "t"
        properties.userID = "u"
        properties.appID = "a"
        properties.clusterID = "k"
        return properties
    }

    @Test func everythingSurvivesTheWayThroughC() {
        #expect(PropertyRoundTrip.run(full()) == DecodedProperties(properties: full()))
    }

    @Test func absentStaysAbsent() {
        var bare = MessageProperties()
        bare.deliveryMode = 2
        #expect(PropertyRoundTrip.run(MessageProperties()) == DecodedProperties(properties: bare))
    }

    @Test func nestingOverTheLimitIsCutAndSaid() {
        var value = HeaderValue.int8(1)
        for _ in 0..<200 { value = .array([value]) }
        var properties = full()
        properties.headers = [Header("deep", value), Header("after", .boolean(true))]
        let decoded = PropertyRoundTrip.run(properties)
        #expect(decoded.headersTruncated && decoded.headersInvalid)
        #expect(decoded.properties.headers.map(\.name) == ["deep", "after"])
        #expect(decoded.properties.messageID == "m")
    }

    @Test func tooManyValuesAreCutAndSaid() {
        var properties = MessageProperties()
        properties.headers = (0..<3_000).map { Header("h\($0)", .void) }
        let decoded = PropertyRoundTrip.run(properties)
        #expect(decoded.headersTruncated)
        #expect(decoded.properties.headers.count == 2_048)
    }

    @Test func tooManyBytesAreCutAndSaid() {
        var properties = MessageProperties()
        properties.headers = [
            Header("big", .bytes([UInt8](repeating: 7, count: 120_000))),
            Header("more", .string(String(repeating: "x", count: 20_000))),
        ]
        let decoded = PropertyRoundTrip.run(properties)
        #expect(decoded.headersTruncated)
        #expect(decoded.properties.headers.map(\.name) == ["big"])
    }

    @Test func rules() {
        func problem(_ change: (inout OutgoingMessage) -> Void) -> String? {
            var message = OutgoingMessage(
                handle: 1, exchange: "e", routingKey: "k", properties: full(), body: [1, 2, 3])
            change(&message)
            return MessageRules.problem(of: message, frameMax: 131_072, bodyBytesMax: 10)
        }
        let long = String(repeating: "x", count: 256)
        #expect(problem { _ in } == nil)
        #expect(problem { $0.routingKey = long } != nil)
        #expect(problem { $0.exchange = long } != nil)
        #expect(problem { $0.properties.type = long } != nil)
        #expect(problem { $0.properties.headers.append(Header(long, .void)) } != nil)
        #expect(problem { $0.body = [UInt8](repeating: 0, count: 11) } != nil)
        #expect(
            problem { $0.properties.headers.append(Header("x", .bytes([UInt8](repeating: 0, count: 131_000)))) } != nil)
        #expect(
            problem {
                var value = HeaderValue.void
                for _ in 0..<100 { value = .array([value]) }
                $0.properties.headers = [Header("deep", value)]
            } != nil)
    }
}
