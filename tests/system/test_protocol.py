"""The protocol as a stranger meets it: lines, ids, parameters, order, cancel, ends. Hostile input first.

Proven here is what the service answers on a real connection. That the parser itself survives anything is for the fuzzers."""

import json
import os
import shutil
import subprocess
import unittest

from harness import Case, PATIENCE, Refused, Volume, wait_for

MAX_LINE = 1024 * 1024
MAX_WAITING = 64


def line(method="service.status", id=1, **more):
    message = {"jsonrpc": "2.0", "id": id, "method": method}
    message.update(more)
    return json.dumps(message).encode()


def utf16(text):
    return text.encode("utf-16le", "surrogatepass").hex()


class ProtocolCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.share_volume_and_service()

    def setUp(self):
        self.connection = self.service.connect()
        self.addCleanup(self.connection.close)

    def name_of(self, message):
        self.assertIn("error", message)
        return message["error"]["data"]["name"]

    def still_serves(self, connection=None):
        connection = connection or self.connection
        self.assertEqual(connection.call("hello")["protocol"], 1)

    def ask(self, data):
        self.connection.send_bytes(data + b"\n")
        return self.connection.read()

    def is_refused(self, data, name, id=None):
        """One line, one error with this name and id, and the connection goes on."""
        message = self.ask(data)
        self.assertEqual(self.name_of(message), name, (data[:100], message))
        self.assertEqual(message["id"], id, data[:100])
        self.still_serves()


class Greeting(ProtocolCase):
    def test_hello_without_parameters(self):
        for params in ({}, {"params": {}}, {"params": {"protocol": 1}},
                       {"params": {"client": "a test", "protocol": 1}}):
            message = self.ask(line("hello", **params))
            result = message["result"]
            self.assertEqual(result["protocol"], 1)
            self.assertEqual(result["platform"], "linux")
            self.assertRegex(result["server"], r"^junctiond \d")
            self.assertEqual(result["limits"], {"maxLine": MAX_LINE, "maxWaiting": MAX_WAITING})
            for name in ("hello", "service.status", "junction.create", "junction.delete",
                         "reparse.show", "reparse.list", "cancel"):
                self.assertIn(name, result["capabilities"])

    def test_a_newer_client_is_told_what_is_spoken_here(self):
        self.assertEqual(self.connection.call("hello", protocol=7)["protocol"], 1)

    def test_status(self):
        status = self.connection.call("service.status")
        self.assertEqual(status["pid"], self.service.process.pid)
        self.assertEqual(status["identity"], "uid:0")
        self.assertTrue(status["privileged"])
        self.assertTrue(status["mayChange"])
        self.assertGreaterEqual(status["connections"]["ofYours"], 1)
        self.assertEqual(status["workers"]["short"]["stuck"], 0)
        self.assertGreater(status["memory"]["residentBytes"], 0)
        before = status["requests"]
        self.connection.call("hello")
        self.refused("NOT_FOUND", self.connection.call, "reparse.show", path=self.volume.path("none"))
        after = self.connection.call("service.status")["requests"]
        self.assertGreaterEqual(after["served"], before["served"] + 2)
        self.assertGreaterEqual(after["failed"], before["failed"] + 1)


