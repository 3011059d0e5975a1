/// Passwords on the command line are seen by everybody who lists processes. Files and the environment are the better
/// place; where one is there all the same, it is overwritten before anything else is done.
public enum ArgumentSecrets {
    /// Call once, first of all, with one thread: what the process was started with is changed in place.
    public static func hide() {
        // The copy that the command line is parsed from.
        _ = CommandLine.arguments
        var entry = CommandLine.unsafeArgv
        while let argument = entry.pointee {
            hide(in: argument)
            entry = entry.advanced(by: 1)
        }
    }

    /// Puts asterisks over all between `://` and the last `@`, and over values of parameters behind a `?`.
    static func hide(in argument: UnsafeMutablePointer<CChar>) {
        var bytes: [UInt8] = []
        while argument[bytes.count] != 0 { bytes.append(UInt8(bitPattern: argument[bytes.count])) }
        for index in secretPlaces(of: bytes) { argument[index] = CChar(UInt8(ascii: "*")) }
    }

    static func secretPlaces(of bytes: [UInt8]) -> [Int] {
        let scheme = Array("://".utf8)
        guard
            let start = bytes.indices.dropLast(2).first(where: { Array(bytes[$0..<$0 + 3]) == scheme }).map({ $0 + 3 })
        else { return [] }
        var places: [Int] = []
        if let at = bytes.lastIndex(of: UInt8(ascii: "@")), at >= start,
            let colon = bytes[start..<at].firstIndex(of: UInt8(ascii: ":"))
        {
            places += colon + 1..<at
        }
        if let question = bytes[start...].firstIndex(of: UInt8(ascii: "?")) { places += question + 1..<bytes.count }
        return places
    }
}
