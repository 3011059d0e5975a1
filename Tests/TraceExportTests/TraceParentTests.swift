import Testing
import TraceExport

@Suite struct TraceParentTests {
    @Test func readsWhatW3CWritesAndNothingElse() throws {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let parent = try #require(TraceParent(text))
        #expect(parent.traceHigh == 0x0af7_6519_16cd_43dd && parent.traceLow == 0x8448_eb21_1c80_319c)
        #expect(parent.span == 0xb7ad_6b71_6920_3331 && parent.isSampled)
        #expect(parent.text == text)
        #expect(TraceParent("00-00000000000000000000000000000001-0000000000000001-02")?.isSampled == false)
        // A later version may have more behind it.
        #expect(TraceParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what") != nil)
        for wrong in [
            "", "00", text + "-x", text.uppercased(), "ff" + text.dropFirst(2), text.dropLast() + "g",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "ü0-af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] as [String] { #expect(TraceParent(wrong) == nil, "\(wrong)") }
    }
}
