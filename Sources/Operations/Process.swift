import Glibc
import Worker

/// What the kernel says of this process.
enum ProcessFigures {
    private static let startSeconds: Double = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec)
    }()

    static var families: [MetricFamily] {
        _ = startSeconds
        return [
            MetricFamily(.counter, "process_cpu_seconds_total", "CPU time used, of all threads.") {
                var time = timespec()
                clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
                return [.init([], Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)]
            },
            MetricFamily(gauge: "process_resident_memory_bytes", "Memory in use.") {
                let words = text("/proc/self/statm").split(separator: " ")
                return words.count > 1 ? Double(words[1]).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) } : nil
            },
            MetricFamily(gauge: "process_start_time_seconds", "When it began, in seconds since 1970.") {
                startSeconds
            },
        ]
    }

    private static func text(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
