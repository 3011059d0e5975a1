#!/usr/bin/env python3
"""TLS to the broker: a private authority, a client certificate as the only identity (EXTERNAL), and what is not to be trusted.

    tlstest.py --binary PATH

It makes its own certificates with `openssl` and starts its own RabbitMQ with a TLS listener.
"""
import argparse, json, os, socket, ssl, subprocess, tempfile, threading, warnings

from chaos_services import Broker, free_port
from harness import INPUT, OUTPUTS, Daemon, Table, amqp_client, drain, publish, wait


def openssl(*arguments):
    run = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"FAILED: openssl {' '.join(arguments)}: {run.stderr[-400:]}")


def authority(directory, name):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.pem")


def certificate(directory, name, signer, host=None):
    """`name`.pem and .key, signed by `signer`; with `host`, for a server of that name."""
    base = f"{directory}/{name}"
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{base}.key", "-out", f"{base}.csr")
    with open(f"{base}.ext", "w") as file:
        file.write(f"subjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\n" if host else "extendedKeyUsage=clientAuth\n")
    openssl("x509", "-req", "-days", "2", "-in", f"{base}.csr", "-CA", f"{directory}/{signer}.pem", "-CAkey", f"{directory}/{signer}.key",
            "-CAcreateserial", "-extfile", f"{base}.ext", "-out", f"{base}.pem")


def serve(listener, context, heard):
    """In the background: what each client says first, after the handshake, goes into `heard`."""
    def each():
        while True:
            client, _ = listener.accept()
            try:
                with context.wrap_socket(client, server_side=True) as secure:
                    heard.append(secure.recv(1))
            except OSError:
                pass
    threading.Thread(target=each, daemon=True).start()


