"""AMQP 0-9-1 for the scripts and live tests: one connection, one channel, one thread. Standard library only."""
import base64, os, select, socket, ssl, struct, time
from urllib.parse import unquote, urlsplit

METHOD, HEADER, BODY, FRAME_END = 1, 2, 3, b"\xce"
TUNE, OPEN_OK, CONNECTION_CLOSE, CHANNEL_CLOSE = (10, 30), (10, 41), (10, 50), (20, 40)
DELIVER, RETURN, ACK, NACK = (60, 60), (60, 50), (60, 80), (60, 120)
PROPERTIES = [("content_type", "s"), ("content_encoding", "s"), ("headers", "F"), ("delivery_mode", "B"),
              ("priority", "B"), ("correlation_id", "s"), ("reply_to", "s"), ("expiration", "s"),
              ("message_id", "s"), ("timestamp", "Q"), ("type", "s"), ("user_id", "s"), ("app_id", "s")]
NUMBERS = {"b": ">b", "B": ">B", "s": ">h", "u": ">H", "I": ">i", "i": ">I", "l": ">q", "L": ">q",
           "f": ">f", "d": ">d", "T": ">Q"}


class AMQPError(Exception):
    """The broker said no, or went away. `code` is its reply code, 0 where there is none."""

    def __init__(self, text, code=0):
        super().__init__(text)
        self.code = code


def short(text):
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > 255:
        raise AMQPError(f"longer than the 255 bytes that AMQP allows here: {raw[:40]!r}…")
    return bytes([len(raw)]) + raw


def value(v):
    if isinstance(v, bool):
        return b"t" + bytes([v])
    if isinstance(v, int):
        return b"l" + struct.pack(">q", v)
    if isinstance(v, float):
        return b"d" + struct.pack(">d", v)
    if isinstance(v, dict):
        return b"F" + table(v)
    if isinstance(v, list):
        raw = b"".join(map(value, v))
        return b"A" + struct.pack(">I", len(raw)) + raw
    if v is None:
        return b"V"
    raw = v.encode() if isinstance(v, str) else v
    return b"S" + struct.pack(">I", len(raw)) + raw


def table(entries):
    raw = b"".join(short(k) + value(v) for k, v in entries.items())
    return struct.pack(">I", len(raw)) + raw


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def number(self, form):
        v, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return v

    def raw(self, length_form):
        n = self.number(length_form)
        self.at += n
        return bytes(self.data[self.at - n:self.at])

    def short(self):
        return self.raw(">B").decode("utf-8", "replace")

    def value(self):
        kind = chr(self.number(">B"))
        if kind == "t":
            return bool(self.number(">B"))
        if kind in NUMBERS:
            return self.number(NUMBERS[kind])
        if kind in "Sx":
            return self.raw(">I").decode("utf-8", "replace")
        if kind == "F":
            return self.table()
        if kind == "A":
            end, items = self.number(">I") + self.at, []
            while self.at < end:
                items.append(self.value())
            return items
        if kind == "D":
            scale = self.number(">B")
            return self.number(">i") / 10 ** scale
        if kind == "V":
            return None
        raise AMQPError(f"unknown field type {kind!r}")

    def table(self):
        end, entries = self.number(">I") + self.at, {}
        while self.at < end:
            key = self.short()
            entries[key] = self.value()
        return entries


PLACES = {name: (bit, kind) for bit, (name, kind) in enumerate(PROPERTIES)}


def pack_properties(properties):
    flags, parts = 0, []
    for bit, kind, v in sorted([(*PLACES[name], v) for name, v in properties.items() if v is not None and v != ""], key=lambda p: p[0]):
        flags |= 1 << (15 - bit)
        parts.append(short(str(v)) if kind == "s" else table(v) if kind == "F" else struct.pack(">" + kind, int(v)))
    return struct.pack(">H", flags) + b"".join(parts)


def unpack_properties(payload):
    reader = Reader(payload, 12)
    flags, found = reader.number(">H"), {}
    for bit, (name, kind) in enumerate(PROPERTIES):
        if flags & 1 << (15 - bit):
            found[name] = reader.short() if kind == "s" else reader.table() if kind == "F" else reader.number(">" + kind)
    return found


class Message:
    __slots__ = ("queue", "tag", "redelivered", "exchange", "routing_key", "properties", "body")

    def record(self):
        """The message as JSON value: what `drain` writes and `publish --records` reads."""
        properties = dict(self.properties)
        record = {"queue": self.queue, "exchange": self.exchange, "routing_key": self.routing_key,
                  "redelivered": self.redelivered, "headers": properties.pop("headers", {}), "properties": properties}
        try:
            record["body"] = self.body.decode()
        except UnicodeDecodeError:
            record["body_base64"] = base64.b64encode(self.body).decode()
        return record


