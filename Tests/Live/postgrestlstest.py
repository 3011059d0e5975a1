#!/usr/bin/env python3
"""PostgreSQL over TLS with a CA of our own: sslmode=verify-full lets in the right server and no other, and says what is wrong;
the password comes from a file or the environment, and is in nothing that is written.

    postgrestlstest.py --binary PATH

It starts a server of its own that takes TLS only. Needs openssl.
"""
import argparse, os, subprocess, tempfile
from urllib.parse import urlsplit

from harness import HERE, Table

TOOL = os.path.join(HERE, "../../deploy/lib/private-postgres")


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def certificates(directory):
    for name in ("ca", "other"):
        openssl(directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    with open(f"{directory}/names", "w") as file:
        file.write("subjectAltName=DNS:localhost\n")
    openssl(directory, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")


def takes_tls_only(directory, certificates_):
    """Certificates into the server's own folder, TLS on, and nobody in without it."""
    with open(f"{directory}/settings") as file:
        data = next(line.split("=", 1)[1].strip().strip("'") for line in file if line.startswith("DATA="))
    cluster, owner = f"{data}/cluster", os.stat(f"{data}/cluster")
    for name in ("server.pem", "server.key"):
        with open(f"{certificates_}/{name}", "rb") as source, open(f"{cluster}/{name}", "wb") as target:
            target.write(source.read())
        os.chown(f"{cluster}/{name}", owner.st_uid, owner.st_gid)
        os.chmod(f"{cluster}/{name}", 0o600)
    with open(f"{cluster}/pg_hba.conf", "w") as file:
        file.write("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n")
    for setting in ("ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'", "ssl = on"):
        subprocess.run([TOOL, "psql", directory, "-q", "-c", f"ALTER SYSTEM SET {setting}"], check=True)
    subprocess.run([TOOL, "stop", directory], check=True)
    subprocess.run([TOOL, "start", directory], check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    options = parser.parse_args()
    table, written = Table(), []
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        server, keys = f"{directory}/postgres", f"{directory}/keys"
        os.makedirs(keys)
        certificates(keys)
        subprocess.run([TOOL, "start", server], check=True, stdout=subprocess.DEVNULL)
        try:
            with open(f"{server}/url") as file:
                parts = urlsplit(file.read().strip())
            takes_tls_only(server, keys)
            clean = {k: v for k, v in os.environ.items() if not k.startswith(("BACKORDERD_", "PG"))}

            def migrate(host="localhost", ca="ca", mode="verify-full", password=None, inside=True, **environment):
                secret = f":{password or parts.password}" if inside else ""
                url = f"postgres://backorderd{secret}@{host}:{parts.port}/postgres?sslmode={mode}&sslrootcert={keys}/{ca}.pem&connect_timeout=5"
                with open(f"{directory}/config.yaml", "w") as file:
                    file.write(f"store: {{url: \"{url}\"}}\n")
                run = subprocess.run([options.binary, "migrate", "--config", f"{directory}/config.yaml"], capture_output=True, text=True,
                                     env={**clean, **environment}, timeout=60)
                written.append(run.stdout + run.stderr)
                return run

            run = migrate()
            table.check("verify-full with our CA: connected", run.returncode == 0, run.stderr[-300:] if run.returncode else "")
            for name, run, word in (
                ("the name is not the certificate's: refused, and told", migrate(host="127.0.0.1"), "certificate"),
                ("another CA: refused, and told", migrate(ca="other"), "sslrootcert"),
                ("a CA file that is not there: told", migrate(ca="none"), "none.pem"),
                ("without TLS: refused, and told", migrate(mode="disable"), "pg_hba.conf"),
                ("a wrong password: told without it", migrate(password="Wr0ng-word"), "password"),
                ("no password at all: told where it may be", migrate(inside=False), "PGPASSFILE"),
            ):
                table.check(name, run.returncode not in (0, None) and word in run.stderr and run.stderr.count("\n") <= 2, run.stderr.strip()[:160])
            with open(f"{directory}/passwords", "w") as file:
                file.write(f"localhost:{parts.port}:*:backorderd:{parts.password}\n")
            os.chmod(f"{directory}/passwords", 0o600)
            table.check("password from PGPASSFILE", migrate(inside=False, PGPASSFILE=f"{directory}/passwords").returncode == 0)
            table.check("password from PGPASSWORD", migrate(inside=False, PGPASSWORD=parts.password).returncode == 0)
            with open(f"{directory}/url", "w") as file:
                file.write(f"postgres://backorderd:{parts.password}@localhost:{parts.port}/postgres?sslmode=verify-full&sslrootcert={keys}/ca.pem\n")
            table.check("the whole URL from BACKORDERD_STORE_URL_FILE", migrate(host="none.invalid", BACKORDERD_STORE_URL_FILE=f"{directory}/url").returncode == 0)
            table.check("no password in anything written", not any(parts.password in text or "Wr0ng" in text for text in written))
        finally:
            subprocess.run([TOOL, "stop", server], check=False, env={**os.environ, "PRIVATE_POSTGRES_FORGET": "yes"})
    table.done()


if __name__ == "__main__":
    main()
