import Glibc
import MessageSchema

/// Builds for tests only: the process ends as if killed when it looks at a message named in the environment variable
/// `BACKORDERD_FAILPOINT_POISON` (ids with commas between; one that ends in `*` names all that begin so).
public enum Failpoint {
    /// For `Pipeline.Settings.graceMilliseconds`: shorter where a test says so, in `BACKORDERD_FAILPOINT_GRACE`
    /// (milliseconds); never in a release.
    public static var graceMilliseconds: Int64 {
        #if DEBUG
        if let text = getenv("BACKORDERD_FAILPOINT_GRACE"), let value = unsafe Int64(String(cString: text)) {
            return value
        }
        #endif
        return SuspectLane.usualGraceMilliseconds
    }

    /// For `Pipeline.Settings.batchBegins`; nil where no message is named, and in a release.
    public static var batchBegins: (@Sendable ([InboundDelivery], Bool) -> Void)? {
        #if DEBUG
        guard let text = getenv("BACKORDERD_FAILPOINT_POISON") else { return nil }
        let deadly = unsafe String(cString: text).split(separator: ",").map { String($0) }
        return { batch, isRead in
            guard isRead else { return }
            for delivery in batch {
                guard let id = MessageLabel(delivery.body, envelope: delivery.envelope).id else { continue }
                for name in deadly where name == id || name.hasSuffix("*") && id.hasPrefix(name.dropLast()) {
                    kill(getpid(), SIGKILL)
                }
            }
        }
        #else
        return nil
        #endif
    }
}
