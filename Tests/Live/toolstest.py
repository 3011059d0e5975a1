"""Tests amqp_tool and digest, on which the live tests stand. Needs BACKORDERD_TEST_AMQP_URL."""
import base64, json, os, subprocess, sys, tempfile, unittest

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/lib")
sys.path.insert(0, LIB)
import amqp_client, digest, notice_lines  # noqa: E402

URL = os.environ.get("BACKORDERD_TEST_AMQP_URL")


def tool(*arguments, text=""):
    run = subprocess.run([sys.executable, "-B", f"{LIB}/amqp_tool.py", "--url", URL, *arguments],
                         input=text, capture_output=True, text=True, timeout=120)
    return run.returncode, run.stdout, run.stderr


class Digest(unittest.TestCase):
    def test_sums_over_locations_and_counts_empty_skus(self):
        stock = [{"sku": "B", "location": "1", "on_hand": 2, "allocated": 1}, {"sku": "B", "location": "2", "on_hand": 3, "allocated": 0}]
        waiting = [{"sku": "A", "waiting": 4}]
        whole = digest.hashlib.sha256(b"A\t0\t0\t4\nB\t5\t1\t0\nC\t0\t0\t0\n").hexdigest()[:16]
        self.assertEqual(digest.digest(stock, waiting, ["C", "A", "B"]), whole)


@unittest.skipUnless(URL, "BACKORDERD_TEST_AMQP_URL is not set")
class Tool(unittest.TestCase):
    def setUp(self):
        self.queue, self.exchange = f"tools.{os.getpid()}", f"tools.{os.getpid()}"
        code, _, error = tool("declare", "--exchange", self.exchange, "--queue", self.queue, "--bind", f"{self.exchange}:a.#")
        self.assertEqual(code, 0, error)
        self.addCleanup(tool, "delete", "--queue", self.queue, "--exchange", self.exchange)

    def drained(self, *options):
        code, out, error = tool("drain", self.queue, "--quiet", "0.5", *options)
        self.assertEqual(code, 0, error)
        return [json.loads(line) for line in out.splitlines()]

    def test_a_message_comes_back_as_it_went(self):
        body = '{"type":"a.b","id":"m1","text":"é"}'
        code, _, error = tool("publish", "--exchange", self.exchange, "--header", "traceparent=00-1", text=body + "\n")
        self.assertEqual(code, 0, error)
        message, = self.drained("--peek")
        self.assertEqual((message["body"], message["routing_key"]), (body, "a.b"))
        self.assertEqual(message["headers"], {"traceparent": "00-1"})
        self.assertEqual(message["properties"], {"content_type": "application/json", "delivery_mode": 2, "message_id": "m1"})
        again, = self.drained()
        self.assertEqual((again["body"], again["redelivered"]), (body, True))
        self.assertEqual(self.drained(), [])

    def test_raw_bodies_empty_and_larger_than_a_frame(self):
        bodies = [b"\xff\x00", b"", os.urandom(300_000), b"{"]
        with tempfile.NamedTemporaryFile("w") as file:
            # An empty body is no line of its own in base64, so that one goes as a record.
            file.write("".join(base64.b64encode(b).decode() + "\n" for b in bodies if b))
            file.flush()
            code, _, error = tool("publish", "--exchange", self.exchange, "--routing-key", "a", "--binary-bodies", file.name)
            self.assertEqual(code, 0, error)
        record = json.dumps({"routing_key": "a", "body": "", "headers": {"deep": {"list": [1, True, None, {"x": "y"}]}}, "properties": {"timestamp": 7}})
        code, _, error = tool("publish", "--exchange", self.exchange, "--records", text=record)
        self.assertEqual(code, 0, error)
        got = self.drained()
        raw = [base64.b64decode(m["body_base64"]) if "body_base64" in m else m["body"].encode() for m in got]
        self.assertEqual(raw, [bodies[0], bodies[2], bodies[3], b""])
        self.assertEqual((got[3]["headers"], got[3]["properties"]["timestamp"]), ({"deep": {"list": [1, True, None, {"x": "y"}]}}, 7))

    def test_an_unroutable_message_is_a_failure(self):
        code, _, error = tool("publish", "--exchange", self.exchange, text='{"type":"nobody","id":"1"}')
        self.assertEqual((code, "nobody" in error), (1, True))

    def test_a_missing_exchange_or_queue_is_told(self):
        self.assertEqual(tool("publish", "--exchange", "absent", text='{"type":"a"}')[0], 2)
        code, out, _ = tool("depth", "absent", self.queue)
        self.assertEqual((code, out), (1, f"absent\t-\t-\n{self.queue}\t0\t0\n"))

    def test_many_with_confirms(self):
        link = amqp_client.Connection(URL)
        self.addCleanup(link.close)
        link.confirm()
        link.publish((("a", {"delivery_mode": 2}, b"%d" % i) for i in range(5000)), self.exchange, 500)
        self.assertEqual((link.outstanding, link.nacked), ({}, 0))
        self.assertEqual([int(m["body"]) for m in self.drained("--count", "5000")], list(range(5000)))


class Human(unittest.TestCase):
    def test_a_notice_reads_well(self):
        message = amqp_client.Message()
        message.routing_key, message.properties = "customer-notification.order-backordered", {}
        message.body = json.dumps({"time": "2026-11-23T10:00:00.000Z", "type": "customer-notification", "kind": "order-backordered", "order_id": "O-1003",
                                   "customer": {"id": "C1", "contact": {"email": "anna@example.org"}}, "promised_at": None,
                                   "lines": [{"line_id": "1", "sku": "TENT-2P", "quantity": 2}]}).encode()
        self.assertEqual(notice_lines.human(message).split(), "10:00:00 anna@example.org order-backordered O-1003 2 × TENT-2P wait, promised: no date yet".split())


if __name__ == "__main__":
    unittest.main()
