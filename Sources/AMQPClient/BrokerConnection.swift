import CRabbitMQ
import Glibc

/// One open connection to the broker: the owner of librabbitmq's state.
///
/// Not Sendable by design: the library is not thread-safe, so a connection lives and dies on the thread that opened it.
/// After any thrown error with `endsConnection` it must be dropped; `deinit` destroys the state and closes the socket.
@safe
final class BrokerConnection {
    /// The channel for everything but topology.
    static let workChannel: UInt16 = 1
    static let frameMaxAsked: Int32 = 131_072

    let address: AMQPAddress
    let supervisor: StuckGuard
    /// Seconds, as negotiated: ours, or the broker's where it wants less. Never 0: the library takes ours where the broker
    /// wants none, and the broker goes by what we answered.
    let heartbeat: Int
    let frameMax: Int
    let server: ServerInfo
    let rpcTimeoutMilliseconds: Int

    let state: amqp_connection_state_t
    let frame: UnsafeMutablePointer<amqp_frame_t>
    let arena = CArena()
    var decoder = PropertyDecoder()
    var assembler: FrameAssembler
    var isBroken = false

    /// Connects, logs in, and sets the socket up. Does not open a channel.
    init(
        address: AMQPAddress, options: ConnectionOptions, bodyBytesMax: Int, supervisor: StuckGuard
    ) throws(AMQPError) {
        let hosts =
            address.hostIsNumeric
            ? [address.host]
            : try Resolver.addresses(
                of: address.host, timeoutMilliseconds: options.connectTimeoutMilliseconds)
        var failure = AMQPError.network("\(address.host) has no address")
        var opened: OpenedState?
        // TLS checks the certificate against the name, so there the library must be given the name itself.
        for host in address.usesTLS ? [address.host] : hosts {
            supervisor.checkpoint()
            do throws(AMQPError) {
                opened = try Self.open(host: host, address: address, options: options)
                break
            } catch {
                failure = error
            }
        }
        guard let opened else { throw failure }
        do throws(AMQPError) {
            unsafe try Self.login(opened.state, address: address, options: options, supervisor: supervisor)
        } catch {
            unsafe amqp_destroy_connection(opened.state)
            throw error
        }
        unsafe state = opened.state
        self.address = address
        self.supervisor = supervisor
        heartbeat = unsafe Int(amqp_get_heartbeat(opened.state))
        frameMax = unsafe Int(amqp_get_frame_max(opened.state))
        rpcTimeoutMilliseconds = options.rpcTimeoutMilliseconds
        unsafe frame = .allocate(capacity: 1)
        unsafe frame.initialize(to: amqp_frame_t())
        assembler = FrameAssembler(bodyBytesMax: bodyBytesMax)
        var serverDecoder = PropertyDecoder()
        if let table = unsafe amqp_get_server_properties(opened.state) {
            server = unsafe ServerInfo(properties: serverDecoder.table(table.pointee))
        } else {
            server = ServerInfo(properties: [])
        }
        setUpSocket()
    }

    deinit {
        supervisor.disarm()
        unsafe amqp_destroy_connection(state)
        unsafe frame.deallocate()
    }

    var fd: Int32 { unsafe amqp_get_sockfd(state) }

    @safe
    private struct OpenedState {
        let state: amqp_connection_state_t
    }

    private static func open(
        host: String, address: AMQPAddress, options: ConnectionOptions
    ) throws(AMQPError) -> OpenedState {
        guard let state = unsafe amqp_new_connection() else {
            throw AMQPError(.resources, "out of memory", isRetriable: true)
        }
        var succeeded = false
        defer { if !succeeded { unsafe amqp_destroy_connection(state) } }
        let socket: OpaquePointer?
        if address.usesTLS {
            unsafe socket = amqp_ssl_socket_new(state)
            guard let socket = unsafe socket else {
                throw AMQPError(.tls, "OpenSSL cannot be set up", isRetriable: false)
            }
            unsafe try TLSSetup.apply(options.tls, to: socket, address: address)
        } else {
            unsafe socket = amqp_tcp_socket_new(state)
        }
        guard let socket = unsafe socket else { throw AMQPError(.resources, "out of memory", isRetriable: true) }
        unsafe crmq_set_handshake_timeout(state, Int32(clamping: options.rpcTimeoutMilliseconds))
        unsafe crmq_set_rpc_timeout(state, Int32(clamping: options.rpcTimeoutMilliseconds))
        let status = unsafe host.withCString {
            unsafe crmq_socket_open(
                socket, $0, Int32(address.port), Int32(clamping: options.connectTimeoutMilliseconds))
        }
        guard status == 0 else { throw .library(status, doing: "connecting to \(address)") }
        succeeded = true
        return unsafe OpenedState(state: state)
    }

