"""Limits and deadlines, each made small by a configuration: what is over is refused with its name, and nobody else notices.

Time is never what is proven: a deadline of a second is waited for as long as it takes, and what must not be cut off is held longer than
the deadline by something else that had to happen."""

import json
import os
import select
import selectors
import signal
import threading
import time

from harness import (ALICE, BOB, Case, PATIENCE, Refused, Service, Volume, built_with, junction_buffer, name_of, need_mounts, next_answer,
                     wait_for)

MANY = 12000
TARGET = "C:\\" + "\\".join(["a rather long name of a directory"] * 6)  # so that a list is many times what a socket holds


def descriptors(service):
    return len(os.listdir("/proc/%d/fd" % service.process.pid))


def resident(service):
    with open("/proc/%d/statm" % service.process.pid, encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Deadlines(Case):
    def setUp(self):
        need_mounts()

    def closed_with(self, connection, name):
        message = connection.read()
        self.assertIsNotNone(message, "closed without a word")
        self.assertIsNone(message["id"])
        self.assertEqual(name_of(message), name, message)
        self.assertIsNone(connection.read_line())
        return message

    def test_silence_after_connecting(self):
        with Service({"limits": {"firstLineSeconds": 1}}) as service:
            with service.connect() as connection, service.connect() as other:
                other.call("hello")
                self.assertIn("1 s", self.closed_with(connection, "TIMED_OUT")["error"]["message"])
                other.call("hello")  # the first line came in time
            with service.connect() as connection:
                connection.send_bytes(b"\n" * 10)  # empty lines are no line
                self.closed_with(connection, "TIMED_OUT")

    def test_half_a_line_and_silence(self):
        with Service({"limits": {"lineSeconds": 1}}) as service:
            with service.connect() as connection:
                connection.call("hello")
                connection.send_bytes(b'{"jsonrpc":"2.0","id":1,')
                self.closed_with(connection, "TIMED_OUT")
            with service.connect() as connection:
                # Bytes that drip do not help: the line has to end.
                connection.call("hello")
                end = time.monotonic() + PATIENCE
                with self.assertRaises(OSError):
                    while time.monotonic() < end:
                        connection.send_bytes(b" ")
                        time.sleep(0.1)
                self.closed_with(connection, "TIMED_OUT")

    def test_idle(self):
        with Service({"limits": {"idleSeconds": 1}}) as service:
            with service.connect() as connection:
                connection.call("hello")
                connection.send_bytes(b"\n")
                self.closed_with(connection, "TIMED_OUT")
                self.assertEqual(service.process.poll(), None)

    def test_work_is_not_idle(self):
        with Volume() as volume, Service({"limits": {"idleSeconds": 1, "lineSeconds": 1, "firstLineSeconds": 1}}) as service:
            volume.freeze()
            with service.connect() as connection:
                connection.request("reparse.list", {"path": volume.root}, id=1)
                with service.connect() as other:  # idle itself: it is closed after the time that the first one outlives
                    other.call("hello")
                    self.closed_with(other, "TIMED_OUT")
                volume.thaw()
                self.assertEqual(next_answer(connection)["id"], 1)
                connection.call("hello")
                self.closed_with(connection, "TIMED_OUT")


class Connections(Case):
    def setUp(self):
        need_mounts()

    def refused_at_the_door(self, service, uid=0):
        with service.connect(uid) as connection:
            message = connection.read()
            self.assertIsNotNone(message, "closed without a word")
            self.assertIsNone(message["id"])
            self.assertEqual(name_of(message), "TOO_MANY_CONNECTIONS")
            self.assertIsNone(connection.read_line())

    def served(self, service, uid=0):
        """A connection that is served, when there is room."""
        found = []

        def attempt():
            connection = service.connect(uid)
            try:
                connection.call("hello")
            except (Refused, AssertionError, OSError):
                connection.close()
                return False
            found.append(connection)
            return True
        wait_for(attempt, "room for a connection")
        self.addCleanup(found[0].close)
        return found[0]

    def test_of_one_identity(self):
        with Service({"limits": {"connectionsPerIdentity": 3, "connections": 20}}) as service:
            held = [self.served(service, ALICE) for _ in range(3)]
            for _ in range(30):
                self.refused_at_the_door(service, ALICE)
            bob = self.served(service, BOB)
            status = bob.call("service.status")["connections"]
            self.assertEqual(status["ofYours"], 1)
            self.assertGreaterEqual(status["refused"], 30)
            for connection in held:
                connection.call("hello")
            held[0].close()
            self.served(service, ALICE).call("hello")

    def test_of_all(self):
        with Service({"limits": {"connectionsPerIdentity": 3, "connections": 6}}) as service:
            wait_for(lambda: descriptors(service) > 0, "the service")
            held = [self.served(service, uid) for uid in (0, 0, 0, ALICE, ALICE, ALICE)]
            self.refused_at_the_door(service, BOB)
            for connection in held:
                connection.call("hello")
            held[5].close()
            self.served(service, BOB).call("hello")

    def test_a_crowd_at_the_door_takes_nobodys_place(self):
        with Service({"limits": {"connectionsPerIdentity": 2, "connections": 6}}) as service:
            for _ in range(2):
                self.served(service, ALICE)
            bob = self.served(service, BOB)
            service.process.send_signal(signal.SIGSTOP)  # so that all of them stand there at one moment
            crowd = [service.connect(ALICE) for _ in range(40)]
            late = service.connect(BOB)
            service.process.send_signal(signal.SIGCONT)
            try:
                self.assertEqual(late.call("hello")["protocol"], 1)
                bob.call("hello")
                for connection in crowd:
                    self.assertEqual(name_of(connection.read()), "TOO_MANY_CONNECTIONS")
                self.assertEqual(bob.call("service.status")["connections"]["open"], 4)
            finally:
                for connection in crowd + [late]:
                    connection.close()

    def test_a_thousand_connects_and_drops(self):
        # The service may be behind with closing what was dropped: that is no reason to refuse the next one here.
        limits = {"connections": 3000, "connectionsPerIdentity": 2000}
        with Volume() as volume, Service({"limits": limits}) as service:
            link = volume.path("link")
            with service.connect() as connection:
                connection.call("junction.create", link=link, target="C:\\x")
                wait_for(lambda: connection.call("service.status")["connections"]["open"] == 1, "the harness to be gone")
                before = descriptors(service)
                for i in range(1000):
                    with service.connect() as visitor:
                        kind = i % 5
                        if kind == 1:
                            visitor.send_bytes(b'{"half a line')
                        elif kind == 2:
                            visitor.request("reparse.show", {"path": link})
                        elif kind == 3:
                            visitor.request("reparse.list", {"path": volume.root, "recurse": True})
                            visitor.request("junction.create", {"link": link, "target": "C:\\x"})
                        elif kind == 4:
                            visitor.call("hello")
                wait_for(lambda: connection.call("service.status")["connections"]["open"] == 1, "all to be gone")
                wait_for(lambda: descriptors(service) <= before, "the descriptors to be closed")
                status = connection.call("service.status")
                self.assertEqual(status["workers"]["short"]["stuck"] + status["workers"]["long"]["stuck"], 0)
                self.assertEqual(status["requests"]["waiting"], 0)
                self.assertEqual(connection.call("reparse.show", path=link)["target"], "C:\\x")


class Flood(Case):
    """Clients that ask for much. One volume with many junctions serves all of these tests."""

    @classmethod
    def setUpClass(cls):
        need_mounts()
        cls.volume = Volume(size="256M")
        cls.addClassCleanup(cls.volume.unmount)
        cls.paths = set()
        buffer = junction_buffer(TARGET)
        for i in range(MANY):
            if i % 1000 == 0:
                cls.volume.mkdir("d%03d" % (i // 1000))
            path = cls.volume.path("d%03d" % (i // 1000), "junction with a number %06d" % i)
            os.mkdir(path)
            os.setxattr(path, "system.ntfs_reparse_data", buffer)
            cls.paths.add(path)

    def read_list(self, connection, id):
        """(paths, result); the order of the notifications is checked."""
        seen = []
        seq = 0
        while True:
            message = connection.read()
            self.assertIsNotNone(message, "the list ended without its answer")
            if "method" not in message:
                self.assertEqual(message["id"], id)
                return seen, message["result"]
            self.assertEqual(message["params"]["id"], id)
            if message["method"] == "reparse.entries":
                self.assertEqual(message["params"]["seq"], seq)
                seq += 1
                for entry in message["params"]["entries"]:
                    self.assertNotIn("error", entry)
                    self.assertEqual(entry["target"], TARGET)
                    seen.append(entry["path"])

    def check_list(self, connection, id):
        seen, result = self.read_list(connection, id)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(set(seen), self.paths)
        self.assertEqual((result["count"], result["skipped"], result["truncated"]), (MANY, 0, False))
        return result

    def ask_list(self, connection, id="big"):
        return connection.request("reparse.list", {"path": self.volume.root, "recurse": True}, id=id)

    def wait_until_paused(self, other):
        """Until the lists make no more system calls: the service's context switches stand still."""
        def switches():
            total = 0
            base = "/proc/%d/task" % self.service.process.pid
            for task in os.listdir(base):
                with open("%s/%s/stat" % (base, task), encoding="ascii") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                    total += int(fields[11]) + int(fields[12])
            return total

        def still():
            before = switches()
            time.sleep(0.3)
            return switches() == before
        wait_for(still, "the lists to pause")
        self.assertGreaterEqual(other.call("service.status")["requests"]["running"], 1)

    def test_a_client_that_never_reads(self):
        # Its list is held up, its memory bounded; all others are served; and when it reads at last, nothing is missing.
        with Service({"limits": {"operationSeconds": 1, "listsPerIdentity": 4}}) as self.service:
            with self.service.connect() as other:
                other.call("reparse.show", path=next(iter(self.paths)))
                before = resident(self.service)
                lazy = [self.service.connect() for _ in range(4)]
                try:
                    for connection in lazy:
                        self.ask_list(connection)
                    self.wait_until_paused(other)
                    time.sleep(1.5)  # longer than an operation may take: a list that waits for its reader is not stuck
                    status = other.call("service.status")
                    self.assertEqual(status["workers"]["long"]["stuck"], 0)
                    self.assertEqual(status["requests"]["running"], 4)
                    self.assertLess(resident(self.service) - before, 64 * 1024 * 1024 * sanitizer_factor())
                    with self.service.connect(ALICE) as alice:
                        self.assertEqual(alice.list(self.volume.path("d001"))[1]["count"], 1000)
                    for connection in lazy:
                        self.check_list(connection, "big")
                finally:
                    for connection in lazy:
                        connection.close()

    def test_a_client_that_never_reads_and_leaves(self):
        with Service() as self.service:
            with self.service.connect() as other:
                for _ in range(6):
                    with self.service.connect() as lazy:
                        self.ask_list(lazy)
                        lazy.read()
                wait_for(lambda: other.call("service.status")["workers"]["long"]["busy"] == 0, "the lists to be given up")
                self.assertEqual(other.call("service.status")["requests"]["running"], 0)

    def test_cancel_of_a_list_that_is_held_up(self):
        with Service() as self.service:
            with self.service.connect() as lazy, self.service.connect() as other:
                self.ask_list(lazy)
                self.wait_until_paused(other)
                lazy.send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": "big"}})
                lazy.request("hello", id="after")
                self.assertEqual(name_of(next_answer(lazy)), "CANCELLED")
                self.assertEqual(next_answer(lazy)["id"], "after")

    def test_a_client_that_takes_nothing_is_let_go(self):
        with Service({"limits": {"writeSeconds": 1}, "logLevel": "info"}) as self.service:
            with self.service.connect() as lazy, self.service.connect() as other:
                self.ask_list(lazy)
                wait_for(lambda: self.service.events("connection.closed"), "the service to give up")
                wait_for(lambda: other.call("service.status")["workers"]["long"]["busy"] == 0, "the list to end")
                while True:  # what was in the socket is whole up to a point, and there is no answer behind it
                    line = lazy.read_line()
                    if line is None:
                        break
                    self.assertIn(b'"method"', line)
                other.call("hello")

    def test_a_slow_reader_is_not_let_go(self):
        with Service({"limits": {"writeSeconds": 1}}) as self.service:
            with self.service.connect() as slow:
                self.ask_list(slow)
                end = time.monotonic() + 4
                while time.monotonic() < end:  # a little now and then, for several times as long as silence is allowed
                    more = slow.socket.recv(65536)
                    self.assertTrue(more)
                    slow.buffer += more
                    time.sleep(0.2)
                self.check_list(slow, "big")

    def test_asking_much_without_reading(self):
        # The service stops reading, with half a line in its hands; that half line's deadline is then not the client's fault.
        with Service({"limits": {"lineSeconds": 1, "idleSeconds": 1}}) as self.service:
            with self.service.connect() as lazy, self.service.connect() as other:
                self.ask_list(lazy)
                other.call("hello")
                lazy.socket.settimeout(1)
                data = b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"reparse.show","params":{"path":"/%s"}}\n'
                                % (i, b"x" * 30000) for i in range(60))
                sent = 0
                try:
                    while sent < len(data):
                        sent += lazy.socket.send(data[sent:])
                except TimeoutError:
                    pass
                self.assertLess(sent, len(data), "the service read all of it")
                asked = data[:sent].count(b"\n")
                time.sleep(1.5)  # beyond the deadline of a line
                lazy.socket.settimeout(PATIENCE)
                self.check_list(lazy, "big")
                # The rest is sent while the answers are read, as a client that reads does.
                writer = threading.Thread(target=lambda: lazy.socket.sendall(data[sent:]))
                writer.start()
                for i in range(60):
                    message = lazy.read()
                    self.assertEqual(message["id"], i, message)
                    self.assertIn(name_of(message), ("INVALID_PATH", "NOT_FOUND"))
                writer.join()
                self.assertGreater(asked, 20)

    def test_one_that_floods_and_one_that_asks_little(self):
        # Forty of Alice's connections have sixty-four changes each waiting for the one thread that she may have. Bob asks one thing after the
        # other: were there one queue for all, each of his would have to wait for forty of hers.
        each = 20
        home = self.volume.mkdir("flood", owner=ALICE)
        with Service({"limits": {"shortWorkers": 2, "shortWorkersPerIdentity": 1}}) as self.service:
            crowd = [self.service.connect(ALICE) for _ in range(40)]
            bob = self.service.connect(BOB)
            bob.call("hello")
            try:
                self.service.process.send_signal(signal.SIGSTOP)
                for number, connection in enumerate(crowd):
                    link = os.path.join(home, "of connection %d" % number)
                    connection.send_bytes(b"".join(json.dumps(
                        {"jsonrpc": "2.0", "id": i, "method": "junction.delete" if i % 2 else "junction.create",
                         "params": {"link": link} if i % 2 else {"link": link, "target": TARGET}}).encode() + b"\n" for i in range(64)))
                self.service.process.send_signal(signal.SIGCONT)
                path = next(iter(self.paths))
                bob.call("reparse.show", path=path)
                before = bob.call("service.status")["requests"]["served"]
                for _ in range(each):
                    bob.call("reparse.show", path=path)
                status = bob.call("service.status")["requests"]
                self.assertGreater(status["waiting"], 0, "Alice had nothing left to wait with")
                self.assertLess(status["served"] - before, each * len(crowd) // 2, "Bob had to wait for Alice's")
                for connection in crowd:
                    for i in range(64):
                        message = connection.read()
                        self.assertEqual(message["id"], i)
                        self.assertIn("result", message)
            finally:
                for connection in crowd + [bob]:
                    connection.close()
        os.rmdir(home)

    def test_lists_of_one_identity(self):
        with Service({"limits": {"lists": 4, "listsPerIdentity": 2}}) as self.service:
            alices = [self.service.connect(ALICE) for _ in range(5)]
            with self.service.connect(BOB) as bob:
                try:
                    for connection in alices:
                        self.ask_list(connection)
                    self.wait_until_paused(bob)
                    status = bob.call("service.status")["workers"]["long"]
                    self.assertEqual(status["waiting"], 3)
                    self.assertEqual(bob.list(self.volume.path("d002"))[1]["count"], 1000)  # Alice's lists wait, Bob's does not
                    # A list that waits can be taken back before it began; it has sent nothing yet.
                    waiting = [connection for connection in alices
                               if not select.select([connection.socket], [], [], 0)[0]]
                    self.assertEqual(len(waiting), 3)
                    waiting[1].send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": "big"}})
                    self.assertEqual(name_of(waiting[1].read()), "CANCELLED")
                    self.assertEqual(bob.call("service.status")["workers"]["long"]["waiting"], 2)
                    # Whichever runs: read it, and the next one gets its turn.
                    left = {connection.socket: connection for connection in alices if connection is not waiting[1]}
                    with selectors.DefaultSelector() as selector:
                        for handle in left:
                            selector.register(handle, selectors.EVENT_READ)
                        while left:
                            ready = selector.select(PATIENCE)
                            self.assertTrue(ready, "a list never got its turn")
                            handle = ready[0][0].fileobj
                            selector.unregister(handle)
                            self.check_list(left.pop(handle), "big")
                finally:
                    for connection in alices:
                        connection.close()

    def test_a_hundred_lists(self):
        with Service({"limits": {"connections": 120, "connectionsPerIdentity": 110}}) as self.service:
            here = self.volume.path("d003")
            connections = [self.service.connect() for _ in range(100)]
            try:
                for connection in connections:
                    connection.request("reparse.list", {"path": here}, id="small")
                for connection in connections:
                    seen, result = self.read_list(connection, "small")
                    self.assertEqual((len(seen), len(set(seen)), result["count"]), (1000, 1000, 1000))
            finally:
                for connection in connections:
                    connection.close()


def sanitizer_factor():
    """Shadow memory and quarantine are not the service's."""
    return 10 if built_with(b"__asan_init") or built_with(b"__tsan_init") else 1


class SlowWork(Case):
    def test_long_work_of_one_does_not_make_a_volume_count_as_dead(self):
        """An operation that is over its time while its volume answers is its caller's trouble only."""
        with Volume(size="128M") as volume, Service({"limits": {"operationSeconds": 1}}) as service:
            volume.mkdir("alice", 0o700, ALICE)
            with service.connect(ALICE) as alice, service.connect(BOB) as bob:
                link = volume.path("alice") + "/a" * 1500
                alice.request("junction.create", {"link": link, "target": "C:\\x", "parents": True}, id=1)
                while not select.select([alice.socket], [], [], 0.01)[0]:
                    bob.list(volume.root)
                self.assertEqual(name_of(alice.read()), "OUTCOME_UNKNOWN")
                for _ in range(20):
                    bob.list(volume.root)
                self.assertEqual([event["volume"] for event in service.events("stuck")], [0])
                wait_for(lambda: bob.call("service.status")["workers"]["short"]["stuck"] == 0, "the end of the work")


class Refusals(Case):
    def test_a_service_of_an_ordinary_user(self):
        need_mounts()
        with Service(uid=ALICE) as service:
            with service.connect(ALICE) as connection:
                self.assertFalse(connection.call("service.status")["privileged"])
            os.chmod(service.socket, 0o666)  # even if the file system would let others in
            with service.connect(BOB) as connection:
                message = connection.read()
                self.assertEqual(name_of(message), "IDENTITY_REFUSED")
                self.assertIsNone(connection.read_line())