class BadLines(ProtocolCase):
    def test_not_json(self):
        whole = line()
        for data in (b"{", b"}", b"x", b"nul", b'"', b"{]", b"'{}'", b"{'jsonrpc':'2.0'}", whole[:-1],
                     whole + b"}", whole + b" x", whole + whole, whole + b",", b"\xef\xbb\xbf" + whole,
                     b'{"jsonrpc":"2.0","id":1,"method":"hello",}', b'{"id":1e999}', b'{"id":01}', b'{"id":+1}',
                     b'{"id":.5}', b'{"id":NaN}', b'{"id":1 "method":2}', b'{"a":"\\x"}', b'{"a":"\\u12"}'):
            with self.subTest(data=data[:60]):
                self.is_refused(data, "PARSE_ERROR")

    def test_json_that_is_no_object(self):
        for data in (b"1", b'"text"', b"null", b"true"):
            with self.subTest(data=data):
                message = self.ask(data)
                self.assertIn(self.name_of(message), ("PARSE_ERROR", "INVALID_REQUEST"))
                self.assertIsNone(message["id"])
                self.still_serves()

    def test_batch(self):
        for data in (b"[]", b"[" + line() + b"]", b"[" + line() + b"," + line(id=2) + b"]", b"  [1]"):
            with self.subTest(data=data[:40]):
                self.is_refused(data, "INVALID_REQUEST")

    def test_bytes_that_are_no_text(self):
        head = b'{"jsonrpc":"2.0","id":1,"method":"reparse.show","params":{"path":"/'
        for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80",
                    b"\x00", b"\x01", b"\x1f", b"\t", b"\\u0000", b"\\ud800", b"\\udc00x", b"\\udc00\\ud800"):
            with self.subTest(bad=bad):
                self.is_refused(head + bad + b'"}}', "PARSE_ERROR")

    def test_control_bytes_between_tokens(self):
        self.is_refused(line().replace(b'"id"', b'\t"id"'), "PARSE_ERROR")
        self.is_refused(line().replace(b'"id"', b'\x00"id"'), "PARSE_ERROR")

    def test_nesting(self):
        for depth in (9, 100, 10000, 400000):
            for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
                if depth * len(opening) > MAX_LINE - 200:
                    continue
                inner = opening * depth + b"1" + closing * depth
                with self.subTest(depth=depth, opening=opening):
                    data = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":' + inner + b"}"
                    if len(data) <= MAX_LINE:
                        self.is_refused(data, "PARSE_ERROR")
        self.is_refused(b'{"a":' * 50000, "PARSE_ERROR")

    def test_members_given_twice(self):
        for data in (b'{"jsonrpc":"2.0","id":1,"id":1,"method":"hello"}',
                     b'{"jsonrpc":"2.0","id":1,"method":"hello","method":"service.status"}',
                     b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1,"protocol":1}}',
                     b'{"jsonrpc":"2.0","id":1,"method":"hello","\\u0069d":2}'):
            with self.subTest(data=data):
                self.is_refused(data, "PARSE_ERROR")

    def test_members_in_another_case_are_unknown(self):
        self.is_refused(b'{"jsonrpc":"2.0","id":1,"method":"hello","Method":"x"}', "INVALID_REQUEST", 1)
        self.is_refused(b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"Protocol":1}}', "INVALID_PARAMS", 1)

    def test_many_values(self):
        types = b",".join([b'"junction"'] * 60000)
        self.is_refused(b'{"jsonrpc":"2.0","id":1,"method":"reparse.list","params":{"path":"/","types":[' + types + b"]}}",
                        "PARSE_ERROR")

    def test_the_longest_line_and_one_more(self):
        head = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"client":"'
        tail = b'"}}'
        fits = head + b"x" * (MAX_LINE - len(head) - len(tail)) + tail
        self.assertEqual(len(fits), MAX_LINE)
        self.is_refused(fits, "INVALID_PARAMS", 1)  # too long a name for a client, but a line that was read
        with self.service.connect() as connection:
            # The service may close before it has read everything: what it said is there to read all the same.
            try:
                connection.send_bytes(head + b"x" * (MAX_LINE + 1 - len(head) - len(tail)) + tail + b"\n")
            except OSError:
                pass
            message = connection.read()
            self.assertEqual(self.name_of(message), "MESSAGE_TOO_LARGE")
            self.assertIsNone(message["id"])
            self.assertIsNone(connection.read_line())
        with self.service.connect() as connection:  # no end of the line at all
            try:
                for _ in range(64):
                    connection.send_bytes(b"y" * 65536)
            except OSError:
                pass
            self.assertEqual(self.name_of(connection.read()), "MESSAGE_TOO_LARGE")
            self.assertIsNone(connection.read_line())
        self.still_serves()


