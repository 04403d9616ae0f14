"""The client at a terminal, in a pipeline and under Ctrl-C."""

import fcntl
import json
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

from harness import ALICE, PATIENCE, Case, junction_buffer, set_raw
from test_client import ClientCase, Impostor, client_path, identity, in_place, result, run


class Terminal:
    """A process whose stdout, stderr or both are a terminal."""

    def __init__(self, command, out=True, err=True, columns=80, **keywords):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs if out else subprocess.PIPE,
                                        stderr=theirs if err else subprocess.PIPE, **keywords)
        os.close(theirs)
        self.shown = b""
        deadline = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < deadline:
                if not select.select([ours], [], [], 1)[0]:
                    continue
                try:
                    more = os.read(ours, 65536)
                except OSError:  # EIO: nobody holds the other side any more
                    break
                if not more:
                    break
                self.shown += more
        finally:
            os.close(ours)
        self.out, self.err = self.process.communicate(timeout=PATIENCE)
        self.code = self.process.returncode


def progress(directories, entries):
    return json.dumps({"jsonrpc": "2.0", "method": "progress", "params": {"id": 1, "directories": directories, "entries": entries}})


LISTED = result(count=0, directories=3, skipped=0, source="walk", elapsedMs=1, truncated=False)
SLOW = (progress(1, 0), "sleep 0.15", progress(1234, 56), "sleep 0.15", progress(99999, 77), "sleep 0.15", LISTED)


class Progress(Case):
    """A list that takes its time: what a service sends that takes exactly as long as the test wants."""

    def ask(self, *arguments, words=("list", "/x"), **keywords):
        impostor = Impostor(0, *SLOW)
        terminal = Terminal([client_path(), "--pipe", impostor.socket, *words, *arguments], **identity(ALICE), **keywords)
        impostor.got()
        self.assertEqual(terminal.code, 0, (terminal.shown, terminal.out, terminal.err))
        return terminal

    def test_shown_on_a_terminal(self):
        terminal = self.ask(out=False)
        self.assertIn(b"1234 directories, 56 reparse points", terminal.shown)
        self.assertIn(b"99999 directories, 77 reparse points", terminal.shown)
        # Nothing of it stays: each line is overwritten with blanks before the summary.
        self.assertRegex(terminal.shown, rb"77 reparse points\r +\rjunction: 0 reparse points in 3 directories")
        self.assertNotIn(b"\x1b", terminal.shown)
        self.assertEqual(terminal.out, b"")

    def test_narrow_terminal(self):
        terminal = self.ask(out=False, columns=20)
        for piece in re.split(rb"[\r\n]", terminal.shown.split(b"junction:")[0]):
            self.assertLess(len(piece), 20)

    def test_not_wanted(self):
        for arguments in (("--no-progress",), ("-q",)):
            self.assertNotIn(b"directories,", self.ask(*arguments).shown)

    def test_not_a_terminal(self):
        terminal = self.ask(err=False)
        self.assertNotIn(b"directories,", terminal.shown)
        self.assertEqual(terminal.err.count(b"\n"), 1)
        self.assertNotIn(b"\r", terminal.err)

    def test_classic(self):
        terminal = self.ask(words=("-s", "/x"), out=False)
        self.assertIn(b"1234 directories", terminal.shown)
        self.assertIn(b"No reparse points found.", terminal.out)
        self.assertNotIn(b"directories", terminal.out)
        impostor = Impostor(0, *SLOW)
        terminal = Terminal([client_path(), "--no-progress", "--pipe", impostor.socket, "-s", "/x"], **identity(ALICE))
        impostor.got()
        self.assertNotIn(b"directories,", terminal.shown)


