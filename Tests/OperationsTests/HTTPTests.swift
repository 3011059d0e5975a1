import Testing

@testable import Operations

@Suite struct HTTPRequestTests {
    private func head(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

    @Test func aHeadIsRead() throws {
        let request = try HTTPRequest(
            head: head("GET /item/A%2F1?sku=a+b%26c&sku=%E2%98%83&empty= HTTP/1.1\nHost: localhost\nX-A:  b \n\n"))
        #expect(request.path == ["item", "A/1"])
        #expect(request.value("sku") == "☃")
        #expect(request.query.first?.value == "a b&c")
        #expect(request.value("empty") == nil)
        #expect(request.headers["x-a"] == "b")
        #expect(!request.isHead)
    }

    @Test func aSlashAtTheEndMakesNoDifference() throws {
        #expect(try HTTPRequest(head: head("GET / HTTP/1.0\n\n")).path == [])
        #expect(try HTTPRequest(head: head("HEAD /metrics/ HTTP/1.0\n\n")).path == ["metrics"])
    }

    @Test(arguments: [
        ("GET /\n\n", HTTPRefusal.malformed), ("GET  / HTTP/1.1\nHost: a\n\n", .malformed), ("\n\n", .malformed),
        ("GET /%2 HTTP/1.1\nHost: a\n\n", .malformed), ("GET /%ff HTTP/1.1\nHost: a\n\n", .malformed),
        ("GET /?a=%00 HTTP/1.1\nHost: a\n\n", .malformed), ("GET * HTTP/1.1\nHost: a\n\n", .malformed),
        ("GET http://a/ HTTP/1.1\nHost: a\n\n", .malformed), ("GET / HTTP/1.1\n\n", .malformed),
        ("GET / HTTP/1.1\nHost: a\n folded\n\n", .malformed), ("GET / HTTP/1.1\nHost\n\n", .malformed),
        ("GET / HTTP/2.0\nHost: a\n\n", .versionNotSupported), ("DELETE / HTTP/1.1\nHost: a\n\n", .methodNotAllowed),
        ("GET / HTTP/1.1\nHost: a\nContent-Length: 3\n\n", .bodyNotAllowed),
        ("GET / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n", .bodyNotAllowed),
    ]) func whatIsWrongIsRefused(_ text: String, _ refusal: HTTPRefusal) {
        #expect(throws: refusal) { try HTTPRequest(head: head(text)) }
    }

    /// Whatever the bytes are: a request or a refusal.
    @Test func anyBytesAreAnswered() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("GET / HTTP/1.1\r\n:%?&=+a\u{0}é".utf8)
        var read = 0
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            if let end = HTTPRequest.headEnd(in: bytes) { #expect(end <= bytes.count) }
            if (try? HTTPRequest(head: Array("GET /".utf8) + bytes + Array(" HTTP/1.0\r\n\r\n".utf8))) != nil {
                read += 1
            }
        }
        #expect(read > 0)
    }

    @Test func theHeadEndsAtTheEmptyLine() {
        #expect(HTTPRequest.headEnd(in: Array("GET / HTTP/1.1\r\nA: b\r\n\r\nrest".utf8)) == 24)
        #expect(HTTPRequest.headEnd(in: Array("GET / HTTP/1.1\n\n".utf8)) == 16)
        #expect(HTTPRequest.headEnd(in: Array("GET / HTTP/1.1\r\nA: b\r\n".utf8)) == nil)
    }
}

@Suite struct AccessTests {
    private func request(_ headers: [String: String]) -> HTTPRequest {
        HTTPRequest(isHead: false, path: [], query: [], headers: headers)
    }

    @Test(arguments: [
        ("127.0.0.1:9473", true), ("localhost", true), ("LOCALHOST:1", true), ("[::1]:9473", true), ("10.1.2.3", true),
        ("evil.example", false), ("127.0.0.1.evil.example", false), ("", false), ("localhost.evil.example", false),
    ]) func withoutATokenOnlyAddressesAreServed(_ host: String, _ isServed: Bool) {
        #expect((Access(token: nil).refusal(of: request(["host": host])) == nil) == isServed)
    }

    @Test(arguments: [
        ("Bearer 0123456789abcdef", true), ("bearer 0123456789abcdef", true),
        ("Basic eDowMTIzNDU2Nzg5YWJjZGVm", true), ("Bearer 0123456789abcdeg", false), ("Bearer ", false),
        ("Bearer 0123456789abcdef0", false), ("Bearer 0123456789abcde", false), ("Basic !!", false), ("Basic", false),
        ("Digest 0123456789abcdef", false), ("", false),
    ]) func theTokenIsAskedFor(_ header: String, _ isServed: Bool) {
        let access = Access(token: "0123456789abcdef")
        let refusal = access.refusal(of: request(["authorization": header, "host": "ops.example"]))
        #expect((refusal == nil) == isServed)
        if let refusal { #expect(refusal.status == 401) }
    }
}

@Suite struct HTMLTests {
    @Test func foreignTextIsText() {
        let name = "<b a=\"x\" b='y'>&amp;\u{202e}\u{1}"
        let html: HTML = "<p title=\"\(name)\">\(name)</p>"
        let text = "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;\u{fffd}\u{fffd}"
        #expect(html.text == "<p title=\"\(text)\">\(text)</p>")
    }

    @Test(arguments: ["..", ".", "a/b", "a b", "é", "%41", "a&b=c", "+", "#?"])
    func anAddressLeadsBack(_ name: String) throws {
        let address = Address.query("/item", [("sku", name), ("none", nil)])
        let request = try HTTPRequest(head: Array("GET \(address) HTTP/1.0\r\n\r\n".utf8))
        #expect(request.path == ["item"])
        #expect(request.value("sku") == name)
        #expect(request.query.count == 1)
    }
}