class Envelope(ProtocolCase):
    def test_ids_that_are_accepted(self):
        for id in (0, 1, -1, 2**53, -2**53, "a", "x" * 64, "é" * 32, "1", " ", "\"\\\n"):
            with self.subTest(id=id):
                message = self.ask(line("hello", id))
                self.assertEqual(message["id"], id)
                self.assertIs(type(message["id"]), type(id))
                self.assertIn("result", message)
        for text, id in ((b"1.0", 1), (b"1e3", 1000), (b"-0", 0)):
            message = self.ask(b'{"jsonrpc":"2.0","id":' + text + b',"method":"hello"}')
            self.assertEqual(message["id"], id)
            self.assertIn("result", message)

    def test_ids_that_are_not(self):
        for text in ("1.5", "null", "true", "[1]", '{"a":1}', '""', '"%s"' % ("x" * 65), '"%s"' % ("é" * 33)):
            with self.subTest(id=text):
                self.is_refused(b'{"jsonrpc":"2.0","id":' + text.encode() + b',"method":"hello"}', "INVALID_REQUEST")
        for text in ("9007199254740993", "-9007199254740993", "1e300", "1" * 30):
            with self.subTest(id=text):
                message = self.ask(b'{"jsonrpc":"2.0","id":' + text.encode() + b',"method":"hello"}')
                self.assertIn(self.name_of(message), ("INVALID_REQUEST", "PARSE_ERROR"))
                self.assertIsNone(message["id"])
                self.still_serves()

    def test_versions_and_methods(self):
        for data, name, id in (
                (b'{"id":1,"method":"hello"}', "INVALID_REQUEST", 1),
                (b'{"jsonrpc":"1.0","id":1,"method":"hello"}', "INVALID_REQUEST", 1),
                (b'{"jsonrpc":2.0,"id":1,"method":"hello"}', "INVALID_REQUEST", 1),
                (b'{"jsonrpc":"2.0","id":1}', "INVALID_REQUEST", 1),
                (b'{"jsonrpc":"2.0","id":1,"method":5}', "INVALID_REQUEST", 1),
                (b'{"jsonrpc":"2.0","id":1,"method":"hello","extra":1}', "INVALID_REQUEST", 1),
                (b'{"jsonrpc":"2.0","id":1,"result":{}}', "INVALID_REQUEST", 1),
                (b'{"jsonrpc":"2.0","id":"q","method":"nonsense"}', "METHOD_NOT_FOUND", "q"),
                (b'{"jsonrpc":"2.0","id":1,"method":""}', "METHOD_NOT_FOUND", 1),
                (b'{"jsonrpc":"2.0","id":1,"method":"Hello"}', "METHOD_NOT_FOUND", 1),
                (b'{"jsonrpc":"2.0","id":1,"method":"journal.list"}', "METHOD_NOT_FOUND", 1),
                (line(method="m" * 900000), "METHOD_NOT_FOUND", 1),
                (b"{}", "INVALID_REQUEST", None)):
            with self.subTest(data=data[:70]):
                self.is_refused(data, name, id)

    def test_notifications(self):
        for data in (b'{"jsonrpc":"2.0","method":"hello"}',
                     b'{"jsonrpc":"2.0","method":"junction.create","params":{"link":"/x","target":"C:\\\\x"}}',
                     b'{"jsonrpc":"2.0","method":"nonsense"}'):
            with self.subTest(data=data):
                self.is_refused(data, "INVALID_REQUEST")
        self.is_refused(b'{"jsonrpc":"2.0","id":1,"method":"cancel","params":{"id":2}}', "INVALID_REQUEST", 1)

    def test_parameters(self):
        create = "junction.create"
        for method, params, name in (
                ("hello", [], "INVALID_PARAMS"), ("hello", [1], "INVALID_PARAMS"), ("hello", None, "INVALID_PARAMS"),
                ("hello", "x", "INVALID_PARAMS"), ("hello", 1, "INVALID_PARAMS"),
                ("hello", {"protocol": 0}, "INVALID_PARAMS"), ("hello", {"protocol": "1"}, "INVALID_PARAMS"),
                ("hello", {"protocol": 1.5}, "INVALID_PARAMS"), ("hello", {"client": 1}, "INVALID_PARAMS"),
                ("hello", {"client": "x" * 129}, "INVALID_PARAMS"), ("hello", {"unknown": 1}, "INVALID_PARAMS"),
                ("service.status", {"x": 1}, "INVALID_PARAMS"),
                ("reparse.show", {}, "INVALID_PARAMS"), ("reparse.show", None, "INVALID_PARAMS"),
                ("reparse.show", {"path": 1}, "INVALID_PARAMS"), ("reparse.show", {"path": None}, "INVALID_PARAMS"),
                ("reparse.show", {"path": ["/"]}, "INVALID_PARAMS"), ("reparse.show", {"path": "/", "check": 1}, "INVALID_PARAMS"),
                ("reparse.show", {"path": "/", "check": "true"}, "INVALID_PARAMS"),
                ("reparse.show", {"path": "/", "pathUtf16": utf16("/")}, "INVALID_PARAMS"),
                ("reparse.show", {"pathUtf16": "2"}, "INVALID_PARAMS"), ("reparse.show", {"pathUtf16": "zzzz"}, "INVALID_PARAMS"),
                ("reparse.show", {"pathUtf16": 7}, "INVALID_PARAMS"), ("reparse.show", {"pathUtf8": "2f00"}, "INVALID_PARAMS"),
                ("reparse.show", {"path": ""}, "INVALID_PATH"), ("reparse.show", {"path": "relative"}, "INVALID_PATH"),
                ("reparse.show", {"pathUtf16": ""}, "INVALID_PATH"), ("reparse.show", {"pathUtf16": "2f000000"}, "INVALID_PATH"),
                ("reparse.show", {"path": "/" + "x" * 40000}, "INVALID_PATH"),
                ("reparse.list", {}, "INVALID_PARAMS"), ("reparse.list", {"path": "/", "types": "junction"}, "INVALID_PARAMS"),
                ("reparse.list", {"path": "/", "types": []}, "INVALID_PARAMS"),
                ("reparse.list", {"path": "/", "types": ["nothing"]}, "INVALID_PARAMS"),
                ("reparse.list", {"path": "/", "types": [1]}, "INVALID_PARAMS"),
                ("reparse.list", {"path": "/", "source": "magic"}, "INVALID_PARAMS"),
                ("reparse.list", {"path": "/", "source": 1}, "INVALID_PARAMS"),
                ("reparse.list", {"path": "/", "recurse": None}, "INVALID_PARAMS"),
                (create, {"link": "/x"}, "INVALID_PARAMS"), (create, {"target": "C:\\x"}, "INVALID_PARAMS"),
                (create, {"link": "/x", "target": ""}, "INVALID_TARGET"),
                (create, {"link": "/x", "target": "C:\\" + "x" * 33000}, "TARGET_TOO_LONG"),
                (create, {"link": "/x", "target": "C:\\x", "drive": "CC"}, "INVALID_PARAMS"),
                (create, {"link": "/x", "target": "C:\\x", "drive": ""}, "INVALID_PARAMS"),
                (create, {"link": "/x", "target": "C:\\x", "replace": 0}, "INVALID_PARAMS"),
                (create, {"link": "/x", "target": "C:\\x", "force": True}, "INVALID_PARAMS"),
                (create, {"link": "/x", "target": "C:\\x", "keepDirectory": True}, "INVALID_PARAMS"),
                ("junction.delete", {"path": "/x"}, "INVALID_PARAMS"),
                ("junction.delete", {"link": "/x", "replace": True}, "INVALID_PARAMS"),
                ("junction.delete", {"link": "/x", "dryRun": "no"}, "INVALID_PARAMS")):
            with self.subTest(method=method, params=repr(params)[:80]):
                self.is_refused(line(method, "i", params=params), name, "i")

    def test_a_bad_cancel_is_said(self):
        for params in (b"{}", b'{"id":null}', b'{"id":1.5}', b'{"id":[]}', b"[1]", b'{"id":1,"x":1}'):
            with self.subTest(params=params):
                self.is_refused(b'{"jsonrpc":"2.0","method":"cancel","params":' + params + b"}", "INVALID_PARAMS")
        self.is_refused(b'{"jsonrpc":"2.0","method":"cancel"}', "INVALID_PARAMS")