class Names(ClientCase):
    """What a name can do to a terminal: nothing."""

    EVIL = ("\x1b[31mred\x1b[0m", "\x07bell", "new\nline", "back\rto", "\x9b2J", "\u202egnp.exe", "zero\u200bwidth", "\u2028", "del\x7f")

    def test_escaped(self):
        for name in self.EVIL:
            self.link(name)
        self.link("harmless \u00e4\U0001f600", junction_buffer("C:\\\x1b[2J\u202e"))
        for form in ("text", "json", "jsonl", "csv"):
            for words in (("list", "--format", form), ("show", "--format", form, "harmless \u00e4\U0001f600"), ("show", "--format", form, "\x1b[31mnone")):
                with self.subTest(words):
                    terminal = Terminal([client_path(), "--pipe", self.service.socket, *words], cwd=self.base, **identity(ALICE))
                    text = terminal.shown.decode()
                    bad = {c for c in text if (ord(c) < 32 and c not in "\r\n") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u200b\u2028"}
                    self.assertEqual(bad, set(), text)
                    if words[0] == "list":
                        self.assertIn("harmless \u00e4\U0001f600", text)
        terminal = Terminal([client_path(), "--pipe", self.service.socket, "--", "*"], cwd=self.base, **identity(ALICE))
        self.assertNotIn(b"\x1b", terminal.shown)
        self.assertIn(b"\\x1B[31mred\\x1B[0m: JUNCTION", terminal.shown)
        terminal = Terminal([client_path(), "--pipe", self.service.socket, "show", "--\x1b[31m"], cwd=self.base, **identity(ALICE))
        self.assertEqual(terminal.code, 2)
        self.assertNotIn(b"\x1b", terminal.shown)

    def test_json_is_the_same_to_a_reader(self):
        for name in self.EVIL:
            self.link(name)
        terminal = Terminal([client_path(), "--pipe", self.service.socket, "list", "--format", "json"], cwd=self.base, err=False, **identity(ALICE))
        names = {os.path.basename(entry["path"]) for entry in json.loads(terminal.shown)["entries"]}
        self.assertEqual(names, set(self.EVIL))


class Long(ClientCase):
    """A list that fills every buffer on the way: far more than a pipe and a socket hold."""

    COUNT = 2500

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.many = cls.volume.mkdir("many", owner=ALICE)
        buffer = junction_buffer("C:\\" + "t" * 200)
        for number in range(cls.COUNT):
            path = os.path.join(cls.many, "link-%04d" % number)
            os.mkdir(path)
            set_raw(path, buffer)

    def start(self, *arguments, **keywords):
        keywords.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen([client_path(), "--pipe", self.service.socket, *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.many,
                                **identity(ALICE), **keywords)

    def healthy(self):
        self.assertIsNone(self.service.process.poll())
        self.assertEqual(run("--pipe", self.service.socket, "show", self.many + "/link-0001").returncode, 0)

    def test_all_of_it(self):
        for form, extra in (("text", 0), ("jsonl", 0), ("csv", 1)):
            process = self.start("list", "-s", "--format", form)
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, out.count(b"\n")), (0, self.COUNT + extra), err)
        process = self.start("list", "-s", "--format", "json")
        document = json.loads(process.communicate(timeout=PATIENCE)[0])
        self.assertEqual((len(document["entries"]), document["summary"]["count"]), (self.COUNT, self.COUNT))

    def test_broken_pipe_is_quiet(self):
        for words in (("list", "--format", "text"), ("list", "--format", "json"), ("list", "--format", "csv"), ("-s", ".")):
            with self.subTest(words):
                process = self.start(*words)
                self.assertTrue(process.stdout.readline() or True)
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")
                process.stderr.close()
                self.assertIn(process.wait(PATIENCE), (12, 255))
        script = '"$1" --pipe "$2" list -s | head -n 1'
        done = subprocess.run(["sh", "-c", script, "sh", client_path(), self.service.socket], cwd=self.many, capture_output=True, timeout=PATIENCE,
                              check=False, **identity(ALICE))
        self.assertEqual((done.returncode, done.stdout.count(b"\n"), done.stderr), (0, 1, b""))
        self.healthy()

    def test_reader_that_takes_its_time(self):
        process = self.start("list", "--format", "jsonl")
        time.sleep(0.3)
        lines = 0
        while process.stdout.readline():
            lines += 1
            if lines % 500 == 0:
                time.sleep(0.05)
        self.assertEqual(lines, self.COUNT)
        process.communicate()
        self.assertEqual(process.returncode, 0)

    def test_interrupt_at_any_moment(self):
        """Ctrl-C somewhere in a list: an end with 9, whole lines only. Before it is ready for that, or behind its end, there is another."""
        choice = random.Random(7)
        for _ in range(25):
            process = self.start("list", "-s", "--format", "jsonl")
            timer = threading.Timer(choice.uniform(0, 0.04), process.send_signal, (signal.SIGINT,))
            timer.start()
            out, err = process.communicate(timeout=PATIENCE)
            timer.join()
            self.assertIn(process.returncode, (0, 9, -signal.SIGINT), err)
            if process.returncode != -signal.SIGINT:
                for line in out.splitlines():
                    json.loads(line)
        self.healthy()

    def test_interrupt_while_the_volume_is_stuck(self):
        """In the middle of a list for sure: the volume does not answer."""
        for number in (signal.SIGINT, signal.SIGTERM):
            for words in (("list", "-s", "--format", "json"), ("-s",)):
                with self.subTest(number=number, words=words):
                    process = in_place(self.many, "--pipe", self.service.socket, *words)
                    self.volume.freeze()
                    try:
                        process.stdin.write(b"\n")
                        process.stdin.flush()
                        time.sleep(0.4)
                        self.assertIsNone(process.poll())
                        process.send_signal(number)
                        begun = time.monotonic()
                        out, err = process.communicate(timeout=PATIENCE)
                        self.assertLess(time.monotonic() - begun, 10)
                    finally:
                        self.volume.thaw()
                    if words[0] == "list":
                        self.assertEqual(process.returncode, 9, err)
                        self.assertEqual(json.loads(out)["error"]["name"], "CANCELLED")
                    else:
                        self.assertEqual(process.returncode, 255, err)
                        self.assertNotIn(b"No reparse points", out)
                    deadline = time.monotonic() + PATIENCE
                    while run("--pipe", self.service.socket, "show", self.many + "/link-0001").returncode != 0:
                        self.assertLess(time.monotonic(), deadline, "the volume is not served again")
                        time.sleep(0.05)
        self.healthy()
