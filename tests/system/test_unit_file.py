"""The systemd unit: the service works under what it forbids, on volumes that were mounted before its start and after it.

Where systemd runs this machine a copy of the unit is started. Elsewhere the same restrictions are put together from the unit file: its capabilities,
no new privileges, /usr, /boot and /etc read-only, mounts that arrive in a namespace of its own; and every system call that the service makes is looked up
in the unit's filter, which only systemd itself could enforce."""

import contextlib
import os
import re
import shutil
import signal
import subprocess

from harness import (ALICE, BOB, PATIENCE, SOURCE, Case, Connection, Service, Volume, junction_buffer, need_mounts, new_directory, own_mounts, set_raw, wait_for,
                     work_directory)

UNIT = os.path.join(SOURCE, "deploy", "linux", "junctiond.service")


def settings():
    """{name: [values]} of the section Service."""
    found = {}
    section = None
    with open(UNIT, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
                name, value = line.split("=", 1)
                found.setdefault(name, []).append(value)
    return found


def setting(name):
    values = settings().get(name, [])
    assert len(values) == 1, (name, values)
    return values[0]


def sanitized():
    with open(os.path.join(work_directory(), "junctiond"), "rb") as file:
        data = file.read()
    return b"__tsan_init" in data or b"__asan_init" in data


def system_calls(group):
    """The names in a group of systemd's, those of groups in it as well."""
    names = set()
    text = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines()[1:]:
        line = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
        if line.startswith("@"):
            names |= system_calls(line)
        elif re.match(r"^[a-z_0-9]+$", line):
            names.add(line)
    return names


class Text(Case):
    """The file itself."""

    def test_verify(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is missing: nobody reads the unit file as systemd would")
        place = new_directory("unit")
        copy = os.path.join(place, "junctiond.service")
        with open(UNIT, encoding="utf-8") as file:
            text = file.read()
        # The program is not installed here.
        text, count = re.subn(r"(?m)^ExecStart=\S+", "ExecStart=" + os.path.join(work_directory(), "junctiond"), text)
        self.assertEqual(count, 1)
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False, timeout=PATIENCE,
                              env=dict(os.environ, SYSTEMD_LOG_LEVEL="warning"))
        ours = [line for line in done.stderr.splitlines() if "junctiond" in line]
        self.assertEqual(ours, [])

    def test_what_must_not_be_in_it(self):
        """Each of these hides volumes or makes them read-only."""
        self.assertEqual(setting("ProtectSystem"), "full")
        for name in ("ProtectHome", "PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateUsers", "User", "ReadOnlyPaths", "InaccessiblePaths", "DynamicUser",
                     "TemporaryFileSystem", "MountFlags", "RootDirectory"):
            self.assertNotIn(name, settings())

    def test_paths_agree_with_the_program(self):
        self.assertEqual((setting("RuntimeDirectory"), setting("RuntimeDirectoryMode")), ("junction", "0755"))
        self.assertEqual(setting("ConfigurationDirectory"), "junction")
        self.assertEqual(setting("ExecStart").split()[1:], ["run"])


class Restricted(Case):
    """At work under the unit's restrictions."""

    def setUp(self):
        need_mounts()
        # Mounts must be able to arrive in another namespace, as they do on a machine that systemd has started, where / is shared. Here only a place
        # of the test's own is made so.
        self.place = work_directory()
        subprocess.run(["mount", "--bind", self.place, self.place], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.place], check=False)
        subprocess.run(["mount", "--make-shared", self.place], check=True)

    def prefix(self, *more):
        capabilities = "-all"
        for name in setting("CapabilityBoundingSet").split():
            self.assertRegex(name, "^CAP_[A-Z_]+$")
            capabilities += ",+" + name[4:].lower()
        self.assertEqual((setting("ProtectSystem"), setting("NoNewPrivileges"), setting("PrivateNetwork")), ("full", "yes", "yes"))
        script = """
for place in /usr /boot /efi /etc; do
    [ -d $place ] || continue
    mount --rbind $place $place && mount -o remount,bind,ro $place || exit 99
done
exec setpriv --bounding-set "$0" --no-new-privs -- "$@"
"""
        return [*own_mounts("slave"), "--net", "sh", "-c", script, capabilities, *more]

    def running(self, service):
        """The id of the service itself: what was started became it, or is its parent."""
        for line in service.log().splitlines():
            match = re.search(r'"event":"started".*"pid":(\d+)', line)
            if match:
                return int(match.group(1))
        self.fail("no word of the start: " + service.log())
        return 0

    def status(self, pid):
        with open("/proc/%d/status" % pid, encoding="ascii") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def works_on(self, service, volume):
        """Create, replace, delete, list and show, as Alice and as root; what Bob may not do stays refused."""
        base = volume.mkdir("base", owner=ALICE)
        closed = volume.mkdir("closed", 0o700)
        link = os.path.join(base, "link")
        for uid in (ALICE, 0):
            with Connection(service.socket, uid) as caller:
                self.assertEqual(caller.call("junction.create", link=link, target="C:\\one")["outcome"], "created")
                self.assert_junction(link, "C:\\one")
                self.assertEqual(os.lstat(link).st_uid, uid)
                self.assertEqual(caller.call("junction.create", link=link, target="C:\\two", replace=True)["outcome"], "replaced")
                self.assert_junction(link, "C:\\two")
                self.assertEqual([entry["target"] for entry in caller.list(base, recurse=True)[0]], ["C:\\two"])
                self.assertEqual(caller.call("reparse.show", path=link, check=True)["state"], "dangling")
                self.assertEqual(caller.call("junction.delete", link=link, keepDirectory=True)["outcome"], "cleared")
                self.assertEqual(caller.call("junction.create", link=link, target="C:\\three")["outcome"], "converted")
                self.assertEqual(caller.call("junction.delete", link=link)["outcome"], "deleted")
                self.assertEqual(os.listdir(base), [])
        with Connection(service.socket, BOB) as bob:
            self.refused("ACCESS_DENIED", bob.call, "junction.create", link=link, target="C:\\x")
            self.refused("ACCESS_DENIED", bob.call, "reparse.list", path=closed)
        with Connection(service.socket, 0) as root:  # root in what is closed to everybody, and in what is Alice's alone
            private = volume.mkdir("private", 0o700, owner=ALICE)
            for place in (closed, private):
                inner = os.path.join(place, "link")
                root.call("junction.create", link=inner, target="C:\\x")
                self.assertEqual(root.list(place)[1]["count"], 1)
                root.call("junction.delete", link=inner)
        os.mkdir(link)
        os.chown(link, BOB, BOB)
        set_raw(link, junction_buffer("C:\\bobs"))
        with Connection(service.socket, 0) as root:
            self.assertEqual(root.call("junction.create", link=link, target="C:\\roots", replace=True)["outcome"], "replaced")
            root.call("junction.delete", link=link)

    def test_before_and_after_the_start(self):
        with Volume() as before, Service(prefix=self.prefix()) as service, Volume() as after, Volume("uid=0,umask=022") as foreign:
            pid = self.running(service)
            status = self.status(pid)
            names = setting("CapabilityBoundingSet").split()
            bounded = int(status["CapBnd"], 16)
            self.assertEqual(bin(bounded).count("1"), len(names))
            self.assertEqual(int(status["CapPrm"], 16) & ~bounded, 0)
            self.assertEqual(status["NoNewPrivs"], "1")
            # It is in a namespace of its own, in which /usr cannot be written to, by whatever right.
            self.assertNotEqual(os.readlink("/proc/%d/ns/mnt" % pid), os.readlink("/proc/self/ns/mnt"))
            with open("/proc/%d/mountinfo" % pid, encoding="utf-8") as file:
                mounts = {fields[4]: fields[5] for fields in (line.split() for line in file)}
            for path in ("/usr", "/etc"):
                self.assertIn("ro", mounts[path].split(","))
            for volume in (before, after):
                self.assertIn(volume.root, mounts)
                self.works_on(service, volume)
            with service.connect() as root:
                link = foreign.path("link")
                root.call("junction.create", link=link, target="C:\\x")
                with service.connect(ALICE) as alice:
                    self.refused("ACCESS_DENIED", alice.call, "junction.delete", link=link)
                root.call("junction.delete", link=link)
            self.end(service, pid)

    def end(self, service, pid):
        if pid != service.process.pid:
            os.kill(pid, signal.SIGTERM)
            service.process.wait(PATIENCE)
        service.stop()

    def test_a_volume_that_comes_and_goes(self):
        with Service(prefix=self.prefix()) as service, Volume() as volume:
            self.works_on(service, volume)
            volume.unmount()
            with service.connect(ALICE) as alice:
                self.refused("NOT_FOUND", alice.call, "reparse.show", path=volume.path("base"))
            volume.mount()
            with service.connect(ALICE) as alice:
                self.refused("NOT_A_REPARSE_POINT", alice.call, "reparse.show", path=volume.path("base"))
            self.end(service, self.running(service))

    def test_system_calls(self):
        """All that it calls in the tests above passes the unit's filter, and no memory is writable and executable."""
        for program in ("strace", "systemd-analyze"):
            if shutil.which(program) is None:
                self.skipTest(program + " is missing: the unit's system call filter is not compared with what the service calls")
        if sanitized():
            self.skipTest("a sanitizer has system calls of its own")
        allowed, denied = set(), set()
        for value in settings()["SystemCallFilter"]:
            for group in value.lstrip("~").split():
                (denied if value.startswith("~") else allowed).update(system_calls(group))
        allowed = (allowed - denied) | system_calls("@default")
        self.assertIn("openat", allowed)
        self.assertNotIn("ptrace", allowed)
        trace = os.path.join(new_directory("trace"), "strace")
        with Volume() as volume, Service(prefix=["strace", "-f", "-qq", "-o", trace]) as service:
            self.works_on(service, volume)
            self.end(service, self.running(service))
        with open(trace, encoding="utf-8", errors="replace") as file:
            text = file.read()
        called = set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", text, re.MULTILINE))
        self.assertLess({"setfsuid", "accept4", "fsetxattr"} - called, {"setfsuid", "accept4", "fsetxattr"})
        self.assertGreater(len(called), 20)
        # strace's spelling is the kernel's; systemd's groups name both ages of a few calls.
        same = {"newfstatat": "fstatat64", "pread64": "pread64", "prlimit64": "prlimit64"}
        self.assertEqual(sorted(name for name in called if name not in allowed and same.get(name) not in allowed), [])
        self.assertNotRegex(text, r"PROT_WRITE\|PROT_EXEC")
        families = set(re.findall(r"socket\((AF_[A-Z0-9]+)", text))
        self.assertLessEqual(families, set(setting("RestrictAddressFamilies").split()))


