import InventoryCore
import Testing

@testable import MessageSchema

/// Parses and writes again; what is not JSON becomes the rejection's detail.
private func compact(_ bytes: [UInt8]) -> String {
    do {
        return try bytes.withUnsafeBufferPointer { (text) throws(Rejection) -> String in
            try JSONDocument.withParsed(text) { (document) throws(Rejection) -> String in
                document.compact(JSONDocument.root)
            }
        }
    } catch {
        return error.detail
    }
}

@Suite struct JSONParserTests {
    @Test(arguments: [
        ("{}", "{}"), (" [ ] ", "[]"), ("[1, 2 ,3]", "[1,2,3]"), ("null", "null"), ("true", "true"), ("false", "false"),
        ("-0", "-0"), ("1E+2", "1E+2"), ("0.10e-07", "0.10e-07"), (#""""#, #""""#), (#"" a ""#, #"" a ""#),
        ("{ \"b\" : 1 ,\n\t\"a\":[ {} , { } ] }\r\n", #"{"b":1,"a":[{},{}]}"#),
        (#"{"a":{"a":{"a":1}}}"#, #"{"a":{"a":{"a":1}}}"#),
        (#""\u00e9\n\/\uD83D\uDE00é😀""#, #""\u00e9\n\/\uD83D\uDE00é😀""#), ("\u{FEFF}{}", "{}"),
        (#"{"":0}"#, #"{"":0}"#),
        (#"{"a":1,"A":2,"\u0000a":3}"#, #"{"a":1,"A":2,"\u0000a":3}"#),
        ("\"\u{7F}\u{10FFFF}\"", "\"\u{7F}\u{10FFFF}\""),
    ])
    func accepts(text: String, written: String) {
        #expect(compact(Array(text.utf8)) == written)
    }

    @Test(arguments: [
        ("", "not JSON: it is empty"), ("  \n", "not JSON: it is empty"),
        ("{", "not JSON at byte 1: it ends inside an object"),
        ("[", "not JSON at byte 1: it ends inside a list"), ("[1", "not JSON at byte 2: it ends inside a list"),
        ("[1,", "not JSON at byte 3: it ends inside a list"), ("[1,]", "not JSON at byte 3: a value is expected"),
        ("{\"a\"", "not JSON at byte 4: it ends inside an object"),
        ("{\"a\":", "not JSON at byte 5: it ends too early"),
        ("{\"a\":1,}", "not JSON at byte 7: a key in double quotes is expected"),
        ("{'a':1}", "not JSON at byte 1: a key in double quotes is expected"),
        ("{a:1}", "not JSON at byte 1: a key in double quotes is expected"),
        ("{\"a\" 1}", "not JSON at byte 5: a colon is expected"),
        ("{\"a\":1 \"b\":2}", "not JSON at byte 7: a comma or } is expected"),
        ("[1 2]", "not JSON at byte 3: a comma or ] is expected"),
        ("[1}", "not JSON at byte 2: a comma or ] is expected"),
        ("{} {}", "not JSON at byte 3: there is more after the end of the value"),
        ("{}\u{0}", "not JSON at byte 2: there is more after the end of the value"),
        ("NaN", "not JSON at byte 0: a value is expected"), ("nul", "not JSON at byte 0: a value is expected"),
        ("True", "not JSON at byte 0: a value is expected"), ("undefined", "not JSON at byte 0: a value is expected"),
        ("Infinity", "not JSON at byte 0: a value is expected"),
        ("-Infinity", "not JSON at byte 1: a digit is expected"),
        ("nullx", "not JSON at byte 4: there is more after the end of the value"),
        ("01", "not JSON at byte 0: a number must not begin with 0"),
        ("-01", "not JSON at byte 1: a number must not begin with 0"),
        ("1.", "not JSON at byte 2: a digit is expected"), (".5", "not JSON at byte 0: a value is expected"),
        ("1e", "not JSON at byte 2: a digit is expected"), ("1e+", "not JSON at byte 3: a digit is expected"),
        ("+1", "not JSON at byte 0: a value is expected"), ("-", "not JSON at byte 1: a digit is expected"),
        ("0x10", "not JSON at byte 1: there is more after the end of the value"),
        ("\"abc", "not JSON at byte 4: it ends inside a text"), ("\"\\", "not JSON at byte 1: it ends inside a text"),
        ("\"\\x\"", "not JSON at byte 1: an unknown escape in a text"),
        ("\"\\u12g4\"", "not JSON at byte 1: four hexadecimal digits are expected after \\u"),
        ("\"\\u12", "not JSON at byte 1: four hexadecimal digits are expected after \\u"),
        ("\"\\ud800\"", "not JSON at byte 1: half of a surrogate pair"),
        ("\"\\udc00\"", "not JSON at byte 1: half of a surrogate pair"),
        ("\"\\ud800\\ud800\"", "not JSON at byte 1: half of a surrogate pair"),
        ("\"\\ud800\\n\"", "not JSON at byte 1: half of a surrogate pair"),
        ("\"\\ud800", "not JSON at byte 1: half of a surrogate pair"),
        ("\"a\nb\"", "not JSON at byte 2: a control character in a text must be escaped"),
        ("\"\u{0}\"", "not JSON at byte 1: a control character in a text must be escaped"),
        ("// x\n{}", "not JSON at byte 0: a value is expected"), ("{\"a\":1,\"b\":2,\"a\":3}", "duplicate key \"a\""),
        ("[{\"sku\":1,\"\\u0073ku\":3}]", "duplicate key \"sku\""),
    ])
    func refuses(text: String, detail: String) {
        #expect(compact(Array(text.utf8)) == detail)
    }

    @Test(arguments: [
        [0x80], [0xBF], [0xC0, 0xAF], [0xC1, 0xBF], [0xC2], [0xC2, 0x22], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
        [0xE2, 0x82],
        [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
        [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xE2, 0x28, 0xA1],
        [0xF0, 0x28, 0x8C, 0xBC],
        [0xC3, 0xC3, 0xA9],
    ])
    func refusesWhatIsNotUTF8(bytes: [UInt8]) {
        let prefix: [UInt8] = [0x22, 0x61]
        #expect(compact(prefix + bytes + [0x22]).hasPrefix("not JSON at byte 2: "))
        #expect(compact(prefix + bytes).hasPrefix("not JSON at byte 2: "))
        #expect(compact(bytes).hasPrefix("not JSON at byte 0: "))
    }

    @Test func nestingIsBounded() {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(compact(nested(64)).count == 128)
        #expect(compact(nested(65)) == "nested deeper than 64 levels")
        #expect(compact(nested(500_000)) == "nested deeper than 64 levels")
        #expect(compact([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)) == "nested deeper than 64 levels")
    }

    @Test func manyKeys() {
        let members = (0..<20_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(compact(Array("{\(members)}".utf8)).utf8.count == members.utf8.count + 2)
        #expect(compact(Array("{\(members),\"k7\":0}".utf8)) == "duplicate key \"k7\"")
    }

    @Test(arguments: [
        ("0", JSONNumber.Whole.value(0), "0"), ("-0", .value(0), "0"), ("0.000", .value(0), "0"),
        ("0e999", .value(0), "0"),
        ("2", .value(2), "2"), ("2.0", .value(2), "2"), ("2e0", .value(2), "2"), ("0.2e1", .value(2), "2"),
        ("20e-1", .value(2), "2"), ("200E-2", .value(2), "2"), ("0.0002e+4", .value(2), "2"), ("20", .value(20), "2e1"),
        ("2.5", .fraction, "25e-1"), ("2.50", .fraction, "25e-1"), ("25e-1", .fraction, "25e-1"),
        ("0.05", .fraction, "5e-2"),
        ("-1.5", .fraction, "-15e-1"), ("1e-400", .fraction, "1e-400"), ("1e300", .tooLarge, "1e300"),
        ("-7", .value(-7), "-7"),
        ("101.010", .fraction, "10101e-2"), ("1.000000001e9", .value(1_000_000_001), "1000000001"),
        ("999999999999999999", .value(999_999_999_999_999_999), "999999999999999999"),
        ("9999999999999999999", .tooLarge, "9999999999999999999"), ("1e18", .tooLarge, "1e18"),
        ("1e17", .value(100_000_000_000_000_000), "1e17"),
        ("1e99999999999999999999", .tooLarge, "!1e99999999999999999999"),
        ("1e-99999999999999999999", .fraction, "!1e-99999999999999999999"),
    ])
    func numbers(text: String, whole: JSONNumber.Whole, canonical: String) {
        Array(text.utf8).withUnsafeBufferPointer { bytes in
            let number = JSONNumber(bytes)
            #expect(number.whole == whole)
            var written: [UInt8] = []
            number.appendCanonical(to: &written)
            #expect(String(decoding: written, as: UTF8.self) == canonical)
        }
    }
}
