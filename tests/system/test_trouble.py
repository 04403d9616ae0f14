"""What goes wrong around the service: volumes that stop answering or vanish, orders to stop, a second service, kill -9, places and files
that cannot be trusted. In every case: a clear answer, others served, and whole things on the disk."""

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time

from harness import (ALICE, BOB, PATIENCE, Case, Connection, Refused, Service, Volume, get_raw, junction_buffer, name_of, next_answer,
                     need_mounts, new_directory, settle, wait_for, work_directory)

SLOW = {"limits": {"operationSeconds": 1, "stopSeconds": 2, "shortWorkers": 4, "shortWorkersPerIdentity": 2}}


def stuck(status):
    return status["workers"]["short"]["stuck"] + status["workers"]["long"]["stuck"]


class Frozen(Case):
    """A volume stops answering."""

    def setUp(self):
        need_mounts()
        self.volume = Volume()
        self.addCleanup(self.volume.unmount)
        self.other_volume = Volume()
        self.addCleanup(self.other_volume.unmount)
        self.service = Service(SLOW)
        self.addCleanup(self.end_service)
        self.addCleanup(self.volume.thaw)

    def end_service(self):
        if self.service.process.poll() is None:
            self.service.stop()

    def others_are_served(self, connection):
        link = self.other_volume.path("served")
        connection.call("junction.create", link=link, target="C:\\x")
        connection.call("reparse.show", path=link)
        self.assertEqual(connection.list(self.other_volume.root)[1]["count"], 1)
        connection.call("junction.delete", link=link)

    def recovers(self, connection):
        self.volume.thaw()
        wait_for(lambda: stuck(connection.call("service.status")) == 0, "the stuck work to come back")
        wait_for(lambda: self.answers(connection), "the volume to be served again")
        link = self.volume.path("after")
        self.assertEqual(connection.call("junction.create", link=link, target="C:\\x")["outcome"], "created")
        self.assert_junction(link, "C:\\x")
        self.assertEqual(connection.call("junction.delete", link=link)["outcome"], "deleted")

    def answers(self, connection):
        try:
            connection.call("reparse.list", path=self.volume.root)
            return True
        except Refused as refusal:
            self.assertEqual(refusal.name, "VOLUME_NOT_RESPONDING")
            return False

    def test_each_method_ends_and_the_next_is_refused_at_once(self):
        here = self.volume.mkdir("d")
        link = self.volume.path("d", "link")
        with self.service.connect() as connection, self.service.connect(BOB) as bob, self.service.connect() as third:
            connection.call("junction.create", link=link, target="C:\\x")
            for method, params, names in (
                    ("reparse.show", {"path": link}, ("TIMED_OUT",)),
                    ("reparse.list", {"path": here, "recurse": True}, ("TIMED_OUT",)),
                    ("junction.create", {"link": link + "2", "target": "C:\\y"}, ("TIMED_OUT", "OUTCOME_UNKNOWN")),
                    ("junction.create", {"link": link, "target": "C:\\y", "replace": True}, ("TIMED_OUT", "OUTCOME_UNKNOWN")),
                    ("junction.delete", {"link": link}, ("TIMED_OUT", "OUTCOME_UNKNOWN"))):
                with self.subTest(method=method, params=params):
                    self.volume.freeze()
                    id = connection.request(method, params)
                    self.others_are_served(third)
                    message = next_answer(connection)
                    self.assertEqual(message["id"], id)
                    self.assertIn(name_of(message), names)
                    self.assertEqual(stuck(third.call("service.status")), 1)
                    # From here on nobody gets stuck any more.
                    for again in (connection, bob, third):
                        for _ in range(10):
                            self.refused("VOLUME_NOT_RESPONDING", again.call, "reparse.show", path=link)
                    self.refused("VOLUME_NOT_RESPONDING", bob.call, "reparse.list", path=here, recurse=True)
                    self.refused("VOLUME_NOT_RESPONDING", bob.call, "junction.create", link=link + "3", target="C:\\x")
                    self.refused("VOLUME_NOT_RESPONDING", bob.call, "junction.delete", link=link + "3")
                    self.assertEqual(stuck(third.call("service.status")), 1)
                    self.others_are_served(third)
                    self.recovers(third)
                    # Whatever the outcome, it is one of the two whole ones.
                    for path, targets in ((link, ("C:\\x", "C:\\y")), (link + "2", ("C:\\y",))):
                        if os.path.lexists(path):
                            self.assertIn(get_raw(path), [junction_buffer(target) for target in targets])
                    connection.call("junction.create", link=link, target="C:\\x", replace=True)

    def test_all_threads_of_one_identity(self):
        # Alice's requests all get stuck before the first is found to be: two threads, her share. Bob goes on.
        self.volume.freeze()
        crowd = [self.service.connect(ALICE) for _ in range(6)]
        with self.service.connect(BOB) as bob:
            try:
                for connection in crowd:
                    connection.request("reparse.show", {"path": self.volume.path("x")}, id=1)
                    connection.request("reparse.show", {"path": self.other_volume.path("none")}, id=2)
                self.refused("NOT_FOUND", bob.call, "reparse.show", path=self.other_volume.path("none"))
                names = []
                for connection in crowd:
                    message = connection.read()
                    self.assertEqual(message["id"], 1)
                    names.append(name_of(message))
                    self.assertIn(names[-1], ("TIMED_OUT", "BUSY", "VOLUME_NOT_RESPONDING"))
                self.assertEqual(names.count("TIMED_OUT"), 2)
                for connection in crowd:  # her share is used up, whatever the volume
                    message = connection.read()
                    self.assertEqual(message["id"], 2)
                    self.assertEqual(name_of(message), "BUSY")
                # They are counted as long as they are stuck, even when she has left.
                for connection in crowd:
                    connection.close()
                wait_for(lambda: bob.call("service.status")["connections"]["open"] <= 3, "Alice to be gone")
                self.assertEqual(stuck(bob.call("service.status")), 2)
                with self.service.connect(ALICE) as again:
                    self.refused("BUSY", again.call, "reparse.show", path=self.other_volume.path("none"))
                self.refused("NOT_FOUND", bob.call, "reparse.show", path=self.other_volume.path("none"))
                with self.service.connect() as root:
                    self.recovers(root)
                with self.service.connect(ALICE) as again:
                    self.refused("NOT_FOUND", again.call, "reparse.show", path=self.other_volume.path("none"))
            finally:
                for connection in crowd:
                    connection.close()

    def test_a_client_that_leaves_before_it_is_found_stuck(self):
        self.volume.freeze()
        with self.service.connect() as connection:
            connection.request("reparse.show", {"path": self.volume.path("x")})
            connection.request("reparse.list", {"path": self.volume.root})
        with self.service.connect() as other:
            wait_for(lambda: stuck(other.call("service.status")) == 1, "the thread to be found stuck")
            self.others_are_served(other)
            self.recovers(other)
            wait_for(lambda: other.call("service.status")["connections"]["open"] == 1, "the connection to go")

    def test_a_list_stops_in_the_middle(self):
        for i in range(400):
            os.makedirs(self.volume.path("d%03d" % i, "e"))
            self.write_junction(self.volume.path("d%03d" % i, "j"))
        with self.service.connect() as connection, self.service.connect() as other:
            id = connection.request("reparse.list", {"path": self.volume.root, "recurse": True})
            connection.read()  # it has begun
            self.volume.freeze()
            try:
                answered = next_answer(connection)
            finally:
                self.others_are_served(other)
            self.assertEqual(answered["id"], id)
            if "error" in answered:  # unless it was over already
                self.assertEqual(name_of(answered), "TIMED_OUT")
                self.assertEqual(stuck(other.call("service.status")), 1)
            self.recovers(other)
            self.assertEqual(connection.list(self.volume.root, recurse=True)[1]["count"], 400)

    def write_junction(self, path):
        os.mkdir(path)
        os.setxattr(path, "system.ntfs_reparse_data", junction_buffer("C:\\x"))

    def test_stop_while_a_volume_does_not_answer(self):
        self.volume.freeze()
        connection = self.service.connect()
        self.addCleanup(connection.close)
        connection.request("reparse.show", {"path": self.volume.path("x")}, id=1)
        connection.request("hello", id=2)
        with self.service.connect() as other:
            wait_for(lambda: other.call("service.status")["requests"]["running"] == 1, "the work to get stuck")
        process = self.service.process
        process.send_signal(signal.SIGTERM)
        message = connection.read()
        self.assertEqual(message["id"], 1)
        self.assertIn(name_of(message), ("STOPPING", "TIMED_OUT", "CANCELLED"))
        message = connection.read()
        self.assertEqual((message["id"], name_of(message)), (2, "STOPPING"))
        self.assertIsNone(connection.read_line())

        # The kernel keeps the thread, and with it the process, as long as the volume does not answer: but nothing of the service.
        def is_over():
            with open("/proc/%d/stat" % process.pid, encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
        wait_for(is_over, "the service to end")
        self.assertFalse(os.path.exists(self.service.socket))
        with Service(SLOW, socket_path=self.service.socket) as successor:
            with successor.connect() as fresh:
                self.others_are_served(fresh)
            self.volume.thaw()
            self.assertEqual(process.wait(PATIENCE), 0)


class Answered(Case):
    def test_an_answer_does_not_wait_for_what_comes_behind_it(self):
        # However the service gathers answers: one that is there goes out, though the next request never comes back.
        need_mounts()
        with Volume() as volume, Volume() as good, Service({"limits": {"operationSeconds": 3600, "stopSeconds": 2}}) as service:
            link = good.path("link")
            volume.freeze()
            try:
                with service.connect() as connection:
                    connection.send_bytes(b"".join(json.dumps(
                        {"jsonrpc": "2.0", "id": i, "method": method, "params": params}).encode() + b"\n"
                        for i, (method, params) in enumerate((
                            ("junction.create", {"link": link, "target": "C:\\x"}),
                            ("reparse.show", {"path": link}),
                            ("reparse.show", {"path": volume.path("x")})))))
                    for id in (0, 1):
                        message = connection.read()
                        self.assertEqual((message["id"], message["result"]["target"]), (id, "C:\\x"))
                    volume.thaw()
                    self.assertEqual(name_of(connection.read()), "NOT_FOUND")
            finally:
                volume.thaw()


class Vanishing(Case):
    def setUp(self):
        need_mounts()

    def test_a_volume_is_killed_in_mid_work_and_comes_back(self):
        with Volume() as volume, Service(SLOW) as service, service.connect() as connection:
            for i in range(40):
                ids = [connection.request("junction.create", {"link": volume.path("l%d" % n), "target": "C:\\%d" % i, "replace": True})
                       for n in range(50)]
                self.assertEqual(connection.read()["id"], ids[0])
                if i == 1:
                    volume.kill()
                answers = [connection.read() for _ in ids[1:]]
                self.assertEqual([message["id"] for message in answers], ids[1:])
                if i == 1:
                    names = {name_of(message) for message in answers if "error" in message}
                    self.assertTrue(names, "nothing was under way any more")
                    self.assertLessEqual(names, {"VOLUME_GONE", "IO_ERROR", "OUTCOME_UNKNOWN"})
                    self.refused("VOLUME_GONE", connection.call, "reparse.list", path=volume.root)
                    subprocess.run(["umount", volume.root], check=True)
                    volume.mount()
                    # As the disk is now: whole junctions, or nothing.
                    for entry in os.scandir(volume.root):
                        self.assertIn(get_raw(entry.path), [None, junction_buffer("C:\\0"), junction_buffer("C:\\1")])
                    break
            self.assertEqual(connection.call("junction.create", link=volume.path("back"), target="C:\\x")["outcome"], "created")
            self.assert_junction(volume.path("back"), "C:\\x")

    def test_another_volume_at_the_same_place(self):
        with Volume() as volume, Volume() as second, Service(SLOW) as service, service.connect() as connection:
            connection.call("junction.create", link=volume.path("first"), target="C:\\x")
            second.unmount()
            volume.unmount()
            self.refused("UNSUPPORTED_FILE_SYSTEM", connection.call, "junction.create", link=volume.path("x"), target="C:\\x")
            self.assertFalse(os.path.lexists(volume.path("x")))
            first_image, volume.image = volume.image, second.image
            volume.mount()
            self.refused("NOT_FOUND", connection.call, "reparse.show", path=volume.path("first"))
            connection.call("junction.create", link=volume.path("second"), target="C:\\x")
            volume.unmount()
            volume.image = first_image
            volume.mount()
            self.assertEqual(connection.call("reparse.show", path=volume.path("first"))["target"], "C:\\x")
            self.refused("NOT_FOUND", connection.call, "reparse.show", path=volume.path("second"))

    def test_unmounted_while_it_is_listed(self):
        with Volume() as volume, Service(SLOW) as service, service.connect() as connection:
            for i in range(500):
                os.makedirs(volume.path("d%03d" % i, "e"))
            id = connection.request("reparse.list", {"path": volume.root, "recurse": True})
            volume.kill()
            message = next_answer(connection)
            self.assertEqual(message["id"], id)
            if "error" in message:
                self.assertIn(name_of(message), ("VOLUME_GONE", "IO_ERROR"))
            else:  # what could not be read any more is counted, or it was over before
                self.assertGreaterEqual(message["result"]["directories"] + message["result"]["skipped"], 1)
            connection.call("hello")


class Stopping(Case):
    def setUp(self):
        need_mounts()

    def test_everything_is_answered(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number), Volume() as volume:
                for i in range(300):
                    os.makedirs(volume.path("d%03d" % i, "e"))
                service = Service(SLOW)
                lists, changes, idle = (service.connect() for _ in range(3))
                idle.call("hello")
                lists.request("reparse.list", {"path": volume.root, "recurse": True}, id="list")
                lists.request("hello", id="behind")
                links = [volume.path("l%02d" % i) for i in range(60)]
                changes.send_bytes(b"".join(json.dumps(
                    {"jsonrpc": "2.0", "id": i, "method": "junction.create",
                     "params": {"link": link, "target": "C:\\x"}}).encode() + b"\n" for i, link in enumerate(links)))
                first = changes.read()
                service.process.send_signal(number)
                answers = [first] + [changes.read() for _ in links[1:]]
                self.assertNotIn(None, answers, "not all were answered")
                self.assertEqual([message["id"] for message in answers], list(range(len(links))))
                self.assertIsNone(changes.read_line())
                message = next_answer(lists)
                self.assertEqual(message["id"], "list")
                if "error" in message:
                    self.assertEqual(name_of(message), "STOPPING")
                message = lists.read()
                self.assertEqual(message["id"], "behind")
                if "error" in message:
                    self.assertEqual(name_of(message), "STOPPING")
                self.assertIsNone(lists.read_line())
                self.assertIsNone(idle.read_line())
                service.process.wait(PATIENCE)  # one order is enough
                service.stop()
                self.assertFalse(os.path.exists(service.socket))
                # What was begun was finished; what was refused was never begun.
                for link, message in zip(links, answers):
                    if "result" in message:
                        self.assert_junction(link, "C:\\x")
                    else:
                        self.assertEqual(name_of(message), "STOPPING")
                        self.assertFalse(os.path.lexists(link), link)
                for connection in (lists, changes, idle):
                    connection.close()

    def test_a_client_that_does_not_read_does_not_hold_it_up(self):
        with Volume() as volume:
            buffer = junction_buffer("C:\\" + "x" * 3000)
            for i in range(1500):
                path = volume.path("j%04d" % i)
                os.mkdir(path)
                os.setxattr(path, "system.ntfs_reparse_data", buffer)
            service = Service(SLOW)
            with service.connect() as lazy:
                lazy.request("reparse.list", {"path": volume.root})
                lazy.read()
                service.stop()
                while lazy.read_line() is not None:
                    pass

    def test_while_nothing_happens(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            service = Service()
            service.stop(number=number)
            self.assertFalse(os.path.exists(service.socket))
            self.assertTrue(service.events("stopped"))


class Places(Case):
    """Where a service may listen."""

    def setUp(self):
        need_mounts()

    def run_service(self, *arguments, uid=0):
        """(status, what it said) of a service that is expected not to come up."""
        done = subprocess.run([os.path.join(work_directory(), "junctiond"), *arguments], user=uid or None, group=uid or None,
                              extra_groups=[] if uid else None, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertNotIn("Sanitizer", done.stderr)
        return done.returncode, done.stdout + done.stderr

    def not_started(self, path, reason, uid=0):
        status, text = self.run_service("run", "--pipe", path, uid=uid)
        self.assertEqual(status, 1, text)
        self.assertIn(reason, text)

    def test_a_second_service(self):
        with Service() as service, service.connect() as connection:
            for _ in range(3):
                self.not_started(service.socket, "another service")
            connection.call("hello")
            with service.connect() as another:
                self.assertEqual(another.call("service.status")["pid"], service.process.pid)

    def test_a_socket_left_by_a_killed_service(self):
        service = Service()
        service.kill()
        self.assertTrue(os.path.exists(service.socket))
        with Service(socket_path=service.socket) as successor, successor.connect() as connection:
            connection.call("hello")

    def test_what_lies_there_and_is_no_socket(self):
        directory = new_directory("place")
        path = os.path.join(directory, "s")
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        self.not_started(path, "not a socket")
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")
        os.unlink(path)
        os.symlink("/etc/passwd", path)
        self.not_started(path, "not a socket")
        self.assertTrue(os.path.islink(path))

    def test_the_lock_is_no_way_out(self):
        directory = new_directory("place")
        victim = os.path.join(directory, "victim")
        with open(victim, "w", encoding="ascii") as file:
            file.write("precious")
        os.symlink(victim, os.path.join(directory, "s.lock"))
        self.not_started(os.path.join(directory, "s"), "")
        with open(victim, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_directories_that_are_not_safe(self):
        for mode in (0o777, 0o1777, 0o775, 0o757):
            self.not_started(os.path.join(new_directory("place", mode), "s"), "can write to it")
        directory = new_directory("place")
        os.chown(directory, ALICE, ALICE)
        self.not_started(os.path.join(directory, "s"), "belongs to uid %d" % ALICE)
        self.not_started(os.path.join(directory, "s"), "belongs to uid %d" % ALICE, uid=BOB)
        below = os.path.join(directory, "of-root")  # whoever owns a directory above can put another one there
        os.mkdir(below)
        self.not_started(os.path.join(below, "s"), "belongs to uid %d" % ALICE)
        os.rmdir(below)
        link = os.path.join(new_directory("place"), "link")
        os.symlink(new_directory("place"), link)
        self.not_started(os.path.join(link, "s"), "not a directory")
        self.not_started("/etc/passwd/s", "")
        self.not_started(os.path.join(new_directory("place"), "none", "none", "s"), "No such file")
        self.assertEqual(os.listdir(directory), [])

    def test_names(self):
        for name in ("", "x" * 200, "/" + "x" * 200, "/tmp/" + "y/" * 60 + "s"):
            status, text = self.run_service("run", "--pipe", name)
            self.assertEqual(status, 2, text)
        for arguments in (["run", "--pipe"], ["run", "--nonsense"], ["run", "extra"], ["nonsense"], [], ["check-config"]):
            self.assertEqual(self.run_service(*arguments)[0], 2, arguments)

    def test_the_longest_name_works(self):
        directory = new_directory("place")
        path = os.path.join(directory, "s" * (107 - len(directory) - 1))
        self.assertEqual(len(path), 107)
        with Service(socket_path=path) as service, service.connect() as connection:
            connection.call("hello")
            self.assertEqual(sorted(os.listdir(directory)), sorted([os.path.basename(path), os.path.basename(path) + ".lock"]))

    def test_who_may_connect(self):
        with Service() as service:
            self.assertEqual(os.stat(service.socket).st_mode & 0o777, 0o666)
            with service.connect(ALICE) as connection:
                self.assertEqual(connection.call("service.status")["identity"], "uid:%d" % ALICE)
        with Service(uid=ALICE) as service:
            self.assertEqual(os.stat(service.socket).st_mode & 0o777, 0o600)
            with self.assertRaises(PermissionError):
                service.connect(BOB)


class Configuration(Case):
    def setUp(self):
        need_mounts()
        self.directory = new_directory("config")
        self.path = os.path.join(self.directory, "junction.json")

    def write(self, text='{"limits": {}}', mode=0o644, owner=0):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path, mode)
        os.chown(self.path, owner, owner)

    def refused_config(self, reason, path=None):
        """Neither run nor check-config takes it, and both say why."""
        path = path or self.path
        program = os.path.join(work_directory(), "junctiond")
        place = os.path.join(new_directory("place"), "s")
        for command in ([program, "run", "--pipe", place, "--config", path], [program, "check-config", path]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 1, (command, done))
            self.assertIn(reason, done.stderr, command)
            self.assertIn(path, done.stderr)
        self.assertFalse(os.path.exists(place))

    def test_good_ones(self):
        program = os.path.join(work_directory(), "junctiond")
        for text in ("{}", '{"limits": {"connections": 10, "connectionsPerIdentity": 10}}',
                     '{\n\t"$schema": "config.schema.json",\r\n\t"drives": {"C:": "/mnt/c"},\n\t"logLevel": "debug"\n}\n'):
            self.write(text)
            done = subprocess.run([program, "check-config", self.path], capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, self.path + ": ok\n"), done)

    def test_what_is_in_effect(self):
        with Volume() as volume, Service({"limits": {"operationSeconds": 7}, "drives": {"q:": volume.root + "/"}}) as service:
            with service.connect() as connection:
                status = connection.call("service.status")
                self.assertEqual(status["limits"]["operationSeconds"], 7)
                self.assertEqual(status["limits"]["idleSeconds"], 60)
                self.assertEqual(status["drives"], {"Q:": volume.root})

    def test_contents(self):
        for text, reason in (("", "JSON"), ("[]", "JSON"), ("{", "JSON"), ('{"limits": 1}', "limits"), ('{"limit": {}}', "limit: there is no such member"),
                             ('{"limits": {"idleseconds": 1}}', "limits.idleseconds"), ('{"limits": {"idleSeconds": 0}}', "limits.idleSeconds"),
                             ('{"limits": {"idleSeconds": "5"}}', "limits.idleSeconds"), ('{"limits": {"idleSeconds": 1.5}}', "limits.idleSeconds"),
                             ('{"limits": {"idleSeconds": 1, "idleSeconds": 2}}', "JSON"), ('{"limits": {"idleSeconds": -1}}', "limits.idleSeconds"),
                             ('{"limits": {"idleSeconds": 9007199254740992}}', "limits.idleSeconds"),
                             ('{"limits": {"shortWorkers": 2}}', "shortWorkersPerIdentity"),
                             ('{"limits": {"listsPerIdentity": 33}}', "listsPerIdentity"),
                             ('{"drives": {"C": "/mnt"}}', "drives.C"), ('{"drives": {"C:": "mnt"}}', "drives.C:"),
                             ('{"drives": {"C:": "/a", "c:": "/b"}}', "given twice"), ('{"drives": []}', "drives"),
                             ('{"logLevel": "loud"}', "logLevel"), ('{"logLevel": 1}', "logLevel"),
                             ('{} {}', "JSON"), ('{"a\\u0000": 1}', "JSON"), ("{}" + " " * (1 << 20), "longer than")):
            with self.subTest(text=text[:60]):
                self.write(text)
                self.refused_config(reason)

    def test_who_could_change_it(self):
        self.write()
        self.write(owner=ALICE)
        self.refused_config("belongs to uid %d" % ALICE)
        os.chown(self.path, 0, 0)
        for mode in (0o664, 0o646, 0o666):
            self.write(mode=mode)
            self.refused_config("can write to it")
        self.write()
        for mode in (0o775, 0o757, 0o777):
            os.chmod(self.directory, mode)
            self.refused_config("can write to it")
        os.chmod(self.directory, 0o755)
        os.chown(self.directory, ALICE, ALICE)
        self.refused_config("belongs to uid %d" % ALICE)
        os.chown(self.directory, 0, 0)
        # A directory further up counts as well.
        above = new_directory("above")
        os.mkdir(os.path.join(above, "below"))
        deep = os.path.join(above, "below", "junction.json")
        with open(deep, "w", encoding="ascii") as file:
            file.write("{}")
        os.chown(above, ALICE, ALICE)
        self.refused_config("belongs to uid %d" % ALICE, deep)

    def test_what_is_no_file(self):
        self.refused_config("no such file")
        os.mkdir(self.path)
        self.refused_config("not a plain file")
        os.rmdir(self.path)
        os.mkfifo(self.path)
        self.refused_config("not a plain file")
        os.unlink(self.path)
        os.symlink(self.path, self.path)
        self.refused_config("")

    def test_a_link_leads_to_what_is_judged(self):
        target = os.path.join(new_directory("elsewhere"), "real.json")
        with open(target, "w", encoding="ascii") as file:
            file.write("{}")
        os.symlink(target, self.path)
        program = os.path.join(work_directory(), "junctiond")
        self.assertEqual(subprocess.run([program, "check-config", self.path], capture_output=True, timeout=PATIENCE, check=False).returncode, 0)
        os.chown(target, BOB, BOB)
        self.refused_config("belongs to uid %d" % BOB)


class Killed(Case):
    """kill -9 at random moments. What it cannot prove: that the moments were the worst ones; there are many of them instead."""

    ROUNDS = 400 if os.environ.get("JUNCTION_LONG") else 40

    def test_only_whole_junctions_and_plain_empty_directories(self):
        need_mounts()
        seed = int(os.environ.get("JUNCTION_SEED", "20240229"))
        chance = random.Random(seed)
        targets = ["C:\\a", "D:\\" + "long\\" * 200 + "b", "\\\\?\\C:\\c", "E:\\\U0001f600"]
        # In the Win32 form of `\\?\C:\c` and of `C:\c` both names are the same on the disk.
        whole = {junction_buffer(target.replace("\\\\?\\", "")) for target in targets}
        done = {"result": 0, "error": 0}
        with Volume() as volume:
            root = volume.mkdir("k")
            for round_number in range(self.ROUNDS):
                service = Service()
                stop = threading.Event()

                def work(generator, directory):
                    with contextlib.suppress(OSError, AssertionError, ValueError):
                        with Connection(service.socket) as connection:
                            asked = 0
                            while not stop.is_set():
                                while asked < 40:
                                    link = os.path.join(directory, "l%d" % generator.randrange(12))
                                    if generator.random() < 0.35:
                                        connection.request("junction.delete", {"link": link})
                                    else:
                                        connection.request("junction.create", {"link": link, "target": generator.choice(targets),
                                                                               "replace": True})
                                    asked += 1
                                message = connection.read()
                                if message is None:
                                    return
                                asked -= 1
                                done["result" if "result" in message else "error"] += 1
                # Both in one directory: they get in each other's way.
                workers = [threading.Thread(target=work, args=(random.Random(chance.random()), root)) for _ in range(2)]
                for worker in workers:
                    worker.start()
                time.sleep(chance.uniform(0.005, 0.12))
                service.kill()
                stop.set()
                for worker in workers:
                    worker.join()
                for entry in os.scandir(root):
                    # A service that was killed before it could take the kernel's one wrong look leaves it to us.
                    settle(entry.path)
                    buffer = get_raw(entry.path)
                    where = "seed %d, round %d, %s" % (seed, round_number, entry.name)
                    if buffer is None:
                        self.assert_plain_directory(entry.path)
                        self.assertEqual(os.listdir(entry.path), [], where)
                    else:
                        self.assertIn(buffer, whole, where)
            self.assertGreater(done["result"], self.ROUNDS)
            # A new service goes on with what is there, and an independent reader finds the volume in order.
            with Service() as service, service.connect() as connection:
                for i in range(12):
                    link = os.path.join(root, "l%d" % i)
                    connection.call("junction.create", link=link, target="C:\\end", replace=True)
                    self.assert_junction(link, "C:\\end")
                self.assertEqual(connection.list(root)[1]["count"], 12)
            volume.unmount()
            # Not 7zz: it does not read a reparse point that was once too long to lie in its record.
            for i in range(12):
                read = subprocess.run(["ntfscat", "-f", "-a", "0xC0", volume.image, "k/l%d" % i], capture_output=True, check=True)
                self.assertEqual(read.stdout, junction_buffer("C:\\end"))
            check = subprocess.run(["ntfsfix", "-n", volume.image], capture_output=True, text=True, check=False)
            self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
