import Testing

@testable import AMQPClient

@Suite struct AMQPAddressTests {
    @Test(arguments: [
        ("amqp://localhost", AMQPAddress(host: "localhost")),
        ("amqp://localhost/", AMQPAddress(host: "localhost")),
        ("amqp://localhost//", AMQPAddress(host: "localhost")),
        ("AMQP://localhost:5673/%2F", AMQPAddress(host: "localhost", port: 5673)),
        (
            "amqp://us%40er:p%3Aw%2F@mq.example:1/a%20b",
            AMQPAddress(host: "mq.example", port: 1, user: "us@er", password: "p:w/", virtualHost: "a b")
        ),
        ("amqp://u:a@b@host", AMQPAddress(host: "host", user: "u", password: "a@b")),
        ("amqp://u@host/v", AMQPAddress(host: "host", user: "u", password: "", virtualHost: "v")),
        ("amqp://u:@host/v", AMQPAddress(host: "host", user: "u", password: "", virtualHost: "v")),
        ("amqp://[::1]:99/v", AMQPAddress(host: "::1", port: 99, virtualHost: "v")),
        ("amqp://[fe80::1]", AMQPAddress(host: "fe80::1")),
        ("amqps://mq.example", AMQPAddress(host: "mq.example", port: 5671, usesTLS: true, user: nil, password: "")),
        (
            "amqps://u:p@mq.example/x",
            AMQPAddress(host: "mq.example", port: 5671, usesTLS: true, user: "u", password: "p", virtualHost: "x")
        ),
        ("amqp://host/%C3%A4", AMQPAddress(host: "host", virtualHost: "ä")),
    ])
    func parses(text: String, expected: AMQPAddress) throws {
        #expect(try AMQPAddress(parsing: text) == expected)
    }

    @Test(arguments: [
        "", "localhost", "http://localhost", "amqp://", "amqp://:5672", "amqp://host:0", "amqp://host:65536",
        "amqp://host:x", "amqp://[::1", "amqp://[::1]x", "amqp://:secret@host", "amqp://host/a/b", "amqp://host/%2",
        "amqp://host/%zz", "amqp://u%00:p@host", "amqp://host?heartbeat=5", "amqp://ho st", "amqp://u:%ff@host",
    ])
    func refuses(text: String) {
        #expect { try AMQPAddress(parsing: text) } throws: { error in
            guard let error = error as? AMQPError else { return false }
            return error.code == .badAddress && !error.message.contains("secret")
        }
    }

    @Test func neverShowsThePassword() throws {
        let address = try AMQPAddress(parsing: "amqp://user:hush@host/v%2F1")
        #expect(address.description == "amqp://user@host:5672/v%2F1")
        #expect(try AMQPAddress(parsing: "amqp://[::1]").description == "amqp://guest@[::1]:5672/%2F")
    }

    @Test func knowsNumericHosts() throws {
        #expect(AMQPAddress(host: "127.0.0.1").hostIsNumeric)
        #expect(AMQPAddress(host: "::1").hostIsNumeric)
        #expect(!AMQPAddress(host: "a.b.c.d").hostIsNumeric)
        #expect(!AMQPAddress(host: "localhost").hostIsNumeric)
    }
}
