import Glibc

func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Reads a descriptor line by line in bounded memory. A line longer than `limit` is skimmed: its bytes are dropped and
/// it is reported as too long.
struct LineReader: ~Copyable {
    enum Line {
        case bytes([UInt8])
        case tooLong(bytes: Int)
    }

    private let descriptor: Int32
    private let limit: Int
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private var skipped = 0

    init(descriptor: Int32, limit: Int) {
        self.descriptor = descriptor
        self.limit = limit
    }

    /// nil at the end of the input; throws the errno of a failed read.
    mutating func next() throws(ReadFailure) -> Line? {
        while true {
            if let end = newline() {
                let line = skipped > 0 ? Line.tooLong(bytes: skipped + end - start) : line(start..<end)
                start = end + 1
                skipped = 0
                return line
            }
            if buffer.count - start > limit {
                skipped += buffer.count - start
                start = buffer.count
            }
            if isAtEnd {
                let rest = buffer.count - start
                defer {
                    start = buffer.count
                    skipped = 0
                }
                if skipped > 0 { return .tooLong(bytes: skipped + rest) }
                return rest > 0 ? line(start..<buffer.count) : nil
            }
            try fill()
        }
    }

    private func line(_ range: Range<Int>) -> Line {
        range.count > limit ? .tooLong(bytes: range.count) : .bytes(Array(buffer[range]))
    }

    private func newline() -> Int? {
        let from = start
        return buffer.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress, let found = memchr(base + from, 0x0A, bytes.count - from) else {
                return nil
            }
            return UnsafeRawPointer(found) - base
        }
    }

    private mutating func fill() throws(ReadFailure) {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        let chunk = 1 << 18
        let used = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: chunk))
        let count = buffer.withUnsafeMutableBytes { bytes in
            while true {
                let count = read(descriptor, bytes.baseAddress?.advanced(by: used), chunk)
                if count >= 0 || errno != EINTR { return count }
            }
        }
        let failure = errno
        buffer.removeLast(chunk - max(0, count))
        if count < 0 { throw ReadFailure(code: failure) }
        if count == 0 { isAtEnd = true }
    }
}

struct ReadFailure: Error {
    let code: Int32
    var text: String { String(cString: strerror(code)) }
}
