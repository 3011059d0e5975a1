"""What the chaos test breaks: a TCP proxy, a broker of one or three nodes, a PostgreSQL with a standby. Standard library only."""
import asyncio, os, re, secrets, signal, socket, subprocess, threading, time

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/lib")
# Below the kernel's ephemeral range, as the scripts choose theirs.
PORTS = range(10000, 30000)


def free_port():
    while True:
        port = PORTS[secrets.randbelow(len(PORTS))]
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def tool(program, *arguments, check=True):
    # Not a pipe: what a script leaves running may hold it open.
    run = subprocess.run([f"{LIB}/{program}", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and run.returncode:
        raise SystemExit(f"FAILED: {program} {' '.join(arguments)}: {run.stderr[-800:]}")
    return run.stdout


class Proxy:
    """One port of loopback in front of another. The link can be cut, delayed, or go dead without a word (half-open)."""

    def __init__(self, target):
        self.target, self.port, self.delay, self.writers = target, free_port(), 0.0, set()
        self.loop, self.open = asyncio.new_event_loop(), None
        ready = threading.Event()
        threading.Thread(target=self.serve, args=(ready,), daemon=True).start()
        ready.wait()

    def serve(self, ready):
        asyncio.set_event_loop(self.loop)
        self.open = asyncio.Event()
        self.open.set()
        self.loop.run_until_complete(asyncio.start_server(self.accept, "127.0.0.1", self.port))
        ready.set()
        self.loop.run_forever()

    async def accept(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self.writers.update(pair)
        await asyncio.gather(self.pump(reader, far_writer), self.pump(far_reader, writer))
        for end in pair:
            end.transport.abort()
            self.writers.discard(end)

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                await self.open.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.transport.abort()

    def call(self, action):
        self.loop.call_soon_threadsafe(action)

    def cut(self):
        self.call(lambda: [writer.transport.abort() for writer in list(self.writers)])

    def freeze(self):
        self.call(self.open.clear)

    def thaw(self):
        self.call(self.open.set)


class Node:
    """One RabbitMQ node (deploy/lib/private-rabbitmq), with a short heartbeat. Nodes of one cluster share `epmd` and `cookie`."""

    HEARTBEAT = 4

    def __init__(self, directory, epmd, cookie):
        self.directory, self.port = directory, free_port()
        os.makedirs(directory, exist_ok=True)
        for folder in ("data", "log", "generated"):
            os.makedirs(f"{directory}/{folder}", exist_ok=True)
        ports = f"PORT={self.port}\nEPMD_PORT={epmd}\nDIST_PORT={free_port()}\nCTL_PORT={free_port()}\n"
        configuration = (f"listeners.tcp.1 = 127.0.0.1:{self.port}\nvm_memory_high_watermark.absolute = 1GB\n"
                         f"disk_free_limit.absolute = 50MB\nlog.file.level = warning\nlog.console = false\nheartbeat = {self.HEARTBEAT}\n")
        for name, text in (("settings", ports), ("rabbitmq.conf", configuration), ("enabled_plugins", "[].\n"),
                           ("rabbitmq-env.conf", ""), (".erlang.cookie", cookie)):
            with open(f"{directory}/{name}", "w") as file:
                file.write(text)
        os.chmod(f"{directory}/.erlang.cookie", 0o400)
        self.name, self.url = f"private{self.port}@localhost", f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def start(self):
        tool("private-rabbitmq", "start", self.directory)

    def stop(self):
        tool("private-rabbitmq", "stop", self.directory)

    def kill(self):
        with open(f"{self.directory}/pid") as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGKILL)
        await_end(pid)

    def ctl(self, *arguments, check=True):
        return tool("private-rabbitmq", "ctl", self.directory, *arguments, check=check)


class Broker:
    """One node, or three that make a cluster."""

    def __init__(self, directory, count):
        epmd, cookie = free_port(), secrets.token_hex(16)
        self.nodes = [Node(f"{directory}/node{n}", epmd, cookie) for n in range(count)]
        self.epmd = None
        if count > 1:
            # Of no node's own: it outlives each.
            self.epmd = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(epmd)], stdin=subprocess.DEVNULL)
            time.sleep(0.5)

    def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes[1:]:
            for words in (["stop_app"], ["reset"], ["join_cluster", self.nodes[0].name], ["start_app"]):
                node.ctl(*words)

    def stop(self):
        for node in self.nodes:
            node.stop()
        if self.epmd:
            self.epmd.kill()
            self.epmd.wait()

    @property
    def urls(self):
        return [node.url for node in self.nodes]


