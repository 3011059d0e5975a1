import InventoryCore
import Testing

/// Names are compared, ordered and hashed byte for byte, however Swift keeps them.
@Suite struct IdentifierTests {
    /// The same text, kept in other ways: in place if it is short, and in a storage of its own.
    private static func kept(_ bytes: [UInt8]) -> [Identifier] {
        let text = String(decoding: bytes, as: UTF8.self)
        var stored = String(repeating: "x", count: 64)
        stored.removeAll(keepingCapacity: true)
        stored += text
        return [Identifier(text), Identifier(stored)]
    }

    /// Texts of 0 to 20 bytes, of which many share a beginning; zeros, and characters of two to four bytes among them.
    private static let texts: [[UInt8]] = {
        let pieces: [[UInt8]] = ["a", "b", "\0", "A", "é", "€", "😀", "\u{7F}", "-", "0"].map { Array($0.utf8) }
        var random = SystemRandomNumberGenerator()
        var texts: [[UInt8]] = [[]]
        for _ in 0..<250 {
            var bytes = texts.randomElement(using: &random) ?? []
            if bytes.count > 12 { bytes = Array("SKU-00".utf8) }
            for _ in 0..<Int.random(in: 1...4, using: &random) { bytes += pieces.randomElement(using: &random) ?? [] }
            texts.append(bytes)
        }
        return texts
    }()

    @Test func areOrderedByTheirBytes() {
        for left in Self.texts {
            for right in Self.texts {
                for (one, other) in zip(
                    Self.kept(left) + Self.kept(left), Self.kept(right) + Self.kept(right).reversed())
                {
                    #expect((one < other) == left.lexicographicallyPrecedes(right), "\(left) \(right)")
                    #expect((one == other) == (left == right), "\(left) \(right)")
                }
            }
        }
    }

    @Test func theSameTextHasOneHash() {
        for bytes in Self.texts {
            let hashes = Self.kept(bytes).map(\.hashValue)
            #expect(hashes[0] == hashes[1], "\(bytes)")
        }
        // And others mostly have others.
        let distinct = Set(Self.texts)
        #expect(Set(distinct.map { Self.kept($0)[0].hashValue }).count > distinct.count / 2)
        #expect(Set(distinct.map { Self.kept($0)[0] }).count == distinct.count)
    }

    /// By Unicode they would be one.
    @Test func equivalentCharactersAreOtherNames() {
        #expect(Identifier("caf\u{E9}") != Identifier("cafe\u{301}"))
    }
}