class Connection:
    """One connection with one channel. One thread only. Blocking, except where a timeout is given."""

    def __init__(self, url, name="amqp_tool", timeout=10):
        parts = urlsplit(url)
        secure = parts.scheme == "amqps"
        if parts.scheme not in ("amqp", "amqps"):
            raise AMQPError(f"not an AMQP URL: {url}")
        self.socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or (5671 if secure else 5672)), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=parts.hostname)
        self.buffer, self.consumers, self.incoming, self.partial, self.replies = bytearray(), {}, [], None, []
        self.sequence, self.outstanding, self.returned, self.nacked = 0, {}, [], 0
        self.socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.expect((10, 10))
        login = b"\0" + unquote(parts.username or "guest").encode() + b"\0" + unquote(parts.password or "guest").encode()
        client = {"product": name, "connection_name": f"{name} {os.getpid()}", "capabilities": {"authentication_failure_close": True}}
        self.send(10, 11, table(client) + short("PLAIN") + struct.pack(">I", len(login)) + login + short("en_US"), channel=0)
        _, self.frame_max, _ = struct.unpack_from(">HIH", self.expect(TUNE), 4)
        self.frame_max = self.frame_max or 131072
        self.send(10, 31, struct.pack(">HIH", 8, self.frame_max, 0), channel=0)
        self.call(10, 40, short(unquote(parts.path[1:]) or "/") + b"\0\0", OPEN_OK, channel=0)
        self.open_channel()

    def open_channel(self):
        self.call(20, 10, b"\0", (20, 11))

    # Frames

    def send(self, klass, method, arguments=b"", channel=1):
        payload = struct.pack(">HH", klass, method) + arguments
        self.socket.sendall(struct.pack(">BHI", METHOD, channel, len(payload)) + payload + FRAME_END)

    def call(self, klass, method, arguments, answer, channel=1):
        self.send(klass, method, arguments, channel)
        return self.expect(answer)

    def expect(self, answer, timeout=60):
        end = time.monotonic() + timeout
        while True:
            for i, (kind, payload) in enumerate(self.replies):
                if kind == answer:
                    del self.replies[i]
                    return payload
            if not self.pump(end - time.monotonic()) and time.monotonic() > end:
                raise AMQPError(f"no answer {answer} within {timeout} s")

    def pump(self, timeout=0.0):
        """Reads what is there, waiting at most `timeout` seconds for the first byte. False: nothing came."""
        pending = getattr(self.socket, "pending", int)()
        if not pending and not select.select([self.socket], [], [], max(0, timeout))[0]:
            return False
        data = self.socket.recv(1 << 18)
        if not data:
            raise AMQPError("the broker closed the connection")
        self.buffer += data
        at, size = 0, len(self.buffer)
        try:
            while size - at >= 8:
                kind, _, length = struct.unpack_from(">BHI", self.buffer, at)
                if size - at < length + 8:
                    break
                start, at = at + 7, at + length + 8
                self.frame(kind, bytes(self.buffer[start:start + length]))
        finally:                                       # a frame that raised was read all the same
            del self.buffer[:at]
        return True

    def frame(self, kind, payload):
        if kind == METHOD:
            method = struct.unpack_from(">HH", payload)
            if method == DELIVER or method == RETURN:
                self.begin(method, Reader(payload, 4))
            elif method == ACK or method == NACK:
                self.settle(*struct.unpack_from(">QB", payload, 4), method == NACK)
            elif method == CONNECTION_CLOSE or method == CHANNEL_CLOSE:
                reader = Reader(payload, 4)
                code, text = reader.number(">H"), reader.short()
                if method == CHANNEL_CLOSE:
                    self.send(20, 41)
                raise AMQPError(text, code)
            else:
                self.replies.append((method, payload))
        elif kind == HEADER:
            message, _, _ = self.partial
            message.properties = unpack_properties(payload)
            self.partial = (message, [], struct.unpack_from(">Q", payload, 4)[0])
            self.finish()
        elif kind == BODY:
            message, chunks, left = self.partial
            chunks.append(payload)
            self.partial = (message, chunks, left - len(payload))
            self.finish()

    def begin(self, method, reader):
        message = Message()
        message.queue, message.tag, message.redelivered = None, 0, False
        if method == DELIVER:
            message.queue = self.consumers.get(reader.short())
            message.tag, message.redelivered = reader.number(">Q"), bool(reader.number(">B"))
        else:
            reader.number(">H"), reader.short()
        message.exchange, message.routing_key = reader.short(), reader.short()
        self.partial = (message, [], 0)

    def finish(self):
        message, chunks, left = self.partial
        if left > 0:
            return
        message.body, self.partial = b"".join(chunks), None
        (self.incoming if message.queue else self.returned).append(message)

    def settle(self, tag, multiple, nack):
        if multiple:
            tags = []
            for t in self.outstanding:                 # in the order of publication
                if tag and t > tag:
                    break
                tags.append(t)
        else:
            tags = [tag]
        for t in tags:
            self.nacked += self.outstanding.pop(t, False) and nack

    # Publishing

    def confirm(self):
        self.call(85, 10, b"\0", (85, 11))

    def publish(self, messages, exchange, window=2000, tick=None):
        """Publishes (routing_key, properties, body) triples, mandatory, and waits for all confirms. Returns how many."""
        count, burst, size, head, keys = 0, [], 0, short(exchange), {}
        for routing_key, properties, body in messages:
            start = keys.get(routing_key)
            if start is None:
                arguments = struct.pack(">HHH", 60, 40, 0) + head + short(routing_key) + b"\x01"
                start = keys[routing_key] = struct.pack(">BHI", METHOD, 1, len(arguments)) + arguments + FRAME_END
            header = struct.pack(">HHQ", 60, 0, len(body)) + pack_properties(properties)
            burst += [start, struct.pack(">BHI", HEADER, 1, len(header)), header, FRAME_END]
            for at in range(0, len(body), self.frame_max - 8):
                chunk = body[at:at + self.frame_max - 8]
                burst += [struct.pack(">BHI", BODY, 1, len(chunk)), chunk, FRAME_END]
            self.sequence += 1
            self.outstanding[self.sequence] = True
            count, size = count + 1, size + len(body) + 200
            if size > 65536 or tick or len(self.outstanding) >= window:
                self.socket.sendall(b"".join(burst))
                burst, size = [], 0
                while self.pump():
                    pass
                if len(self.outstanding) > window // 2:
                    self.await_confirms(window // 2)
            if tick:
                tick(count)
        self.socket.sendall(b"".join(burst))
        self.await_confirms()
        return count

    def await_confirms(self, most=0, seconds=60):
        """Until no more than `most` are unconfirmed. Heartbeats are no progress: a quorum queue whose leader was killed may
        leave a message without an answer for ever, on a connection that is well."""
        end, left = time.monotonic() + seconds, len(self.outstanding)
        while len(self.outstanding) > most:
            self.pump(end - time.monotonic())
            if len(self.outstanding) < left:
                end, left = time.monotonic() + seconds, len(self.outstanding)
            elif time.monotonic() > end:
                raise AMQPError(f"{left} messages unconfirmed after {seconds} s")

    # Queues

    def consume(self, queue, prefetch=2000):
        self.call(60, 10, struct.pack(">IHB", 0, prefetch, 0), (60, 11))
        tag = f"tool-{len(self.consumers)}"
        self.consumers[tag] = queue                    # first: deliveries may sit behind consume-ok in the same read
        self.call(60, 20, b"\0\0" + short(queue) + short(tag) + b"\0" + table({}), (60, 21))

    def messages(self, timeout):
        if not self.incoming:
            self.pump(timeout)
        batch, self.incoming = self.incoming, []
        return batch

    def ack(self, tag, multiple=True):
        self.send(60, 80, struct.pack(">QB", tag, multiple))

    def depth(self, queue):
        """(ready messages, consumers), or None where there is no such queue."""
        try:
            reader = Reader(self.call(50, 10, b"\0\0" + short(queue) + b"\x01" + table({}), (50, 11)), 4)
        except AMQPError as error:
            if error.code != 404:
                raise
            self.open_channel()
            return None
        reader.short()
        return reader.number(">I"), reader.number(">I")

    def declare_exchange(self, name, kind="topic"):
        self.call(40, 10, b"\0\0" + short(name) + short(kind) + b"\x02" + table({}), (40, 11))

    def declare_queue(self, name, kind="quorum", arguments=None):
        self.call(50, 10, b"\0\0" + short(name) + b"\x02" + table({"x-queue-type": kind, **(arguments or {})}), (50, 11))

    def bind(self, queue, exchange, key):
        self.call(50, 20, b"\0\0" + short(queue) + short(exchange) + short(key) + b"\0" + table({}), (50, 21))

    def unbind(self, queue, exchange, key):
        self.call(50, 50, b"\0\0" + short(queue) + short(exchange) + short(key) + table({}), (50, 51))

    def purge(self, queue):
        return struct.unpack_from(">I", self.call(50, 30, b"\0\0" + short(queue) + b"\0", (50, 31)), 4)[0]

    def delete_queue(self, queue):
        self.call(50, 40, b"\0\0" + short(queue) + b"\0", (50, 41))

    def delete_exchange(self, exchange):
        self.call(40, 20, b"\0\0" + short(exchange) + b"\0", (40, 21))

    def close(self):
        try:
            self.call(10, 50, struct.pack(">H", 200) + short("done") + b"\0\0\0\0", (10, 51), channel=0)
        except (AMQPError, OSError):
            pass
        self.socket.close()
