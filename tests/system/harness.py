"""What the system tests share: real NTFS volumes, the real service, real users, raw connections.

Everything lives in a directory of its own below /tmp; nothing that a test did not start is touched. The tests run as root, since they act as several users
and mount volumes with ntfs-3g."""

import contextlib
import ctypes
import errno
import itertools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

BUILD = os.environ.get("JUNCTION_BUILD", "build/native")
SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TRAFFIC = os.environ.get("JUNCTION_TRAFFIC")  # a file that recorded traffic is added to

ALICE = 20001  # two ordinary users; they need no entry in passwd
BOB = 20002
SHARED_GROUP = 20100

ATTRIBUTE = "system.ntfs_reparse_data"
TAG_JUNCTION = 0xA0000003
TAG_SYMLINK = 0xA000000C

# A slow machine under a sanitizer: how long a test waits for what must come. It is never what a test proves.
PATIENCE = 60


def requirements():
    """The reason why nothing here can run, or None."""
    if os.geteuid() != 0:
        return "needs root: acts as several users and mounts volumes"
    if not os.path.exists("/dev/fuse"):
        return "/dev/fuse is missing"
    for program in ("ntfs-3g", "mkntfs"):
        if shutil.which(program) is None:
            return program + " is missing"
    return None


def need_mounts():
    reason = requirements()
    if reason:
        raise unittest.SkipTest(reason)