class Server:
    """One PostgreSQL server (deploy/lib/private-postgres)."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)

    def start(self):
        tool("private-postgres", "start", self.directory)
        with open(f"{self.directory}/settings") as file:
            found = dict(re.findall(r"^(\w+)=(.*)$", file.read(), re.M))
        self.port, self.data, self.password = int(found["PORT"]), found["DATA"], found["PASSWORD"]

    def end(self, how="kill"):
        tool("private-postgres", how, self.directory)

    def kill(self):
        """kill -9 of the whole server, all of its processes."""
        with open(f"{self.data}/cluster/postmaster.pid") as file:
            pid = int(file.readline())
        children = [int(n) for n in os.listdir("/proc") if n.isdigit() and parent(int(n)) == pid]
        for process in (pid, *children):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for process in (pid, *children):
            await_end(process)
        # Until somebody reaps the dead, the number in these files is taken for a server that runs.
        for left in (f"{self.data}/cluster/postmaster.pid", f"{self.data}/.s.PGSQL.{self.port}.lock"):
            if os.path.exists(left):
                os.remove(left)

    def ask(self, sql):
        return tool("private-postgres", "psql", self.directory, "-q", "-A", "-t", "-c", sql).strip()


class Database:
    """A primary and, with `standby`, a second server that follows it: synchronously, or not."""

    def __init__(self, directory):
        os.chmod(directory, 0o755)
        self.directory, self.servers, self.primary, self.standby, self.replication, self.made = directory, [], None, None, None, 0

    def start(self, name="chaos"):
        self.name = name
        self.primary = self.server()
        self.primary.start()
        self.primary.ask(f"CREATE DATABASE {name}")

    def server(self):
        self.made += 1
        self.servers.append(Server(f"{self.directory}/server{self.made}"))
        return self.servers[-1]

    def follow(self, synchronous=True, port=None):
        """Makes a standby of the primary, on the port given. Its replication runs through a proxy of its own."""
        primary, standby = self.primary, self.server()
        self.replication = Proxy(primary.port)
        data = f"{standby.directory}/data" if primary.data.startswith(self.directory) else f"{primary.data}-{self.made}"
        subprocess.run(["install", "-d", "-m", "700", "-o", "postgres" if os.getuid() == 0 else str(os.getuid()), data], check=True)
        with open(f"{standby.directory}/settings", "w") as file:
            file.write(f"PORT={port or free_port()}\nDATA={data}\nPASSWORD={primary.password}\n")
        source = f"postgres://backorderd:{primary.password}@127.0.0.1:{self.replication.port}/postgres?application_name=standby"
        user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.getuid() == 0 else []
        programs = sorted(p for p in os.listdir("/usr/lib/postgresql"))[-1]
        run = subprocess.run([*user, f"/usr/lib/postgresql/{programs}/bin/pg_basebackup", "-D", f"{data}/cluster", "-d", source,
                              "-R", "-X", "stream", "-c", "fast"], cwd="/", capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"FAILED: pg_basebackup: {run.stderr[-500:]}")
        standby.start()
        self.standby = standby
        if synchronous:
            self.set("synchronous_standby_names", "'*'")
        self.await_true(f"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '{'sync' if synchronous else 'async'}'")

    def set(self, name, value):
        self.primary.ask(f"ALTER SYSTEM SET {name} = {value}")
        self.primary.ask("SELECT pg_reload_conf()")

    def await_true(self, sql, seconds=60):
        end = time.monotonic() + seconds
        while self.primary.ask(sql) not in ("1", "t"):
            if time.monotonic() > end:
                raise SystemExit(f"FAILED: waited {seconds} s for: {sql}")
            time.sleep(0.1)

    def promote(self):
        """The standby takes over. The former primary is gone for good; its port is free for the next standby."""
        former = self.primary
        self.primary, self.standby = self.standby, None
        self.primary.ask("SELECT pg_promote(true, 60)")
        return former

    def stop(self):
        for server in self.servers:
            if os.path.exists(f"{server.directory}/settings"):
                tool("private-postgres", "kill", server.directory, check=False)


def parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def await_end(pid, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except OSError:
            return
        time.sleep(0.02)