class Framing(ProtocolCase):
    def test_ends_of_lines(self):
        self.connection.send_bytes(line("hello", 1) + b"\r\n" + b"\n\r\n\n" + line("hello", 2) + b"\n")
        self.assertEqual([self.connection.read()["id"] for _ in range(2)], [1, 2])
        self.is_refused(line("hello", 3).replace(b",", b",\r", 1), "PARSE_ERROR")

    def test_one_byte_at_a_time(self):
        for byte in line("hello", "slow") + b"\n":
            self.connection.send_bytes(bytes([byte]))
        self.assertEqual(self.connection.read()["id"], "slow")

    def test_spaces_are_nothing(self):
        self.assertEqual(self.ask(b'  { "jsonrpc" : "2.0" , "id" : 5 , "method" : "hello" }  ')["id"], 5)

    def test_a_name_cut_by_every_packet(self):
        path = self.volume.path("größe-\U0001f600")
        data = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "reparse.show", "params": {"path": path}},
                          ensure_ascii=False).encode() + b"\n"
        for cut in range(len(data) - 20, len(data)):
            self.connection.send_bytes(data[:cut])
            self.connection.send_bytes(data[cut:])
            message = self.connection.read()
            self.assertEqual(self.name_of(message), "NOT_FOUND")
            self.assertEqual(message["error"]["data"]["path"], path)