def own_mounts(propagation):
    """The beginning of a command that runs with mounts of its own; skips the test where that cannot be had, as in a chroot whose root is no
    mount."""
    command = ["unshare", "--mount", "--propagation", propagation]
    tried = subprocess.run(command + ["true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise unittest.SkipTest("no mounts of one's own here: " + tried.stderr.strip())
    return command


_work = None


def work_directory():
    """A directory that every user may enter, removed at the end of the process."""
    global _work
    if _work is None:
        _work = tempfile.mkdtemp(prefix="junction-test-", dir="/tmp")
        os.chmod(_work, 0o755)
        import atexit
        owner = os.getpid()

        def remove():
            if os.getpid() == owner:
                shutil.rmtree(_work, ignore_errors=True)
        atexit.register(remove)
        # The build may lie where ordinary users cannot go.
        for program in ("junction", "junctiond"):
            shutil.copy2(os.path.join(SOURCE, BUILD, program), os.path.join(_work, program))
            os.chmod(os.path.join(_work, program), 0o755)
        shutil.copy2(os.path.join(os.path.dirname(__file__), "tsan.supp"), _work)
        os.chmod(os.path.join(_work, "tsan.supp"), 0o644)
    return _work


_numbers = itertools.count()


def new_directory(name, mode=0o755):
    path = os.path.join(work_directory(), "%s-%d" % (name, next(_numbers)))
    os.mkdir(path)
    os.chmod(path, mode)
    return path


@contextlib.contextmanager
def acting_as(uid, gid=None, groups=()):
    """This process with another effective identity (one thread only, please)."""
    if uid == 0:
        yield
        return
    os.setgroups(list(groups))
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups([])


# ---- reparse points, written and read past the service ----

def junction_buffer(target, substitute=None):
    """REPARSE_DATA_BUFFER of a junction; `target` is the Win32 form."""
    if substitute is None:
        substitute = "\\??\\" + target
    s = substitute.encode("utf-16le", "surrogatepass")
    p = target.encode("utf-16le", "surrogatepass")
    data = struct.pack("<HHHH", 0, len(s), len(s) + 2, len(p)) + s + b"\0\0" + p + b"\0\0"
    return struct.pack("<IHH", TAG_JUNCTION, len(data), 0) + data


def symlink_buffer(target, flags=1):
    t = target.encode("utf-16le", "surrogatepass")
    data = struct.pack("<HHHHI", 0, len(t), len(t), len(t), flags) + t + t
    return struct.pack("<IHH", TAG_SYMLINK, len(data), 0) + data


def tag_buffer(tag, data=b""):
    guid = b"" if tag & 0x80000000 else b"\x11" * 16
    return struct.pack("<IHH", tag, len(data), 0) + guid + data


def settle(path):
    """After the attribute changed the kernel's next look fails once (EIO): take that look."""
    for _ in range(2):
        try:
            os.lstat(path)
            return
        except OSError:
            pass


def set_raw(path, buffer):
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    try:
        os.setxattr("/proc/self/fd/%d" % fd, ATTRIBUTE, buffer)
    finally:
        os.close(fd)
    settle(path)


_libc = ctypes.CDLL(None, use_errno=True)


def get_raw(path):
    """The buffer on the disk, or None for what is no reparse point."""
    # Not os.getxattr: it begins with 128 bytes, and ntfs-3g says EIO, not ERANGE, when that is too short.
    buffer = ctypes.create_string_buffer(16384)
    length = _libc.lgetxattr(os.fsencode(path), ATTRIBUTE.encode(), buffer, len(buffer))
    if length >= 0:
        return buffer.raw[:length]
    error = ctypes.get_errno()
    if error == errno.ENODATA:
        return None
    raise OSError(error, os.strerror(error), path)


def plant(path, buffer, directory=True):
    """A reparse point that the service did not make."""
    if directory:
        os.mkdir(path)
    else:
        with open(path, "wb"):
            pass
    set_raw(path, buffer)


def snapshot(root):
    """Every entry below `root` with type, owner and reparse data: to see that nothing changed."""
    seen = {}

    def visit(directory):
        with os.scandir(directory) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                seen[entry.path] = (status.st_mode, status.st_uid, status.st_ino, get_raw(entry.path))
                if entry.is_dir(follow_symlinks=False):
                    visit(entry.path)
    visit(root)
    return seen


class Volume:
    """An NTFS volume in a file, mounted by ntfs-3g in the foreground so that its process is known."""

    program = "ntfs-3g"

    def __init__(self, options="permissions", size="64M", mkntfs=()):
        need_mounts()
        base = new_directory("volume")
        self.image = os.path.join(base, "image")
        self.root = os.path.join(base, "mnt")
        os.mkdir(self.root)
        subprocess.run(["truncate", "-s", size, self.image], check=True)
        subprocess.run(["mkntfs", "-F", "-Q", "-q", *mkntfs, self.image], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.process = None
        self.mount(options)

    def mount(self, options=None):
        if options is not None:
            self.options = options
        self.process = subprocess.Popen(
            [self.program, "-o", "no_detach," + self.options, self.image, self.root],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.ismount(self.root) or self.process.poll() is not None, "mount")
        if not os.path.ismount(self.root):
            raise RuntimeError("ntfs-3g did not mount")

    def path(self, *names):
        return os.path.join(self.root, *names)

    def mkdir(self, name, mode=0o755, owner=0):
        path = self.path(name)
        os.mkdir(path)
        if owner:
            os.chown(path, owner, owner)
        os.chmod(path, mode)
        return path

    def freeze(self):
        """Stopped for certain: until the signal has arrived, requests are still answered."""
        os.kill(self.process.pid, signal.SIGSTOP)

        def stopped():
            with open("/proc/%d/stat" % self.process.pid, encoding="ascii", errors="replace") as file:
                return file.read().rsplit(") ", 1)[1][0] == "T"

        wait_for(stopped, "the volume's server to stop")

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self):
        """The volume disappears under everybody."""
        self.process.kill()
        self.process.wait()

    def unmount(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.thaw()
        subprocess.run(["umount", self.root], stderr=subprocess.DEVNULL, check=False)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            subprocess.run(["umount", "-l", self.root], stderr=subprocess.DEVNULL, check=False)
            self.process.kill()
            self.process.wait()
        if os.path.ismount(self.root) or self.process.returncode not in (0, None):
            subprocess.run(["umount", "-l", self.root], stderr=subprocess.DEVNULL, check=False)
        self.process = None

    def seven_zip(self):
        """{path: link text} as an independent reader sees the image (unmount first, or after sync)."""
        text = subprocess.run(["7zz", "l", "-slt", self.image], check=False,
                              capture_output=True).stdout.decode("utf-8", "replace")
        found = {}
        name = None
        for line in text.splitlines():
            if line.startswith("Path = "):
                name = line[7:]
            elif line.startswith("Link = ") and name is not None:
                found[name] = line[7:]
        return found

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.unmount()


def wait_for(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for: " + what)
        time.sleep(0.005)


def built_with(symbol):
    """Whether the service under test holds this symbol: a sanitizer's."""
    with open(os.path.join(work_directory(), "junctiond"), "rb") as file:
        return symbol in file.read()


class Service:
    """junctiond in the foreground, on a socket of its own."""

    def __init__(self, config=None, uid=0, prefix=(), socket_path=None, environment=None):
        self.directory = new_directory("service")
        if uid:
            os.chown(self.directory, uid, uid)
        self.socket = socket_path or os.path.join(self.directory, "s.sock")
        self.log_path = os.path.join(self.directory, "log")
        self.config_path = None
        if config is not None:
            # Below /tmp, which is sticky, in a directory that only we can write to.
            self.config_path = os.path.join(self.directory, "junction.json")
            with open(self.config_path, "w", encoding="utf-8") as file:
                json.dump(config, file)
            if uid:
                os.chown(self.config_path, uid, uid)
        self.uid = uid
        self.prefix = list(prefix)
        self.environment = environment
        self.start()

    def command(self):
        command = self.prefix + [os.path.join(work_directory(), "junctiond"), "run", "--pipe", self.socket]
        if self.config_path:
            command += ["--config", self.config_path]
        return command

    def start(self):
        environment = dict(os.environ)
        environment["TSAN_OPTIONS"] = ":".join(filter(None, (
            environment.get("TSAN_OPTIONS"), "history_size=7", "suppressions=" + os.path.join(work_directory(), "tsan.supp"))))
        environment.update(self.environment or {})
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                user=self.uid or None, group=self.uid or None,
                extra_groups=[] if self.uid else None)
        wait_for(lambda: self.accepts() or self.process.poll() is not None, "the service")
        if self.process.poll() is not None:
            raise AssertionError("the service ended at once:\n" + self.log())

    def accepts(self):
        probe = socket.socket(socket.AF_UNIX)
        try:
            probe.connect(self.socket)
            return True
        except OSError:
            return False
        finally:
            probe.close()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def events(self, name):
        found = []
        for line in self.log().splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if event.get("event") == name:
                    found.append(event)
        return found

    def stop(self, expect=0, number=signal.SIGTERM):
        """A clean end, and no word from a sanitizer."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        if built_with(b"__tsan_init"):
            # ThreadSanitizer keeps a signal that comes right before a blocking call until that call returns: an idle service would
            # sleep on. (Seen in 2 of 3500 ends with it, in none of 5800 without.)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE / 2)
            if self.process.poll() is None:
                self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        text = self.log()
        for word in ("Sanitizer", "runtime error:"):
            if word in text:
                raise AssertionError("a sanitizer found something:\n" + text[-8000:])
        if status != expect:
            raise AssertionError("the service ended with %s:\n%s" % (status, text[-4000:]))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def connect(self, uid=0, gid=None, groups=()):
        return Connection(self.socket, uid, gid, groups)

    def client(self, *arguments, uid=0, gid=None, groups=(), cwd="/", text=True, input=None,
               env=None, timeout=PATIENCE * 2):
        """Runs `junction` as a user; answers the finished process."""
        environment = dict(os.environ)
        environment.update(env or {})
        return subprocess.run(
            [os.path.join(work_directory(), "junction"), "--pipe", self.socket, *arguments],
            user=uid or None, group=(uid if gid is None else gid) or None, extra_groups=list(groups) if uid else None,
            cwd=cwd, capture_output=True, text=text, input=input, env=environment, timeout=timeout,
            check=False)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            if kind is None:
                self.stop()
            else:
                self.kill()
        elif kind is not None:
            print("the service had ended with %s:\n%s" % (self.process.returncode, self.log()[-12000:]))


class Refused(Exception):
    """An error answer; `name` is what programs use."""

    def __init__(self, error):
        super().__init__("%s: %s" % (error["data"]["name"], error["message"]))
        self.error = error
        self.name = error["data"]["name"]


class Connection:
    """A raw connection that knows the protocol and nothing of our code."""

    def __init__(self, path, uid=0, gid=None, groups=()):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        with acting_as(uid, gid, groups):
            self.socket.connect(path)
        self.buffer = b""
        self.numbers = itertools.count(1)
        self.notifications = []
        self.channel = "%d.%d" % (os.getpid(), next(_numbers))

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, message):
        self.send_bytes(json.dumps(message).encode() + b"\n")
        record("request", message, self.channel)

    def request(self, method, params=None, id=None):
        """Sends without waiting; answers the id."""
        if id is None:
            id = next(self.numbers)
        message = {"jsonrpc": "2.0", "id": id, "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)
        return id

    def read_line(self):
        """One line without its end; None at the end of the stream."""
        while b"\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def read(self):
        line = self.read_line()
        if line is None:
            return None
        message = json.loads(line)
        record("answer", message, self.channel)
        return message

    def answer(self, id):
        """The answer to one request; notifications on the way are kept."""
        while True:
            message = self.read()
            if message is None:
                raise AssertionError("the connection ended before the answer")
            if "method" in message:
                self.notifications.append(message)
            elif message["id"] == id:
                if "error" in message:
                    raise Refused(message["error"])
                return message["result"]
            else:
                raise AssertionError("an answer to something else: %r" % (message,))

    def call(self, method, **params):
        return self.answer(self.request(method, params))

    def list(self, path, **params):
        """(entries, result) of reparse.list."""
        self.notifications = []
        result = self.call("reparse.list", path=path, **params)
        entries = [entry for message in self.notifications if message["method"] == "reparse.entries"
                   for entry in message["params"]["entries"]]
        return entries, result

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def name_of(message):
    """The NAME of an error answer."""
    return message["error"]["data"]["name"]


def next_answer(connection):
    """The next answer, whatever was notified before it; None at the end of the stream."""
    message = connection.read()
    while message is not None and "method" in message:
        message = connection.read()
    return message


def record(kind, message, channel):
    """For the test of the contract, which judges all that went over the wire; a channel is one connection."""
    if TRAFFIC:
        with open(TRAFFIC, "a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "channel": channel, "message": message}) + "\n")


class Case(unittest.TestCase):
    """With what most tests ask."""

    @classmethod
    def share_volume_and_service(cls, config=None):
        """One of each for a whole class."""
        need_mounts()
        cls.volume = Volume()
        cls.addClassCleanup(cls.volume.unmount)
        cls.service = Service(config)
        cls.addClassCleanup(cls.service.stop)

    def refused(self, name, call, *arguments, **keywords):
        """The call must be refused with this NAME; answers the error."""
        try:
            result = call(*arguments, **keywords)
        except Refused as refusal:
            self.assertEqual(refusal.name, name, refusal.error)
            return refusal.error
        self.fail("not refused: %r" % (result,))
        return None

    def assert_junction(self, path, target):
        """On the disk, past the service: a whole junction with both names."""
        buffer = get_raw(path)
        self.assertIsNotNone(buffer, path)
        self.assertEqual(buffer, junction_buffer(target), path)

    def assert_plain_directory(self, path):
        self.assertIsNone(get_raw(path), path)
        self.assertTrue(os.path.isdir(path) and not os.path.islink(path), path)
