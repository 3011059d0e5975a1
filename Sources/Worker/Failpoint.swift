#if DEBUG
import Glibc
import MessageSchema

/// Builds for tests only: the process ends as if killed when it looks at a message named in the environment variable
/// `BACKORDERD_FAILPOINT_POISON` (ids with commas between; one that ends in `*` names all that begin so).
enum Failpoint {
    private static let deadly: [String] = {
        guard let text = getenv("BACKORDERD_FAILPOINT_POISON") else { return [] }
        return String(cString: text).split(separator: ",").map { String($0) }
    }()

    static func look(at delivery: InboundDelivery) {
        if deadly.isEmpty { return }
        guard let id = MessageLabel(delivery.body, envelope: delivery.envelope).id else { return }
        for name in deadly where name == id || name.hasSuffix("*") && id.hasPrefix(name.dropLast()) {
            kill(getpid(), SIGKILL)
        }
    }
}
#endif