class Systemd(Case):
    """The real thing, where systemd has started this machine."""

    def setUp(self):
        need_mounts()
        with open("/proc/1/comm", encoding="ascii") as file:
            first = file.read().strip()
        if first != "systemd" or not os.path.isdir("/run/systemd/system"):
            self.skipTest("process 1 is %s, not systemd: the unit cannot be started as such, only its restrictions were put together" % first)

    def systemctl(self, *arguments):
        return subprocess.run(["systemctl", *arguments], check=True, capture_output=True, timeout=PATIENCE)

    def test_unit(self):
        name = "junction-test-%d" % os.getpid()
        with open(UNIT, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"(?m)^ExecStart=.*$", "ExecStart=%s run --pipe %s" % (os.path.join(work_directory(), "junctiond"), name), text)
        text = re.sub(r"(?m)^((?:Runtime|State|Configuration)Directory)=junction$", r"\1=" + name, text)
        text = text.replace("Restart=on-failure\n", "")
        # --pipe NAME is below /run/junction; the copy has a directory of its own.
        text = text.replace("--pipe " + name, "--pipe /run/%s/junction.sock" % name)
        path = "/run/systemd/system/%s.service" % name
        with Volume() as before:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            try:
                self.systemctl("daemon-reload")
                self.systemctl("start", name)
                socket_path = "/run/%s/junction.sock" % name
                wait_for(lambda: os.path.exists(socket_path), "the unit's socket")
                with Volume() as after:
                    for volume in (before, after):
                        base = volume.mkdir("base", owner=ALICE)
                        for uid in (ALICE, 0):
                            with Connection(socket_path, uid) as caller:
                                link = os.path.join(base, "link")
                                caller.call("junction.create", link=link, target="C:\\x")
                                self.assert_junction(link, "C:\\x")
                                caller.call("junction.create", link=link, target="C:\\y", replace=True)
                                self.assertEqual(caller.list(base)[1]["count"], 1)
                                caller.call("junction.delete", link=link)
                self.systemctl("stop", name)
                state = self.systemctl("show", "-p", "Result", name).stdout
                self.assertEqual(state.strip(), b"Result=success")
            finally:
                subprocess.run(["systemctl", "stop", name], check=False, capture_output=True)
                os.unlink(path)
                subprocess.run(["systemctl", "daemon-reload"], check=False, capture_output=True)
                for place in ("/run/", "/etc/", "/var/lib/"):
                    with contextlib.suppress(OSError):
                        os.rmdir(place + name)
