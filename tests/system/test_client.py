"""The client as an ordinary user meets it: the real program, the real service, a real volume. Every output as a whole, every exit code, names of all kinds.

What is compared with tests/golden/system-* has its paths, numbers and times replaced; JUNCTION_GOLDEN=write in the environment rewrites the files, and the
tests then fail, so that nobody takes that for a pass."""

import json
import os
import re
import socket
import subprocess
import tempfile
import threading

from harness import (ALICE, BOB, PATIENCE, SOURCE, Case, Service, Volume, junction_buffer, new_directory, plant,
                     set_raw, symlink_buffer, tag_buffer, wait_for, work_directory)

FORMATS = ("text", "json", "jsonl", "csv")
SUFFIX = {"text": "txt"}
GOLDEN = os.path.join(SOURCE, "tests", "golden")
WRITE = os.environ.get("JUNCTION_GOLDEN") == "write"
MOUNT_POINT = "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\"

# What differs from run to run, in any of the four formats.
VOLATILE = (
    (rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", b"@TIME@"),
    (rb"\b[0-9a-f]{16}\b", b"@ID@"),
    (rb'(elapsedMs":)\d+', rb"\1@MS@"),
    (rb"\d+ ms\)", b"@MS@ ms)"),
    (rb'\b(version"?(?::"|: |,))[0-9.]+', rb"\1@VERSION@"),
    (rb'\b((?:pid|uptimeSeconds|served|failed|refused|open|ofYours|threads|busy|residentBytes)"?(?:: ?|,))\d+', rb"\1@N@"),
)


def client_path():
    return os.path.join(work_directory(), "junction")


def identity(uid):
    return {"user": uid, "group": uid, "extra_groups": []} if uid else {}


def run(*arguments, uid=ALICE, cwd="/", env=None, **keywords):
    """The client with bytes in and out; nothing is added to the arguments."""
    environment = dict(os.environ)
    environment.update(env or {})
    keywords.setdefault("stdin", subprocess.DEVNULL)
    if not {"stdout", "stderr"} & set(keywords):
        keywords["capture_output"] = True
    return subprocess.run([client_path(), *arguments], cwd=cwd, env=environment, timeout=2 * PATIENCE, check=False, **identity(uid), **keywords)


def in_place(cwd, *arguments):
    """A client of Alice's that has its directory already and starts when it is sent a line: nobody can enter a volume that is frozen."""
    process = subprocess.Popen(["sh", "-c", 'echo; read go; exec "$0" "$@"', client_path(), *arguments], cwd=cwd, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, **identity(ALICE))
    process.stdout.readline()  # the shell, too, looks at its directory when it starts
    return process


class ClientCase(Case):
    """A volume whose letter is C:, a service, and for each test a directory of Alice's."""

    @classmethod
    def setUpClass(cls):
        cls.volume = Volume()
        cls.addClassCleanup(cls.volume.unmount)
        cls.service = Service({"drives": {"C:": cls.volume.root}})
        cls.addClassCleanup(cls.service.kill)

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()

    def setUp(self):
        self.base = self.volume.mkdir(self.id().rsplit(".", 1)[1], owner=ALICE)
        self.windows = "C:\\" + os.path.basename(self.base)

    def path(self, *names):
        return os.path.join(self.base, *names)

    def mkdir(self, name, mode=0o755, owner=ALICE):
        path = self.path(name)
        os.mkdir(path)
        os.chown(path, owner, owner)
        os.chmod(path, mode)
        return path

    def link(self, name, buffer=None):
        """A reparse point of Alice's that the service did not make."""
        path = os.path.join(os.fsencode(self.base), os.fsencode(name))
        os.mkdir(path)
        os.chown(path, ALICE, ALICE)
        set_raw(path, buffer or junction_buffer("C:\\target"))
        return path

    def client(self, *arguments, **keywords):
        keywords.setdefault("cwd", self.base)
        return run("--pipe", self.service.socket, *arguments, **keywords)

    def ends(self, code, *arguments, **keywords):
        """Runs it; answers the finished process."""
        done = self.client(*arguments, **keywords)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        self.assertNotIn(b"Sanitizer", done.stderr or b"")
        return done

    def json(self, code, *arguments, **keywords):
        return json.loads(self.ends(code, *arguments[:1], "--format", "json", *arguments[1:], **keywords).stdout)

    def problem(self, code, name, *arguments, **keywords):
        """It ends with this code and says this NAME, as a document and as words."""
        done = self.ends(code, *arguments[:1], "--format", "json", *arguments[1:], **keywords)
        error = json.loads(done.stdout)["error"]
        self.assertEqual((error["name"], error["exit"]), (name, code), error)
        self.assertIn(name.encode(), done.stderr)
        return error


class Output(ClientCase):
    """Every subcommand in every format."""

    def compare(self, name, content):
        """No file stands for no output."""
        path = os.path.join(GOLDEN, "system-" + name)
        if WRITE:
            if content:
                with open(path, "wb") as file:
                    file.write(content)
            self.rewritten = True
            return
        expected = b""
        if os.path.exists(path):
            with open(path, "rb") as file:
                expected = file.read()
        self.assertEqual(content, expected, name)

    def hide(self, output):
        output = output.replace(os.fsencode(self.base), b"@HERE@").replace(os.fsencode(self.volume.root), b"@ROOT@")
        output = output.replace(os.path.basename(self.base).encode(), b"@DIR@")
        for pattern, replacement in VOLATILE:
            output = re.sub(pattern, replacement, output)
        return output

    def golden(self, name, code, form, *arguments):
        done = self.ends(code, *arguments, "--format", form)
        file = "%s.%s" % (name, SUFFIX.get(form, form))
        self.compare(file, self.hide(done.stdout))
        words = self.hide(done.stderr)
        if form == "text":
            self.words = words
            self.compare(name + ".err", words)
        elif form == "json":  # one document: the summary is in it
            self.assertEqual(words, b"".join(line for line in self.words.splitlines(True) if b"@MS@" not in line))
        else:
            self.assertEqual(words, self.words)

    def each(self, name, code, *arguments):
        for form in FORMATS:
            with self.subTest(name=name, form=form):
                self.golden(name, code, form, *arguments)

    def setUp(self):
        super().setUp()
        self.rewritten = False

    def tearDown(self):
        if self.rewritten:
            self.fail("the golden files were written, not compared")

    def test_status(self):
        self.each("status", 0, "status")

    def test_create_and_delete(self):
        old, new = self.windows + "\\old", self.windows + "\\new"
        self.mkdir("closed", owner=0)
        words = {}  # what `text` said on stderr at each step
        for form in FORMATS:
            with self.subTest(form=form):
                for step, code, arguments in (
                        ("create-dry-run", 0, ("create", "--dry-run", "link", old)),
                        ("create", 0, ("create", "link", old)),
                        ("create-unchanged", 0, ("create", "link", old + "\\")),
                        ("create-exists", 6, ("create", "link", new)),
                        ("create-changed", 6, ("create", "--replace", "--expect", new, "link", new + "er")),
                        ("create-replaced", 0, ("create", "--replace", "--expect", old, "link", new)),
                        ("delete-changed", 6, ("delete", "--expect", old, "link")),
                        ("delete-dry-run", 0, ("delete", "--dry-run", "link")),
                        ("delete-keep-directory", 0, ("delete", "--keep-directory", "link")),
                        ("create-converted", 0, ("create", "link", "../" + os.path.basename(self.base) + "/new/")),
                        ("delete", 0, ("delete", "--expect", new, "link")),
                        ("delete-missing", 5, ("delete", "link")),
                        ("create-refused", 4, ("create", "closed/link", old)),
                        ("create-invalid", 7, ("create", "link", "\\\\server\\share"))):
                    self.words = words.get(step)
                    self.golden(step, code, form, *arguments)
                    words[step] = self.words
        self.assertEqual(os.listdir(self.base), ["closed"])

    def plant(self):
        self.mkdir("app-1")
        self.mkdir("closed", 0o700, owner=0)
        self.mkdir("sub")
        self.link("current", junction_buffer(self.windows + "\\app-1"))
        self.link("dead", junction_buffer(self.windows + "\\nowhere"))
        self.link("loop", junction_buffer(self.windows + "\\loop"))
        self.link("mount", junction_buffer("", MOUNT_POINT))
        self.link("symlink", symlink_buffer("app-1"))
        self.link("broken", tag_buffer(0x8000001B, b"\x03\0\0\0"))
        self.link("foreign", tag_buffer(0x20001234, b"12345678"))
        self.link("sub/in, \"ner\" \u00e4", junction_buffer(self.windows + "\\sub"))

    def test_show(self):
        self.plant()
        for name, code, path in (("junction", 0, "current"), ("dangling", 1, "dead"), ("loop", 1, "loop"), ("mount-point", 0, "mount"),
                                 ("symlink", 0, "symlink"), ("malformed", 0, "broken"), ("foreign", 0, "foreign"),
                                 ("nothing", 1, "app-1"), ("missing", 5, "none"), ("refused", 4, "closed/x")):
            self.each("show-" + name, code, "show", "--check", path)

    def test_list(self):
        self.plant()
        self.each("list", 0, "list")
        self.each("list-recurse", 11, "list", "-s")
        self.each("list-check", 1, "list", "--check")
        self.each("list-check-recurse", 11, "list", "--check", "--recurse")
        self.each("list-types", 0, "list", "--type", "junction", "--type=symlink", "-q")
        self.each("list-empty", 0, "list", "app-1")
        self.each("list-link", 0, "list", "current")
        self.each("list-missing", 5, "list", "none")
        self.each("list-refused", 4, "list", "closed")

    def test_formats_agree(self):
        """The same entries in all formats, read back by readers that are not ours."""
        import csv
        import io
        self.plant()
        entries = self.json(0, "list")["entries"]
        self.assertEqual(len(entries), 7)
        lines = self.ends(0, "list", "--format", "jsonl").stdout.decode().splitlines()
        self.assertEqual([json.loads(line) for line in lines], entries)
        rows = list(csv.DictReader(io.StringIO(self.ends(0, "list", "--format", "csv").stdout.decode(), newline="")))
        for row, entry in zip(rows, entries, strict=True):
            for key in ("path", "kind", "type", "tag", "tagName", "target", "fileId", "created"):
                self.assertEqual(row[key], entry.get(key, ""), (row, entry))


class ExitCodes(ClientCase):
    """One code for each kind of end. 0, 1, 4 to 7 and 11 are in Output as well."""

    def test_usage(self):
        for arguments in (("create",), ("create", "x"), ("create", "a", "b", "c"), ("show",), ("show", "a", "b"), ("delete",), ("delete", "a", "b"),
                          ("list", "a", "b"), ("status", "a"), ("--format", "html", "list"), ("list", "--format", "xml"), ("list", "--type", "x"),
                          ("list", "--source", "x"), ("create", "--drive", "12", "a", "b"), ("show", "--replace", "a"), ("create", "--check", "a", "b"),
                          ("list", "--nonsense"), ("list", "--timeout", "x"), ("list", "--timeout"), ("list", "--pipe", ""), ("show", "--check=1", "a"),
                          ("history",), ("undo",), ("retarget",), ("prune",), ("export",), ("import",), ("audit", "x"), ("help", "nonsense"), ("version", "x")):
            with self.subTest(arguments):
                done = self.ends(2, *arguments)
                self.assertEqual(done.stdout, b"")
                self.assertNotEqual(done.stderr, b"")
        self.assertEqual(os.listdir(self.base), [])

    def test_help_needs_no_service(self):
        for arguments in (("help",), ("--help",), ("version",), ("--version",), ("help", "create"), ("create", "--help"), ("list", "-h"), ("help", "show"),
                          ("help", "delete"), ("help", "status"), ("list", "--version")):
            with self.subTest(arguments):
                done = run("--pipe", "/nowhere/at/all", *arguments)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertNotEqual(done.stdout, b"")

    def test_examples_of_the_help(self):
        """Every command has an example, and what it shows is understood: it gets as far as the service that is not there."""
        for word in ("create", "delete", "show", "list", "status"):
            text = run("help", word).stdout.decode()
            examples = re.findall(r"^  junction (.*)$", text.split("Example:\n")[1].split("\n\n")[0], re.MULTILINE)
            self.assertTrue(examples, word)
            for example in examples:
                self.assertEqual(run("--pipe", "/nowhere/at/all", *example.split()).returncode, 3, example)

    def test_no_service(self):
        place = new_directory("nobody", 0o777)
        dead = os.path.join(place, "dead.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(dead)
        os.chmod(dead, 0o777)
        listener.close()
        for name in (os.path.join(place, "missing.sock"), dead, "junction-test-no-such-name"):
            for words in (("status",), ("list",), ("show", "/x"), ("create", "/x", "C:\\x"), ("delete", "/x")):
                done = run("--pipe", name, *words, "--format", "json")
                self.assertEqual(done.returncode, 3, done)
                self.assertEqual(json.loads(done.stdout)["error"]["name"], "NO_SERVICE")
                self.assertIn(b"not running", done.stderr)

    def test_socket_that_may_not_be_reached(self):
        place = new_directory("closed", 0o700)
        done = run("--pipe", os.path.join(place, "s.sock"), "status")
        self.assertEqual((done.returncode, done.stdout), (4, b""))
        done = run("--pipe", "/" + "x" * 200, "status")
        self.assertEqual(done.returncode, 2)

    def test_refused(self):
        self.mkdir("roots", owner=0)
        self.problem(4, "ACCESS_DENIED", "create", "roots/link", "C:\\x")
        plant(self.path("roots", "link"), junction_buffer("C:\\x"))
        self.problem(4, "ACCESS_DENIED", "delete", "roots/link")
        self.problem(4, "ACCESS_DENIED", "create", "--replace", "roots/link", "C:\\y")
        self.json(0, "show", "roots/link")
        self.assert_junction(self.path("roots", "link"), "C:\\x")

    def test_not_found(self):
        self.problem(5, "NOT_FOUND", "show", "none")
        self.problem(5, "PARENT_NOT_FOUND", "create", "none/link", "C:\\x")
        self.problem(5, "TARGET_NOT_FOUND", "create", "--must-exist", "link", self.windows + "\\none")
        self.assertEqual(os.listdir(self.base), [])

    def test_conflict(self):
        self.mkdir("full")
        self.mkdir("full/child")
        self.link("symlink", symlink_buffer("x"))
        self.problem(6, "NOT_EMPTY", "create", "full", "C:\\x")
        self.problem(6, "NOT_A_JUNCTION", "delete", "full/child")
        self.problem(6, "NOT_A_JUNCTION", "delete", "symlink")
        self.problem(6, "NOT_A_JUNCTION", "create", "--replace", "symlink", "C:\\x")

    def test_invalid(self):
        self.problem(7, "INVALID_TARGET", "create", "link", "\\\\server\\share")
        self.problem(7, "INVALID_TARGET", "create", "link", "\\relative")
        self.problem(7, "INVALID_PATH", "create", "new\nline", "C:\\x")
        self.problem(7, "VOLUME_ROOT", "create", self.volume.root, "C:\\x", uid=0)
        self.problem(7, "INVALID_PATH", "show", "")
        self.problem(7, "INVALID_TARGET", "create", "link", "")
        self.assertEqual(os.listdir(self.base), [])

    def test_bytes_that_are_no_unicode(self):
        """NTFS names are UTF-16; what a Linux name holds beside that is said, and never sent."""
        bad = b"x\xff"
        for name, arguments in (("INVALID_PATH", ("show", bad)), ("INVALID_PATH", ("list", bad)), ("INVALID_PATH", ("delete", bad)),
                                ("INVALID_PATH", ("create", bad, "C:\\x")), ("INVALID_TARGET", ("create", "link", b"C:\\" + bad)),
                                ("INVALID_TARGET", ("create", "link", bad)), ("INVALID_TARGET", ("delete", "--expect", bad, "link")),
                                ("INVALID_TARGET", ("create", "--expect", b"C:\\" + bad, "link", "C:\\x")), ("INVALID_PATH", ("show", b"\xc0\xaf"))):
            with self.subTest(arguments):
                self.assertIn("not UTF-8", self.problem(7, name, *arguments)["message"])
        # The same in a name above: a directory of another file system that is the current one.
        odd = os.path.join(os.fsencode(new_directory("odd")), bad)
        os.mkdir(odd)
        self.problem(7, "INVALID_PATH", "show", "x", cwd=odd)

    def test_file_system(self):
        other = new_directory("ext", 0o777)
        self.problem(8, "UNSUPPORTED_FILE_SYSTEM", "create", os.path.join(other, "link"), "C:\\x")
        self.assertEqual(os.listdir(other), [])
        with Volume("permissions,ro") as volume:
            self.problem(8, "READ_ONLY", "create", volume.path("link"), "C:\\x", uid=0)

    def test_timeouts(self):
        """A volume that stops answering: the client's patience ends first, or the service's."""
        with Volume() as volume, Service({"limits": {"operationSeconds": 1, "stopSeconds": 2}}) as service:
            here = volume.mkdir("here", owner=ALICE)
            for wait in ("0.4", "30"):
                for words in (("show", "x"), ("list", "-s"), ("create", "y", "C:\\x")):
                    with self.subTest(wait=wait, words=words):
                        process = in_place(here, "--pipe", service.socket, "--timeout", wait, words[0], "--format", "json", *words[1:])
                        volume.freeze()
                        try:
                            out, err = process.communicate(b"\n", timeout=20)
                        finally:
                            volume.thaw()
                            process.kill()
                        self.assertEqual(process.returncode, 9, (out, err))
                        name = json.loads(out)["error"]["name"]
                        self.assertIn(name, ("TIMED_OUT", "OUTCOME_UNKNOWN") if words[0] == "create" else ("TIMED_OUT",))
                        wait_for(lambda: run("--pipe", service.socket, "list", here).returncode == 0, "the volume to be served again")

    def test_current_directory_that_is_gone(self):
        here = tempfile.mkdtemp(dir=work_directory())
        script = 'rmdir "$1"; exec "$2" --pipe "$3" list --format json'
        done = subprocess.run(["sh", "-c", script, "sh", here, client_path(), self.service.socket], cwd=here, capture_output=True, check=False)
        self.assertEqual(done.returncode, 5, done)
        self.assertEqual(json.loads(done.stdout)["error"]["name"], "NOT_FOUND")

    def test_full_disk(self):
        self.link("link")
        for form in FORMATS:
            for words in (("list",), ("show", "link"), ("status",), ("help",)):
                with self.subTest(form=form, words=words), open("/dev/full", "wb") as full:
                    done = self.client(*words, *(("--format", form) if words[0] != "help" else ()), stdout=full, stderr=subprocess.PIPE)
                    self.assertEqual(done.returncode, 12)
                    self.assertIn(b"could not be written: No space left on device", done.stderr)
        with open("/dev/full", "wb") as full:
            done = self.client("show", "missing", stdout=full, stderr=full)
            self.assertEqual(done.returncode, 5)
            done = self.client("create", "made", "C:\\x", stdout=full, stderr=full)
            self.assertEqual(done.returncode, 12)
        self.assert_junction(self.path("made"), "C:\\x")

    def test_closed_streams(self):
        """Descriptors 0, 1 and 2 are nobody's: nothing of ours may take their place and be written to by mistake."""
        self.link("link")
        commands = (("list", 0), ("show link", 0), ("show none", 5), ("create made C:\\\\x", 0), ("delete made", 0), ("link", 0), ("status", 0))
        for closed in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            for words, code in commands:
                with self.subTest(closed=closed, words=words):
                    script = 'exec "$1" --pipe "$2" %s %s' % (words, closed)
                    done = subprocess.run(["sh", "-c", script, "sh", client_path(), self.service.socket], cwd=self.base, capture_output=True,
                                          timeout=PATIENCE, check=False, **identity(ALICE))
                    lost = 255 if words == "link" else 12
                    self.assertEqual(done.returncode, lost if code == 0 and " >&-" in " " + closed else code, done)
                    if " >&-" not in " " + closed and code == 0:
                        self.assertNotEqual(done.stdout, b"")
                    if "2>&-" not in closed and code:
                        self.assertIn(b"NOT_FOUND", done.stderr)
        self.assertEqual(self.service.process.poll(), None)
        self.assertEqual(os.listdir(self.base), ["link"])


class Impostor:
    """A program that listens where the service should, as some user, and sends what it is told to."""

    SCRIPT = """
import json, os, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
listener.listen()
print("ready", flush=True)
peer = listener.accept()[0]
got = b""
if sys.argv[2:]:
    while b"\\n" not in got:
        more = peer.recv(65536)
        if not more:
            break
        got += more
try:
    for part in sys.argv[2:]:
        if part.startswith("sleep "):
            time.sleep(float(part[6:]))
        elif part.startswith("long "):
            peer.sendall(b"x" * int(part[5:]))
        else:
            peer.sendall(part.encode() + b"\\n")
except ConnectionError:
    pass
try:
    while True:
        more = peer.recv(65536)
        if not more:
            break
        got += more
except ConnectionError:
    pass
print(json.dumps(got.decode()), flush=True)
"""

    def __init__(self, uid, *parts):
        place = new_directory("impostor", 0o777)
        self.socket = os.path.join(place, "s.sock")
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", self.SCRIPT, self.socket, *parts], stdout=subprocess.PIPE, **identity(uid))
        assert self.process.stdout.readline() == b"ready\n"

    def got(self):
        """All that was sent to it; it ends."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        return json.loads(out)


def result(**members):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": members})


class Strangers(Case):
    """What listens is not the service."""

    def test_another_user(self):
        """Nothing is sent to a server that is neither root nor oneself, not even by root."""
        for uid in (ALICE, 0):
            for words in (("status",), ("create", "/x", "C:\\x"), ("list", "/")):
                impostor = Impostor(BOB)
                done = run("--pipe", impostor.socket, *words, "--format", "json", uid=uid)
                self.assertEqual(done.returncode, 10, done)
                self.assertEqual(json.loads(done.stdout)["error"]["name"], "UNTRUSTED_SERVICE")
                self.assertIn(b"%d" % BOB, done.stderr)
                self.assertEqual(impostor.got(), "")
        impostor = Impostor(BOB)
        done = run("--pipe", impostor.socket, "/", uid=ALICE)  # the classic grammar
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"UNTRUSTED_SERVICE", done.stderr)
        self.assertEqual(impostor.got(), "")

    def test_oneself(self):
        impostor = Impostor(ALICE, result(server="mine"))
        done = run("--pipe", impostor.socket, "status")
        self.assertEqual((done.returncode, done.stdout), (0, b"server: mine\n"))
        self.assertEqual(json.loads(impostor.got())["method"], "service.status")

    def test_answers_that_make_no_sense(self):
        error = '{"jsonrpc":"2.0","id":1,"error":{"code":%d,"message":"m","data":{"name":"%s"}}}'
        for parts, code, word in ((("HTTP/1.1 400 Bad Request",), 12, "BAD_ANSWER"), (("{}",), 12, "BAD_ANSWER"),
                                  ((result(nothing=1),), 12, "BAD_ANSWER"), ((error % (1999, "OF_TOMORROW"),), 12, "1999"),
                                  ((error % (1300, "NOT_FOUND"),), 5, "NOT_FOUND"), (("[" * 5000,), 12, "BAD_ANSWER"), (("long 1100000",), 12, "BAD_ANSWER")):
            with self.subTest(parts[0][:50]):
                impostor = Impostor(0, *parts)
                done = run("--pipe", impostor.socket, "show", "/x")
                self.assertEqual(done.returncode, code, done)
                self.assertIn(word.encode(), done.stderr)
                self.assertEqual(done.stdout, b"")
                impostor.got()

    def test_a_change_whose_answer_is_lost(self):
        for part in ("nonsense", result(nothing=1)):
            impostor = Impostor(0, part)
            done = run("--pipe", impostor.socket, "delete", "/x", "--format", "json")
            self.assertIn((done.returncode, json.loads(done.stdout)["error"]["name"]), ((9, "OUTCOME_UNKNOWN"), (12, "BAD_ANSWER")))
            impostor.got()

    def test_members_of_tomorrow(self):
        """What this version does not know is handed on to programs and stays out of the way of people."""
        entry = {"path": "/x", "kind": "directory", "type": "newKind", "tag": "0xA0001234", "tagName": "NEW", "fileId": "00000000000000aa", "shiny": [1]}
        for form in ("json", "text"):
            impostor = Impostor(0, json.dumps({"jsonrpc": "2.0", "method": "news", "params": {"id": 1}}), result(**entry))
            done = run("--pipe", impostor.socket, "show", "/x", "--format", form)
            self.assertEqual(done.returncode, 0, done)
            if form == "json":
                self.assertEqual(json.loads(done.stdout), entry)
            impostor.got()


class Crowd(ClientCase):
    """Many at a time."""

    def test_twenty_clients(self):
        """Twenty at the same moment, each with a link of its own, through its whole life."""
        bad = []

        def life(number):
            name = "link-%d" % number
            for arguments in (("create", name, "C:\\a"), ("show", name), ("list", "-q"), ("create", "--replace", name, "C:\\b"),
                              ("show", name), ("delete", "--expect", "C:\\b", name)):
                done = self.client(*arguments)
                if done.returncode != 0:
                    bad.append((arguments, done))

        threads = [threading.Thread(target=life, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(bad, [])
        self.assertEqual(os.listdir(self.base), [])

    def test_twenty_for_one_link(self):
        """All want the same: one makes it, the others find it made."""
        running = [subprocess.Popen([client_path(), "--pipe", self.service.socket, "create", "--format", "json", "link", "C:\\same"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.base, **identity(ALICE)) for _ in range(20)]
        outcomes = []
        for process in running:
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, err), (0, b""), out)
            outcomes.append(json.loads(out)["outcome"])
        self.assertEqual(sorted(outcomes), ["created"] + ["unchanged"] * 19)
        self.assert_junction(self.path("link"), "C:\\same")
