/// What happened, in order: the last lines to read, and a digest over all of them to compare two runs.
public struct Trace: Sendable {
    private var lines: [String] = []
    private var head: [String] = []
    private var next = 0
    private static let headKept = 5
    private static let kept = 2_000
    public private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    public private(set) var count = 0

    mutating func note(_ line: String) {
        for byte in line.utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
        digest = (digest ^ 0x0A) &* 0x100_0000_01b3
        count += 1
        if count <= Trace.headKept { head.append(line) }
        if lines.count < Trace.kept {
            lines.append(line)
        } else {
            lines[next] = line
            next = (next + 1) % Trace.kept
        }
    }

    /// The first lines, which say what world it is, and the last ones, oldest first.
    public func tail(_ count: Int) -> [String] {
        let last = (Array(lines[next...]) + Array(lines[..<next])).suffix(count)
        return count > 0 && self.count > count ? head + ["…"] + last : Array(last)
    }
}
