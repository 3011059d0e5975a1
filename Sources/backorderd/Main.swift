import Daemon

@main
enum Main {
    static func main() async {
        ArgumentSecrets.hide()
        await BackorderdCommand.start()
    }
}
