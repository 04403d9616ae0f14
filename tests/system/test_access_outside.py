"""Callers and mounts that are not what they seem: user namespaces, a service that is not root, mounts of ordinary users, and names that
somebody swaps while the service works."""

import contextlib
import ctypes
import json
import os
import pwd
import signal
import subprocess
import time

from harness import (ALICE, BOB, Case, Refused, Service, Volume, get_raw, junction_buffer, need_mounts, new_directory,
                     set_raw, snapshot, wait_for)

PYTHON = "/usr/bin/python3"
TARGET = "C:\\target"

# Sends the lines of its arguments one by one and prints the answers; knows nothing of our code.
CLIENT = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile("rb")
print(os.geteuid())
for line in sys.argv[2:]:
    s.sendall(line.encode() + b"\\n"); print(f.readline().decode(), end="")
"""

# Puts two things by turns where a third name says, for ever. What was not put there is not fetched back: that would be somebody else's.
SWAPPER = """
import os, sys
first, second, name = sys.argv[1:]
def move(a, b):
    for _ in range(1000):
        try:
            os.rename(a, b)
            return True
        except FileNotFoundError:
            return False
        except OSError:
            if b == name: return False
while True:
    for a in (first, second):
        if move(a, name): move(name, a)
"""


def line(method, id=1, **params):
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


class Namespaces(Case):
    """Uid 0 of another user namespace is not root here."""

    def call_within(self, service, uid, *lines):
        """(uid that the client has for itself, answers)"""
        process = subprocess.run(["unshare", "--user", "--map-root-user", PYTHON, "-c", CLIENT, service.socket, *lines],
                                 user=uid or None, group=uid or None, extra_groups=[] if uid else None, cwd="/",
                                 capture_output=True, text=True, timeout=60, check=False)
        if process.returncode != 0 and "unshare" in process.stderr:
            self.skipTest("no user namespaces here: " + process.stderr.strip())
        self.assertEqual(process.returncode, 0, process.stderr)
        first, *answers = process.stdout.splitlines()
        return int(first), [json.loads(answer) for answer in answers]

    def volume_and_service(self, options="permissions"):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        volume = stack.enter_context(Volume(options))
        return volume, stack.enter_context(Service())

    def names(self, answers):
        return [answer["error"]["data"]["name"] if "error" in answer else answer["result"].get("outcome", "shown")
                for answer in answers]

    def test_an_ordinary_users_root_is_that_user(self):
        volume, service = self.volume_and_service()
        own, roots, bobs = volume.mkdir("own", owner=ALICE), volume.mkdir("roots"), volume.mkdir("bobs", 0o700, BOB)
        link = os.path.join(roots, "link")
        os.mkdir(link)
        set_raw(link, junction_buffer(TARGET))
        before = snapshot(volume.root)
        uid, answers = self.call_within(
            service, ALICE, line("junction.create", link=roots + "/new", target=TARGET), line("junction.delete", link=link),
            line("junction.create", link=link, target="C:\\x", replace=True), line("reparse.list", path=bobs),
            line("junction.create", link=bobs + "/new", target=TARGET))
        self.assertEqual(uid, 0)
        self.assertEqual(self.names(answers), ["ACCESS_DENIED"] * 5)
        self.assertEqual(snapshot(volume.root), before)
        _, answers = self.call_within(service, ALICE, line("junction.create", link=own + "/new", target=TARGET))
        self.assertEqual(self.names(answers), ["created"])
        self.assertEqual(os.lstat(own + "/new").st_uid, ALICE)
        self.assertEqual(service.process.poll(), None)

    def test_an_ordinary_users_root_on_a_mount_that_checks_nothing(self):
        volume, service = self.volume_and_service("uid=0,gid=0,umask=022")
        link = volume.mkdir("link")
        set_raw(link, junction_buffer(TARGET))
        empty = volume.mkdir("empty")
        before = snapshot(volume.root)
        _, answers = self.call_within(
            service, ALICE, line("junction.create", link=volume.path("new"), target=TARGET), line("junction.delete", link=link),
            line("junction.delete", link=link, keepDirectory=True), line("junction.create", link=link, target="C:\\x", replace=True),
            line("junction.create", link=empty, target=TARGET))
        self.assertEqual(self.names(answers), ["ACCESS_DENIED"] * 5)
        self.assertEqual(snapshot(volume.root), before)

    def test_roots_root_has_no_capabilities(self):
        """Mapped 0 to 0 by root: it owns what root owns, and goes nowhere by capabilities alone."""
        volume, service = self.volume_and_service()
        bobs = volume.mkdir("bobs", 0o700, BOB)
        link = os.path.join(bobs, "link")
        os.mkdir(link)
        set_raw(link, junction_buffer(TARGET))
        before = snapshot(volume.root)
        uid, answers = self.call_within(
            service, 0, line("reparse.list", path=bobs), line("reparse.show", path=link),
            line("junction.delete", link=link), line("junction.create", link=bobs + "/new", target=TARGET))
        self.assertEqual(uid, 0)
        self.assertEqual(self.names(answers), ["ACCESS_DENIED"] * 4)
        self.assertEqual(snapshot(volume.root), before)
        # Real root goes there.
        with service.connect() as root:
            root.call("junction.delete", link=link)
            root.call("junction.create", link=bobs + "/new", target=TARGET)
        self.assertEqual(os.lstat(bobs + "/new").st_uid, 0)


class NotRoot(Case):
    """A service without root serves its own account and nobody else."""

    def test_serves_its_own_uid_only(self):
        with Volume() as volume, Service(uid=ALICE) as service:
            own, bobs, roots = volume.mkdir("own", owner=ALICE), volume.mkdir("bobs", 0o700, BOB), volume.mkdir("roots")
            with service.connect(ALICE) as alice:
                self.assertEqual(alice.call("junction.create", link=own + "/link", target=TARGET)["outcome"], "created")
                self.assertEqual(os.lstat(own + "/link").st_uid, ALICE)
                before = snapshot(volume.root)
                for where in (bobs, roots):
                    self.refused("ACCESS_DENIED", alice.call, "junction.create", link=where + "/link", target=TARGET)
                self.refused("ACCESS_DENIED", alice.call, "reparse.list", path=bobs)
                self.assertEqual(snapshot(volume.root), before)
            # The socket is its owner's; whoever gets past that (root does) is told why.
            with self.assertRaises(PermissionError):
                service.connect(BOB)
            os.chmod(service.socket, 0o666)
            os.chmod(service.directory, 0o755)
            for uid in (0, BOB):
                with service.connect(uid) as other:
                    answer = json.loads(other.read_line())
                    self.assertEqual(answer["error"]["data"]["name"], "IDENTITY_REFUSED")
                    self.assertIsNone(answer["id"])
                    self.assertIsNone(other.read_line())
            with service.connect(ALICE) as alice:
                alice.call("junction.delete", link=own + "/link")
            self.assertEqual(os.listdir(own), [])

    def test_not_root_on_a_mount_that_checks_nothing(self):
        with Volume("uid=0,gid=0,umask=022") as volume, Service(uid=ALICE) as service:
            link = volume.mkdir("link")
            set_raw(link, junction_buffer(TARGET))
            volume.mkdir("empty")
            before = snapshot(volume.root)
            with service.connect(ALICE) as alice:
                for method, params in (("junction.delete", {"link": link}), ("junction.delete", {"link": link, "keepDirectory": True}),
                                       ("junction.create", {"link": link, "target": "C:\\x", "replace": True}),
                                       ("junction.create", {"link": volume.path("empty"), "target": TARGET}),
                                       ("junction.create", {"link": volume.path("new"), "target": TARGET})):
                    self.refused("ACCESS_DENIED", alice.call, method, **params)
            self.assertEqual(snapshot(volume.root), before)


class ProcessLinks(Case):
    """/proc/self is the service when the service resolves it: its descriptors tell what it does for others."""

    def test_links_of_processes_lead_nowhere(self):
        with Volume() as volume, Service() as service, service.connect(ALICE) as alice:
            for start in ("/proc/self/root", "/proc/self/cwd", "/proc/self/task", "/proc/thread-self/root", "/proc/%d/root" % service.process.pid,
                          "/proc/self/root" + volume.root, *("/proc/self/fd/%d" % number for number in range(40)), "/dev/fd/0", "/dev/stdin"):
                for method, params in (("reparse.show", {"path": start + "/x/y"}), ("reparse.list", {"path": start + "/x"}),
                                       ("junction.create", {"link": start + "/x/y", "target": TARGET, "parents": True})):
                    with self.assertRaises(Refused) as caught:
                        alice.call(method, **params)
                    error = caught.exception.error
                    self.assertIn(caught.exception.name, ("UNSUPPORTED_FILE_SYSTEM", "NOT_FOUND"), (start, error))
                    # No link's text comes out, nor that of the process' number.
                    for told in (service.directory, service.socket, "socket:", "pipe:", "/mnt"):
                        self.assertNotIn(told, error["message"].replace(volume.root, "") if start.endswith(volume.root) else error["message"])


def mount_unanswered(point, uid):
    """A FUSE mount of this user whose server never says a word. Answers the descriptor that keeps it alive."""
    descriptor = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    options = "fd=%d,rootmode=40000,user_id=%d,group_id=%d,allow_other" % (descriptor, uid, uid)
    if libc.mount(b"/dev/sda1", point.encode(), b"fuse.ntfs-3g", 0, options.encode()) != 0:
        error = ctypes.get_errno()
        os.close(descriptor)
        raise OSError(error, os.strerror(error))
    return descriptor


class UntrustedMounts(Case):
    """Whoever mounted a FUSE volume decides whether a call on it ever ends: root's service does not touch what others have mounted."""

    def questions(self, root):
        inside = os.path.join(root, "dir", "link")
        return (("reparse.show", {"path": inside}), ("reparse.show", {"path": root}), ("reparse.list", {"path": root}),
                ("reparse.list", {"path": root, "volume": True}), ("junction.delete", {"link": inside}),
                ("junction.create", {"link": inside, "target": TARGET}), ("junction.create", {"link": root, "target": TARGET}),
                ("junction.create", {"link": inside, "target": TARGET, "parents": True, "replace": True}))

    def all_refused(self, service, root):
        # A path through a link must not lead there unjudged either.
        detour = os.path.join(new_directory("detour"), "way")
        os.symlink(root, detour)
        for uid in (ALICE, 0):
            with service.connect(uid) as user:
                begun = time.monotonic()
                for method, params in self.questions(root):
                    self.refused("UNTRUSTED_VOLUME", user.call, method, **params)
                self.refused("UNTRUSTED_VOLUME", user.call, "reparse.show", path=os.path.join(detour, "x"))
                self.assertLess(time.monotonic() - begun, 10, "an operation may take 15 s: none of these waited")

    def test_a_server_that_never_answers(self):
        need_mounts()
        point = new_directory("untrusted")
        with Volume() as volume, Service() as service:
            try:
                descriptor = mount_unanswered(point, ALICE)
            except OSError as error:
                self.skipTest("a FUSE file system cannot be mounted by hand here: %s" % error)
            try:
                self.all_refused(service, point)
                with service.connect() as root:
                    # Lists of places around it do not go in; a target that lies there is not looked at.
                    root.call("junction.create", link=volume.path("link"), target=TARGET)
                    self.refused("OTHER_VOLUME", root.call, "junction.create", link=volume.path("new"), target=os.path.join(point, "x"))
                    self.assertEqual(len(root.list(volume.root)[0]), 1)
            finally:
                os.close(descriptor)
                subprocess.run(["umount", "-l", point], check=True)

    def test_a_mount_in_the_moment_between_judging_and_opening(self):
        """His dead file system, mounted deep in a shared volume while he asks for what lies there, must not make that volume count as dead.

        A race: that it is not lost here is no proof that it cannot be, but without the precaution it is lost within a few rounds."""
        need_mounts()
        with Volume() as volume, Service({"limits": {"operationSeconds": 1}}) as service:
            point = volume.mkdir("alice", 0o777)
            for level in range(60):
                point = os.path.join(point, "d%d" % level)
                os.mkdir(point)
            os.mkdir(os.path.join(point, "in"))
            with service.connect(ALICE) as alice, service.connect(BOB) as bob:
                for turn in range(40):
                    for _ in range(20):
                        alice.request("reparse.show", {"path": os.path.join(point, "in", "x")})
                    time.sleep(turn % 8 * 0.0004)
                    try:
                        descriptor = mount_unanswered(point, ALICE)
                    except OSError as error:
                        self.skipTest("a FUSE file system cannot be mounted by hand here: %s" % error)
                    try:
                        seen = {alice.read()["error"]["data"]["name"] for _ in range(20)}
                        self.assertLessEqual(seen, {"NOT_FOUND", "UNTRUSTED_VOLUME", "CHANGED_MEANWHILE"})
                        bob.list(volume.root)
                    finally:
                        os.close(descriptor)
                        subprocess.run(["umount", "-l", point], check=True)
            self.assertEqual(service.events("stuck"), [])

    def test_an_ordinary_users_own_volume(self):
        """A real volume, mounted by the setuid ntfs-3g, and its server stopped."""
        need_mounts()
        try:
            user = pwd.getpwnam("nobody")  # mounting needs a name
        except KeyError:
            self.skipTest("there is no user nobody who could mount a volume")
        base = new_directory("own-mount")
        os.chown(base, user.pw_uid, user.pw_gid)
        image, point = os.path.join(base, "image"), os.path.join(base, "mnt")
        run = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/", "check": False,
               "stdin": subprocess.DEVNULL, "capture_output": True}
        subprocess.run(["mkdir", point], **run)
        subprocess.run(["truncate", "-s", "16M", image], **run)
        made = subprocess.run(["mkntfs", "-F", "-Q", "-q", image], **run)
        self.assertEqual(made.returncode, 0, made.stderr)
        # allow_other is not his to give: but what he mounts must not hold up anybody, whether they could enter or not.
        del run["capture_output"], run["check"]
        daemon = subprocess.Popen(["ntfs-3g", "-o", "no_detach", image, point], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **run)
        try:
            wait_for(lambda: os.path.ismount(point) or daemon.poll() is not None, "his mount")
            if daemon.poll() is not None:
                self.skipTest("ordinary users cannot mount here: " + daemon.stderr.read().decode(errors="replace").strip())
            with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
                mine = [entry for entry in mounts if " %s " % point in entry]
            self.assertIn("user_id=%d" % user.pw_uid, mine[0])
            with Service() as service:
                self.all_refused(service, point)
                os.kill(daemon.pid, signal.SIGSTOP)
                self.all_refused(service, point)
                os.kill(daemon.pid, signal.SIGCONT)
            # His own service, which has no more rights than he has, may work on it.
            with Service(uid=user.pw_uid) as service, service.connect(user.pw_uid, user.pw_gid) as own:
                link = os.path.join(point, "link")
                self.assertEqual(own.call("junction.create", link=link, target=TARGET)["outcome"], "created")
                self.assertEqual(own.call("reparse.show", path=link)["target"], TARGET)
                own.call("junction.delete", link=link)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(daemon.pid, signal.SIGCONT)
            subprocess.run(["umount", point], stderr=subprocess.DEVNULL, check=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(10)
            if daemon.poll() is None:
                subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL, check=False)
                daemon.kill()
                daemon.wait()
            daemon.stderr.close()


