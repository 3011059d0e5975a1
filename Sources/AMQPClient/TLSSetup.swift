import CRabbitMQ
import Glibc

/// Certificates, key and rules of a TLS socket, before it is opened.
enum TLSSetup {
    /// Debian's bundle; librabbitmq 0.11 has no way to ask OpenSSL for its default.
    static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    static func apply(_ options: TLSOptions, to socket: OpaquePointer, address: AMQPAddress) throws(AMQPError) {
        if options.verify && address.hostIsNumeric {
            throw AMQPError(
                .tls, "a certificate cannot be checked against the IP address \(address.host); use the host's name",
                isRetriable: false)
        }
        unsafe amqp_ssl_socket_set_verify_peer(socket, options.verify ? 1 : 0)
        unsafe amqp_ssl_socket_set_verify_hostname(socket, options.verify ? 1 : 0)
        guard unsafe amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) == 0 else {
            throw AMQPError(.tls, "this OpenSSL offers no TLS 1.2 or later", isRetriable: false)
        }
        let authorities = options.caPath ?? systemAuthorities
        if options.verify || options.caPath != nil {
            try mustBeReadable(authorities, "certificate authorities")
            guard unsafe authorities.withCString({ unsafe amqp_ssl_socket_set_cacert(socket, $0) }) == 0 else {
                throw AMQPError(
                    .tls, "\(authorities) holds no PEM certificates that OpenSSL can read", isRetriable: false)
            }
        }
        switch (options.certificatePath, options.keyPath) {
        case (nil, nil): break
        case (let certificate?, let key?):
            try mustBeReadable(certificate, "client certificate")
            try mustBeReadable(key, "client key")
            // A key with a passphrase would make OpenSSL ask on the terminal; an empty passphrase makes it fail.
            unsafe "".withCString { unsafe amqp_ssl_socket_set_key_passwd(socket, $0) }
            let status = unsafe certificate.withCString { certificate in
                unsafe key.withCString { unsafe amqp_ssl_socket_set_key(socket, certificate, $0) }
            }
            guard status == 0 else {
                throw AMQPError(
                    .tls,
                    "client certificate \(certificate) and key \(key) are not PEM, do not belong together, "
                        + "or the key has a passphrase", isRetriable: false)
            }
        default:
            throw AMQPError(.tls, "client certificate and key must be given together", isRetriable: false)
        }
    }

    private static func mustBeReadable(_ path: String, _ what: String) throws(AMQPError) {
        guard unsafe access(path, R_OK) == 0 else {
            throw AMQPError(.tls, "cannot read the \(what) in \(path); check path and permissions", isRetriable: false)
        }
    }
}
