import Glibc
import MessageSchema

/// The journal's files: numbered NDJSON in a directory of their own, the oldest of which goes when there are too many.
/// One writer at a time, held by a lock; readers need none.
struct ShadowJournal: Sendable {
    struct Failure: Error {
        let text: String

        init(_ text: String, _ code: Int32 = 0) {
            self.text = code == 0 ? text : "\(text): \(String(cString: strerror(code)))"
        }
    }

    /// The journal is kept in so many files, of which the oldest goes as a whole.
    static let filesMax: Int64 = 16

    let directory: String
    private let fileBytesMax: Int64
    private let lock: Int32
    private var descriptor: Int32 = -1
    private var number: Int64 = 0
    private var size: Int64 = 0
    /// It has no beginning yet.
    let isNew: Bool

    /// - Parameter bytesMax: of all files together, about.
    /// - Throws: `Failure`, also when another process writes to it.
    init(directory: String, bytesMax: Int64) throws(Failure) {
        self.directory = directory
        fileBytesMax = max(4096, bytesMax / ShadowJournal.filesMax)
        if mkdir(directory, 0o700) != 0, errno != EEXIST { throw Failure("\(directory) can't be made", errno) }
        lock = open("\(directory)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if lock < 0 { throw Failure("\(directory) can't be written to", errno) }
        if flock(lock, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            Glibc.close(lock)
            throw code == EWOULDBLOCK
                ? Failure(
                    "another backorderd shadow writes to \(directory); stop it, or give this one a --store of its own")
                : Failure("\(directory) can't be locked", code)
        }
        let last = ShadowJournal.numbers(in: directory).last
        isNew = !fileExists("\(directory)/begun")
        number = last ?? 1
        try openFile()
        try dropTornLine()
    }

    /// Its beginning is written as a whole.
    func begun() throws(Failure) {
        let marker = open("\(directory)/begun", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        if marker < 0 { throw Failure("\(directory) can't be written to", errno) }
        fsync(marker)
        Glibc.close(marker)
    }

    /// Whether a shadow writes to it now, as one does that has lost its broker.
    static func isInUse(_ directory: String) -> Bool {
        let descriptor = open("\(directory)/lock", O_RDWR | O_CLOEXEC)
        if descriptor < 0 { return false }
        defer { Glibc.close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    /// All that a shadow makes in the directory, the marks included.
    static func everything(in directory: String) -> [String] {
        files(in: directory) + ["\(directory)/begun", "\(directory)/lock"].filter(fileExists)
    }

    /// By number, oldest first.
    static func files(in directory: String) -> [String] { numbers(in: directory).map { path(directory, $0) } }

    private static func path(_ directory: String, _ number: Int64) -> String {
        let digits = String(number)
        return "\(directory)/\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits).ndjson"
    }

    private static func numbers(in directory: String) -> [Int64] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var numbers: [Int64] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".ndjson"), let number = Int64(name.dropLast(7)) { numbers.append(number) }
        }
        return numbers.sorted()
    }

    private mutating func openFile() throws(Failure) {
        let path = ShadowJournal.path(directory, number)
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if opened < 0 { throw Failure("\(path) can't be opened", errno) }
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = opened
        size = Int64(lseek(descriptor, 0, SEEK_END))
    }

    /// A line that a crash cut off: its messages are still in the outbox, and come again whole.
    private mutating func dropTornLine() throws(Failure) {
        var end = size
        var byte: UInt8 = 0
        while end > 0, pread(descriptor, &byte, 1, off_t(end - 1)) == 1, byte != 0x0A { end -= 1 }
        if end == size { return }
        if ftruncate(descriptor, off_t(end)) != 0 { throw Failure("a torn line can't be cut off", errno) }
        size = end
    }

    /// Appends whole lines; when it returns they are on the disk. If it throws, nothing was appended.
    mutating func append(_ bytes: [UInt8]) throws(Failure) {
        if size > 0, size + Int64(bytes.count) > fileBytesMax { try rotate() }
        let written = bytes.withUnsafeBytes { buffer -> Int32 in
            var offset = 0
            while offset < buffer.count {
                let count = pwrite(
                    descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset,
                    off_t(size) + off_t(offset))
                if count > 0 { offset += count } else if errno != EINTR { return errno }
            }
            return fdatasync(descriptor) == 0 ? 0 : errno
        }
        if written != 0 {
            ftruncate(descriptor, off_t(size))
            throw Failure("the shadow's journal can't be written", written)
        }
        size += Int64(bytes.count)
    }

    /// Lets another writer in. Nothing more is appended.
    func close() {
        Glibc.close(descriptor)
        Glibc.close(lock)
    }

    private mutating func rotate() throws(Failure) {
        number += 1
        do throws(Failure) {
            try openFile()
        } catch {
            number -= 1
            throw error
        }
        let handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if handle >= 0 {
            fsync(handle)
            Glibc.close(handle)
        }
        for old in ShadowJournal.numbers(in: directory) where old <= number - ShadowJournal.filesMax {
            unlink(ShadowJournal.path(directory, old))
        }
    }
}