class Swapped(Case):
    """Names that change under the service while it works: whatever happens to what was asked for, the outside is never touched."""

    ROUNDS = 300
    # What may honestly be answered about a place that is one thing now and another a moment later.
    HONEST = {"ACCESS_DENIED", "ALREADY_EXISTS", "CHANGED_MEANWHILE", "IO_ERROR", "NOT_A_DIRECTORY", "NOT_A_JUNCTION", "NOT_EMPTY",
              "NOT_FOUND", "PARENT_NOT_FOUND", "TARGET_CHANGED", "TOO_MANY_LINKS", "UNSUPPORTED_FILE_SYSTEM", "IN_USE"}

    @contextlib.contextmanager
    def swapping(self, uid, *names):
        process = subprocess.Popen([PYTHON, "-c", SWAPPER, *names], user=uid, group=uid, extra_groups=[], cwd="/")
        try:
            wait_for(lambda: os.path.lexists(names[2]), "the first swap")
            yield
            self.assertIsNone(process.poll(), "nobody swapped")
        finally:
            process.kill()
            process.wait()

    def hammer(self, service, uid, link, outside):
        """Creates and deletes; answers how often each thing was said."""
        before = {place: snapshot(place) for place in outside}
        said = {}
        with service.connect(uid) as user:
            for number in range(self.ROUNDS):
                for method, params in (("junction.create", {"target": TARGET, "replace": True, "parents": number % 2 == 0}),
                                       ("junction.delete", {"keepDirectory": number % 3 == 0})):
                    try:
                        name = user.call(method, link=link, **params)["outcome"]
                    except Refused as refusal:
                        name = refusal.name
                        self.assertIn(name, self.HONEST, refusal.error)
                    said[name] = said.get(name, 0) + 1
        for place, seen in before.items():
            self.assertEqual(snapshot(place), seen, said)
        return said

    def furnish(self, place, owner=0):
        """A place with a junction, an empty directory and a full one in it."""
        for name in ("link", "leaf", "full"):
            os.mkdir(os.path.join(place, name))
        os.mkdir(os.path.join(place, "full", "child"))
        set_raw(os.path.join(place, "link"), junction_buffer("C:\\outside"))
        for name in ("leaf", "full"):
            os.chown(os.path.join(place, name), owner, owner)

    def test_parent_swapped_for_a_link(self):
        with Volume() as volume, Service() as service:
            outside = volume.mkdir("outside")
            self.furnish(outside)
            for leaf in ("leaf", "link"):
                alices = volume.mkdir("alices-" + leaf, owner=ALICE)
                os.mkdir(alices + "/dir")
                os.chown(alices + "/dir", ALICE, ALICE)
                os.symlink(outside, alices + "/way")
                with self.swapping(ALICE, alices + "/dir", alices + "/way", alices + "/p"):
                    said = self.hammer(service, ALICE, alices + "/p/" + leaf, [outside])
                self.assertTrue(said.get("created", 0) + said.get("converted", 0), said)  # it was not all refused

    def test_parent_swapped_between_mounts_that_check_nothing(self):
        with Volume("uid=0,gid=0,umask=022") as roots, Volume("uid=%d,gid=%d,umask=022" % (ALICE, ALICE)) as alices, Service() as service:
            self.furnish(roots.root)
            for leaf in ("leaf", "link"):
                ways = new_directory("ways")
                os.chown(ways, ALICE, ALICE)
                os.symlink(roots.root, ways + "/roots")
                os.symlink(alices.root, ways + "/alices")
                with self.swapping(ALICE, ways + "/roots", ways + "/alices", ways + "/p"):
                    said = self.hammer(service, ALICE, ways + "/p/" + leaf, [roots.root])
                self.assertTrue(said.get("created", 0) + said.get("converted", 0), said)

    def test_leaf_swapped_in_a_shared_directory(self):
        """Bob moves root's directories to where alice's link is, and away again."""
        with Volume() as volume, Service() as service:
            shared = volume.mkdir("shared", 0o777)
            treasure = volume.mkdir("treasure")
            os.mkdir(treasure + "/child")
            with open(treasure + "/file", "w", encoding="utf-8") as file:
                file.write("not yours")
            for thing in ("full", "empty"):
                path = os.path.join(shared, "roots-" + thing)
                os.mkdir(path)
                if thing == "full":
                    os.mkdir(path + "/child")
                mine = os.path.join(shared, "alices-" + thing)
                os.mkdir(mine)
                os.chown(mine, ALICE, ALICE)
                inode = os.lstat(path).st_ino
                with self.swapping(BOB, path, mine, os.path.join(shared, "leaf-" + thing)):
                    said = self.hammer(service, ALICE, os.path.join(shared, "leaf-" + thing), [treasure])
                for entry in os.scandir(shared):
                    # rmdir may take an empty directory by the rights that alice has on the parent; nothing else may become of it.
                    if entry.stat(follow_symlinks=False).st_uid == 0:
                        self.assert_plain_directory(entry.path)
                if thing == "full":
                    found = [entry.path for entry in os.scandir(shared) if entry.inode() == inode]
                    self.assertEqual([(os.lstat(path).st_uid, os.listdir(path)) for path in found], [(0, ["child"])], said)

    def test_leaf_swapped_for_a_file(self):
        """rmdir at the end: a file that was swapped in stays."""
        with Volume() as volume, Service() as service:
            shared = volume.mkdir("shared", 0o777)
            precious, mine = shared + "/precious", shared + "/mine"
            with open(precious, "w", encoding="utf-8") as file:
                file.write("precious")
            os.mkdir(mine)
            os.chown(mine, ALICE, ALICE)
            with self.swapping(BOB, precious, mine, shared + "/leaf"):
                said = self.hammer(service, ALICE, shared + "/leaf", [])
            contents = []
            for entry in os.scandir(shared):
                if get_raw(entry.path) is None and entry.is_file(follow_symlinks=False):
                    with open(entry.path, encoding="utf-8") as file:
                        contents.append(file.read())
            self.assertEqual(contents, ["precious"], said)
