import Glibc
import MessageSchema

/// A file of rows, read record by record in bounded memory: NDJSON, or CSV with its header. A record ends at a line
/// break outside quotes.
final class SeedFile {
    /// One record where it is in the file.
    struct Record {
        var bytes: [UInt8]
        var offset: Int
        /// From 1.
        var line: Int
    }

    /// A record is a row of at most this; a quote that is never closed would make one of the rest of the file.
    static let recordBytesMax = 1 << 20

    let path: String
    let isCSV: Bool
    let size: Int
    private let descriptor: Int32
    private let modified: timespec
    private var buffer: [UInt8] = []
    /// Of the first byte of the buffer in the file.
    private var base = 0
    private var start = 0
    private var line = 1
    /// Where reading ends: the file's end, or that of a stretch.
    private var limit: Int

    /// - Throws: `SeedFileFailure` if it can't be opened, or is not a file that can be read twice.
    init(_ path: String) throws {
        self.path = path
        isCSV = !path.hasSuffix(".ndjson") && !path.hasSuffix(".jsonl")
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw SeedFileFailure("can't be opened: \(String(cString: strerror(errno)))") }
        var status = stat()
        fstat(descriptor, &status)
        modified = status.st_mtim
        size = Int(status.st_size)
        limit = size
        if status.st_mode & S_IFMT != S_IFREG {
            close(descriptor)
            throw SeedFileFailure("is not a plain file; it is read twice, so save it to one first")
        }
    }

    deinit { close(descriptor) }

    /// From the first record again; told if the file is not what it was.
    func rewind() throws {
        try requireUnchanged()
        (buffer, base, start, line, limit) = ([], 0, 0, 1, size)
    }

    /// Goes on with the records of a stretch that was read before, and ends after it.
    func go(to offset: Int, bytes: Int, line: Int) {
        (buffer, base, start, self.line, limit) = ([], offset, 0, line, offset + bytes)
    }

    /// Where the next record begins, at the earliest.
    var position: Int { base + start }

    func requireUnchanged() throws {
        var status = stat()
        fstat(descriptor, &status)
        if Int(status.st_size) != size || status.st_mtim.tv_sec != modified.tv_sec
            || status.st_mtim.tv_nsec != modified.tv_nsec
        {
            throw SeedFileFailure("changed while it was read; import it again when nobody writes to it")
        }
    }

    /// The next record that is not empty; nil at the end.
    func next() throws -> Record? {
        if base == 0, start == 0 {
            try fill()
            if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
        }
        while true {
            let firstLine = line
            var end = start
            var lineBreaks = 0
            var isAtEnd = false
            var quotes = 0
            while true {
                guard let found = try lineEnd(from: &end) else {
                    isAtEnd = true
                    break
                }
                if isCSV { quotes += count(of: UInt8(ascii: "\""), in: end..<found) }
                end = found + 1
                lineBreaks += 1
                if !isCSV || quotes % 2 == 0 || end - start > SeedFile.recordBytesMax { break }
            }
            // The buffer may have moved: `start` moved with it.
            let bytes = start..<(isAtEnd ? buffer.count : end - 1)
            if bytes.isEmpty, isAtEnd { return nil }
            let offset = base + start
            start = isAtEnd ? buffer.count : end
            line = firstLine + lineBreaks
            var trimmed = bytes
            if let last = trimmed.last, buffer[last] == UInt8(ascii: "\r") { trimmed = trimmed.dropLast() }
            if trimmed.allSatisfy({ buffer[$0] == 0x20 || buffer[$0] == 0x09 }) { continue }
            return Record(bytes: Array(buffer[trimmed]), offset: offset, line: firstLine)
        }
    }

    /// After a record whose quotes are wrong: goes on with the line after its first one, so that the rows that it
    /// swallowed are looked at, too.
    func resume(after record: Record) {
        guard let lineBreak = record.bytes.firstIndex(of: UInt8(ascii: "\n")) else { return }
        let next = record.offset + lineBreak + 1 - base
        if next < 0 || next > start { return }
        start = next
        line = record.line + 1
    }

    private func count(of byte: UInt8, in range: Range<Int>) -> Int {
        var count = 0
        for index in range where buffer[index] == byte { count += 1 }
        return count
    }

    /// The next line feed at or after `from`, reading on as needed; nil: there is none.
    private func lineEnd(from: inout Int) throws -> Int? {
        var searched = from
        while true {
            let found = buffer.withUnsafeBytes { bytes -> Int? in
                guard let base = bytes.baseAddress,
                    let found = memchr(base + searched, 0x0A, bytes.count - searched)
                else { return nil }
                return UnsafeRawPointer(found) - base
            }
            if let found { return found }
            if buffer.count - start > SeedFile.recordBytesMax {
                throw SeedFileFailure("has more than 1 MiB without a line break, from line \(line) on")
            }
            searched = buffer.count
            let moved = start
            if !(try fill()) { return nil }
            from -= moved
            searched -= moved
        }
    }

    /// Reads on; false at the end of the file. What comes before `start` goes.
    @discardableResult
    private func fill() throws -> Bool {
        if start > 0 {
            buffer.removeFirst(start)
            base += start
            start = 0
        }
        let used = buffer.count
        let chunk = min(1 << 18, limit - base - used)
        if chunk <= 0 { return false }
        buffer.append(contentsOf: repeatElement(0, count: chunk))
        let got = buffer.withUnsafeMutableBytes { bytes in
            while true {
                let got = pread(descriptor, bytes.baseAddress?.advanced(by: used), chunk, off_t(base + used))
                if got >= 0 || errno != EINTR { return got }
            }
        }
        let failure = errno
        buffer.removeLast(chunk - max(0, got))
        if got < 0 { throw SeedFileFailure("can't be read: \(String(cString: strerror(failure)))") }
        return got > 0
    }
}

struct SeedFileFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
}