class Order(ProtocolCase):
    def test_pipelined_requests_are_answered_in_order(self):
        links = [self.volume.path("order-%d" % i) for i in range(10)]
        ids = []
        for link in links:  # five requests each: all of a link in turn, so each depends on the one before it
            ids.append((self.connection.request("junction.create", {"link": link, "target": "C:\\a"}), "created"))
            ids.append((self.connection.request("reparse.show", {"path": link}), "C:\\a"))
            ids.append((self.connection.request("junction.create", {"link": link, "target": "C:\\b", "replace": True}), "replaced"))
            ids.append((self.connection.request("reparse.show", {"path": link}), "C:\\b"))
            ids.append((self.connection.request("junction.delete", {"link": link}), "deleted"))
        for id, expected in ids:
            message = self.connection.read()
            self.assertEqual(message["id"], id)
            result = message["result"]
            self.assertEqual(result.get("outcome", result["target"]), expected)
        for link in links:
            self.assertFalse(os.path.lexists(link))

    def test_every_kind_of_work_keeps_its_turn(self):
        # Short work behind long work, behind what the loop answers, behind what was refused at once: each changes hands between threads.
        here = self.volume.mkdir("turns")
        for _ in range(20):
            lines = []
            for i in range(12):
                lines.append((line("reparse.list", "l%d" % i, params={"path": here}), "result"))
                lines.append((line("reparse.show", "s%d" % i, params={"path": here}), "error"))
                lines.append((line("hello", "h%d" % i), "result"))
                lines.append((line("nonsense", "n%d" % i), "error"))
                lines.append((line("reparse.show", "t%d" % i, params={"path": here}), "error"))
            self.connection.send_bytes(b"".join(data + b"\n" for data, _ in lines))
            for data, kind in lines:
                message = self.connection.read()
                while "method" in message:
                    message = self.connection.read()
                self.assertEqual(message["id"], json.loads(data)["id"])
                self.assertIn(kind, message)

    def test_five_hundred_in_one_write(self):
        self.connection.send_bytes(b"".join(line("hello", i) + b"\n" for i in range(500)))
        answered = {}
        order = []
        for _ in range(500):
            message = self.connection.read()
            self.assertNotIn(message["id"], answered)
            answered[message["id"]] = message
            if "result" in message:
                order.append(message["id"])
            else:
                self.assertEqual(self.name_of(message), "BUSY")
        self.assertEqual(sorted(answered), list(range(500)))
        self.assertEqual(order, sorted(order))
        self.assertGreaterEqual(len(order), MAX_WAITING + 1)
        self.still_serves()


