import CRabbitMQ

/// Properties through the library's own representation and back, as a delivery of our own message would come.
enum PropertyRoundTrip {
    static func run(_ properties: MessageProperties) -> DecodedProperties {
        let arena = CArena()
        var decoder = PropertyDecoder()
        var raw = unsafe arena.properties(properties)
        return unsafe decoder.properties(&raw)
    }
}