    private static func login(
        _ state: amqp_connection_state_t, address: AMQPAddress, options: ConnectionOptions, supervisor: StuckGuard
    ) throws(AMQPError) {
        let arena = CArena()
        // Without these the broker tells us neither of a deleted queue nor of an alarm.
        var properties = unsafe arena.table([
            Header("product", .string("backorderd")),
            Header("connection_name", .string(options.name)),
            Header(
                "capabilities",
                .table(
                    [
                        "consumer_cancel_notify", "connection.blocked", "basic.nack", "publisher_confirms",
                        "authentication_failure_close",
                    ].map { Header($0, .boolean(true)) })),
        ])
        supervisor.arm(fd: unsafe amqp_get_sockfd(state), milliseconds: options.rpcTimeoutMilliseconds * 2)
        defer { supervisor.disarm() }
        let vhost = unsafe arena.cString(address.virtualHost)
        let reply: amqp_rpc_reply_t
        if let user = address.user {
            unsafe reply = crmq_login_plain(
                state, vhost, 8, frameMaxAsked, Int32(options.heartbeatSeconds), &properties, arena.cString(user),
                arena.cString(address.password))
        } else {
            // An empty identity is answered with "no memory"; the broker reads the name from the certificate.
            unsafe reply = crmq_login_external(
                state, vhost, 8, frameMaxAsked, Int32(options.heartbeatSeconds), &properties,
                arena.cString("certificate"))
        }
        if let error = unsafe AMQPError(reply, channel: false, doing: "logging in to \(address)") {
            // Brokers that do not announce the reason close the socket after a wrong password.
            throw error
        }
    }

    private func setUpSocket() {
        let fd = fd
        // Best effort: heartbeats are what counts, these only notice sooner.
        _ = crmq_set_keep_alive(fd)
        _ = crmq_set_tcp_option(fd, Int32(CRMQ_TCP_NODELAY), 1)
        _ = crmq_set_tcp_option(fd, Int32(CRMQ_TCP_USER_TIMEOUT), Int32(clamping: heartbeat * 2_000))
        _ = crmq_set_tcp_option(fd, Int32(CRMQ_TCP_KEEPIDLE), Int32(clamping: heartbeat))
        _ = crmq_set_tcp_option(fd, Int32(CRMQ_TCP_KEEPINTVL), Int32(clamping: max(1, heartbeat / 3)))
        _ = crmq_set_tcp_option(fd, Int32(CRMQ_TCP_KEEPCNT), 3)
    }

    /// Sends what has no answer, and takes any failure as the connection's end.
    func check(_ status: Int32, doing action: String) throws(AMQPError) {
        guard status != 0 else { return }
        isBroken = true
        throw .library(status, doing: action)
    }

    /// Says goodbye if the connection is sound. The broker has then processed everything we sent.
    func close(timeoutMilliseconds: Int) {
        guard !isBroken else { return }
        isBroken = true
        unsafe crmq_set_rpc_timeout(state, Int32(clamping: max(1, timeoutMilliseconds)))
        supervisor.arm(fd: fd, milliseconds: timeoutMilliseconds + 500)
        _ = unsafe amqp_connection_close(state, AMQP_REPLY_SUCCESS)
        supervisor.disarm()
    }

    /// Polls socket and wake-up. Drain first: what the library or TLS has buffered is invisible here.
    func wait(for wake: WakeUp, milliseconds: Int, readSocket: Bool) {
        var set = [
            pollfd(fd: wake.fd, events: Int16(POLLIN), revents: 0),
            // -1 is skipped; a descriptor without events would still report its end, again and again.
            pollfd(fd: readSocket ? fd : -1, events: Int16(POLLIN), revents: 0),
        ]
        _ = unsafe set.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, 2, Int32(clamping: milliseconds)) }
        if set[0].revents != 0 { wake.drain() }
    }
}