class Held(ProtocolCase):
    """With a first request that stays at work as long as the test wants: its volume does not answer meanwhile."""

    def setUp(self):
        super().setUp()
        self.held = Volume()
        self.addCleanup(self.held.unmount)
        os.mkdir(self.held.path("d"))
        self.frozen = False

    def hold(self, id="held"):
        self.held.freeze()
        self.addCleanup(self.held.thaw)
        self.connection.request("reparse.list", {"path": self.held.path("d")}, id=id)
        with self.service.connect() as other:
            wait_for(lambda: other.call("service.status")["requests"]["running"] >= 1, "the first request to run")

    def test_sixty_four_wait_and_the_next_is_busy(self):
        self.hold()
        for i in range(MAX_WAITING):
            self.connection.request("hello", id=i)
        self.connection.request("hello", id="one too many")
        self.connection.send_bytes(b"not json\n")
        message = self.connection.read()  # at once, although the others still wait
        self.assertEqual((message["id"], self.name_of(message)), ("one too many", "BUSY"))
        self.assertEqual(self.name_of(self.connection.read()), "BUSY")
        self.held.thaw()
        self.assertEqual(self.connection.read()["id"], "held")
        for i in range(MAX_WAITING):
            message = self.connection.read()
            self.assertEqual(message["id"], i)
            self.assertIn("result", message)
        self.still_serves()

    def test_an_id_in_use(self):
        self.hold("same")
        self.connection.request("hello", id="same")
        self.connection.request("hello", id=7)
        self.connection.request("hello", id=7)
        self.connection.request("hello", id="7")  # a string is another id
        self.held.thaw()
        answers = [self.connection.read() for _ in range(5)]
        self.assertEqual([message["id"] for message in answers], ["same", "same", 7, 7, "7"])
        self.assertEqual(["result" in message for message in answers], [True, False, True, False, True])
        for message in (answers[1], answers[3]):
            self.assertEqual(self.name_of(message), "INVALID_REQUEST")
        self.assertIn("result", self.ask(line("hello", "same")))  # free again

    def test_cancel_what_waits(self):
        self.hold()
        link = self.volume.path("never-made")
        self.connection.request("junction.create", {"link": link, "target": "C:\\x"}, id=1)
        self.connection.request("hello", id=2)
        self.connection.request("hello", id=3)
        for id in (1, 3, "unknown", 99):
            self.connection.send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": id}})
        self.connection.send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": 1}})
        self.connection.request("hello", id=4)
        self.held.thaw()
        answers = [self.connection.read() for _ in range(5)]
        self.assertEqual([message["id"] for message in answers], ["held", 1, 2, 3, 4])
        self.assertEqual(["result" in message for message in answers], [True, False, True, False, True])
        self.assertEqual(self.name_of(answers[1]), "CANCELLED")
        self.assertEqual(self.name_of(answers[3]), "CANCELLED")
        self.assertFalse(os.path.lexists(link))

    def test_cancel_what_runs(self):
        self.hold()
        self.connection.request("hello", id=1)
        self.connection.send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": "held"}})
        self.connection.request("hello", id=2)
        with self.service.connect() as other:
            # That the cancel was read is seen by what came behind it.
            wait_for(lambda: other.call("service.status")["requests"]["waiting"] >= 2, "the cancel to be read")
        self.held.thaw()
        message = self.connection.read()
        while "method" in message:
            message = self.connection.read()
        self.assertEqual(message["id"], "held")
        self.assertEqual(self.name_of(message), "CANCELLED")
        self.assertEqual([self.connection.read()["id"] for _ in range(2)], [1, 2])

    def test_end_of_file_while_at_work(self):
        self.hold()
        self.connection.request("hello", id=1)
        self.connection.end()
        self.held.thaw()
        self.assertEqual(self.connection.read()["id"], "held")
        self.assertEqual(self.connection.read()["id"], 1)
        self.assertIsNone(self.connection.read_line())


class Cancel(ProtocolCase):
    def test_what_is_finished_or_was_never_asked(self):
        self.connection.call("hello")
        for id in (1, 12345, "x", -5):
            self.connection.send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": id}})
        self.still_serves()  # no answer to any of them came before

    def test_a_list_that_streams(self):
        here = self.volume.mkdir("many")
        for i in range(300):
            os.makedirs(os.path.join(here, "d%03d" % i, "e", "f"))
        ended = {"CANCELLED": 0, "result": 0}
        for _ in range(10):
            id = self.connection.request("reparse.list", {"path": here, "recurse": True})
            self.connection.send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": id}})
            try:
                self.assertFalse(self.connection.answer(id)["truncated"])
                ended["result"] += 1
            except Refused as refusal:
                self.assertEqual(refusal.name, "CANCELLED")
                ended["CANCELLED"] += 1
            self.still_serves()
        self.assertGreater(ended["CANCELLED"], 0, ended)