def impostor(directory):
    """A TLS server whose certificate is sound, and made out to another name. Answers its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/impostor.pem", f"{directory}/impostor.key")
    listener, heard = socket.create_server(("127.0.0.1", 0)), []
    serve(listener, context, heard)
    return listener.getsockname()[1], heard


def outdated(directory):
    """A TLS server with a sound certificate that goes no further than TLS 1.1; answers its port. It proves itself to a client
    that takes TLS 1.1 first."""
    warnings.simplefilter("ignore", DeprecationWarning)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/broker.pem", f"{directory}/broker.key")
    listener, heard = socket.create_server(("127.0.0.1", 0)), []
    client = ssl.create_default_context(cafile=f"{directory}/authority.pem")
    for either in (context, client):
        # OpenSSL 3 has it still, below its usual level of security.
        either.set_ciphers("ALL:@SECLEVEL=0")
        either.minimum_version = either.maximum_version = ssl.TLSVersion.TLSv1_1
    port = listener.getsockname()[1]
    serve(listener, context, heard)
    with client.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as proof:
        version = proof.version()
        proof.sendall(b"?")
    wait("the outdated server to hear us", lambda: heard, 10)
    heard.clear()
    return port, heard, version


def refused(options, table, directory, name, url, tls, *wanted):
    """It starts, says what is wrong, and waits between two tries."""
    daemon = Daemon(options.binary, url, f"{directory}/{name.replace(' ', '-')}")
    with open(daemon.config) as file:
        text = file.read()
    with open(daemon.config, "w") as file:
        file.write(text.replace("broker: {", f"broker: {{tls: {tls}, "))
    daemon.start()

    def log():
        with open(daemon.log_path, errors="replace") as file:
            return file.read()
    try:
        wait(f"{name}: the log to have {wanted}", lambda: all(text in log() for text in wanted), 20)
        table.check(f"{name}: it says {', '.join(wanted)}", True)
        daemon.check_alive()
        tries = log().count("consumer: ")
        table.check(f"{name}: no busy loop", tries < 20, tries)
    finally:
        daemon.stop()


def run(options, table, directory, broker, port):
    for name in ("authority", "stranger"):
        authority(directory, name)
    certificate(directory, "broker", "authority", "localhost")
    certificate(directory, "impostor", "authority", "other.example")
    certificate(directory, "worker", "authority")
    certificate(directory, "outsider", "stranger")
    node = broker.nodes[0]
    with open(f"{node.directory}/rabbitmq.conf", "a") as file:
        file.write(f"listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {directory}/authority.pem\n"
                   f"ssl_options.certfile = {directory}/broker.pem\nssl_options.keyfile = {directory}/broker.key\n"
                   "ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = false\n"
                   "auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\nssl_cert_login_from = common_name\n")
    with open(f"{node.directory}/enabled_plugins", "w") as file:
        file.write("[rabbitmq_auth_mechanism_ssl].\n")
    broker.start()
    node.ctl("add_user", "worker", "a password that nobody uses")
    node.ctl("clear_password", "worker")
    node.ctl("set_permissions", "worker", ".*", ".*", ".*")
    link = amqp_client.Connection(node.url, "tlstest")
    own = f'{{ca: {directory}/authority.pem, certificate: {directory}/worker.pem, key: {directory}/worker.key}}'
    for number, (name, url, tls) in enumerate([
            ("a private authority and a password", f"amqps://guest:guest@localhost:{port}/%2F", f"{{ca: {directory}/authority.pem}}"),
            ("a client certificate and no password (EXTERNAL)", f"amqps://localhost:{port}/%2F", own)]):
        daemon = Daemon(options.binary, url, f"{directory}/good{number}")
        with open(daemon.config) as file:
            text = file.read()
        with open(daemon.config, "w") as file:
            file.write(text.replace("broker: {", f"broker: {{tls: {tls}, "))
        daemon.start()
        daemon.await_consuming(link)
        body = {"type": "order-placed", "order_id": f"O{number}", "id": f"p{number}", "time": "2026-11-23T10:00:00Z", "lines": [{"sku": "A", "quantity": 1}]}
        publish(node.url, [json.dumps(body).encode()])
        wait("an answer", lambda: link.depth(OUTPUTS[0])[0] > 0, 20)
        found = [json.loads(message.body)["order_id"] for message in drain(node.url, OUTPUTS[:1])]
        users = {line.split("\t")[0] for line in node.ctl("list_connections", "-q", "user", "ssl").splitlines() if line.endswith("\ttrue")}
        wanted = "worker" if number else "guest"
        table.check(f"{name}: consumes, publishes, as {wanted}", found == [f"O{number}"] and users == {wanted}, f"{found} {users}" if users != {wanted} else "")
        table.check(f"{name}: exit 0", daemon.stop() == 0)
    refused(options, table, directory, "an authority that is not ours", f"amqps://guest:guest@localhost:{port}/%2F", f"{{ca: {directory}/stranger.pem}}", "certificate")
    false_port, heard = impostor(directory)
    refused(options, table, directory, "a name that is not the host's", f"amqps://guest:guest@localhost:{false_port}/%2F", f"{{ca: {directory}/authority.pem}}", "another host name")
    table.check("a name that is not the host's: it heard nothing of us", not any(heard), heard if any(heard) else "")
    old_port, heard, version = outdated(directory)
    table.check("a server of TLS 1.1: it is one", version == "TLSv1.1", version)
    refused(options, table, directory, "a server of TLS 1.1", f"amqps://guest:guest@localhost:{old_port}/%2F", f"{{ca: {directory}/authority.pem}}", "TLS 1.2 or later")
    table.check("a server of TLS 1.1: it heard nothing of us", not any(heard), heard if any(heard) else "")
    refused(options, table, directory, "a client certificate of a stranger", f"amqps://localhost:{port}/%2F",
            f'{{ca: {directory}/authority.pem, certificate: {directory}/outsider.pem, key: {directory}/outsider.key}}', "trying again")
    table.check("nothing of it consumed", (link.depth(INPUT) or (0, 0))[1] == 0)
    link.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="tls-") as directory:
        os.chmod(directory, 0o755)
        broker = Broker(f"{directory}/rabbitmq", 1)
        try:
            run(options, table, directory, broker, free_port())
        finally:
            broker.stop()
    table.done()


if __name__ == "__main__":
    main()