class Ends(ProtocolCase):
    def test_end_of_file_means_no_more_requests(self):
        link = self.volume.path("at-the-end")
        self.connection.request("junction.create", {"link": link, "target": "C:\\x"}, id=1)
        self.connection.request("reparse.show", {"path": link}, id=2)
        self.connection.request("junction.delete", {"link": link}, id=3)
        self.connection.end()
        self.assertEqual([self.connection.read()["id"] for _ in range(3)], [1, 2, 3])
        self.assertIsNone(self.connection.read_line())
        self.assertFalse(os.path.lexists(link))

    def test_end_of_file_without_a_word(self):
        self.connection.end()
        self.assertIsNone(self.connection.read_line())

    def test_a_last_line_without_its_end(self):
        link = self.volume.path("before-the-torn-line")
        self.connection.send_bytes(line("junction.create", 1, params={"link": link, "target": "C:\\x"}) + b"\n" +
                                   line("reparse.list", 2, params={"path": self.volume.root}) + b"\n" +
                                   line("junction.delete", 3, params={"link": link}))
        self.connection.end()
        message = self.connection.read()
        self.assertEqual(message["id"], 1)
        self.assertIn("result", message)
        message = self.connection.read()
        while "method" in message:
            message = self.connection.read()
        self.assertEqual(message["id"], 2)
        self.assertIn("result", message)
        message = self.connection.read()
        self.assertEqual(self.name_of(message), "PARSE_ERROR")
        self.assertIsNone(message["id"])
        self.assertIsNone(self.connection.read_line())
        self.assertTrue(os.path.lexists(link))  # a request that was not said to its end is not carried out
        self.assert_junction(link, "C:\\x")

    def test_a_client_that_closes_at_once(self):
        link = self.volume.path("asked-and-gone")
        with self.service.connect() as connection:
            connection.request("junction.create", {"link": link, "target": "C:\\x"})
        # It may have been carried out or not; but whole.
        wait_for(lambda: self.connection.call("service.status")["connections"]["open"] == 1, "the connection to go")
        if os.path.lexists(link):
            self.assert_junction(link, "C:\\x")

    @unittest.skipIf(shutil.which("nc") is None, "SKIPPED: nc is not installed")
    def test_netcat(self):
        link = self.volume.path("by-netcat")
        lines = (line("junction.create", 1, params={"link": link, "target": "C:\\x"}),
                 line("junction.delete", 2, params={"link": link}), line("service.status", 3))
        done = subprocess.run(["nc", "-N", "-U", self.service.socket], input=b"".join(l + b"\n" for l in lines),
                              capture_output=True, timeout=PATIENCE, check=True)
        answers = [json.loads(text) for text in done.stdout.splitlines()]
        self.assertEqual([answer["id"] for answer in answers], [1, 2, 3])
        self.assertEqual([answer["result"].get("outcome") for answer in answers], ["created", "deleted", None])


class Names(ProtocolCase):
    def test_utf16_in_place_of_the_name(self):
        link = self.volume.path("plain-é-\U0001f517")
        target = "C:\\Größe\\\U0001f4c1"
        created = self.connection.call("junction.create", linkUtf16=utf16(link), targetUtf16=utf16(target))
        self.assertEqual((created["link"], created["target"]), (link, target))
        self.assert_junction(link, target)
        self.assertEqual(self.connection.call("reparse.show", pathUtf16=utf16(link).upper())["target"], target)
        self.assertEqual(self.connection.call("junction.create", link=link, targetUtf16=utf16(target))["outcome"], "unchanged")
        deleted = self.connection.call("junction.delete", linkUtf16=utf16(link), expectedTargetUtf16=utf16(target))
        self.assertEqual(deleted["outcome"], "deleted")

    def test_names_that_are_no_unicode(self):
        # A target with a lone surrogate: U+FFFD for those who read text, the truth beside it.
        link = self.volume.path("to-odd")
        target = "C:\\odd\ud800name"
        created = self.connection.call("junction.create", link=link, targetUtf16=utf16(target))
        self.assertEqual(created["target"], "C:\\odd\ufffdname")
        self.assertEqual(created["targetUtf16"].lower(), utf16(target))
        self.assert_junction(link, target)
        shown = self.connection.call("reparse.show", path=link)
        self.assertEqual(shown["targetUtf16"].lower(), utf16(target))
        self.assertNotIn("pathUtf16", shown)
        self.refused("TARGET_CHANGED", self.connection.call, "junction.delete", link=link,
                     expectedTarget="C:\\odd\ufffdname")
        self.connection.call("junction.delete", link=link, expectedTargetUtf16=utf16(target))
