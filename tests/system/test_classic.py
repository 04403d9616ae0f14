"""The old tool's grammar and output, as the scripts that call it see them: real output, read the way those scripts read it.

The parsers here are written anew after what such scripts do. On Linux a path has no `\\\\?\\` before it and a line no CR; what a script that was made for
Windows does about these is put in place by `as_windows`, everything else is taken as it comes. tests/windows holds the rest."""

import os
import re
import subprocess

from harness import ALICE, PATIENCE, get_raw, junction_buffer, plant, symlink_buffer, tag_buffer
from test_client import ClientCase, client_path, identity, run


def as_windows(output):
    """The same text with Windows' paths and line ends."""
    text = output.decode().replace("\n", "\r\n")
    return re.sub(r"^(/.*: (?:JUNCTION|SYMBOLIC LINK|MOUNT POINT|UNKNOWN MICROSOFT REPARSE POINT)\r)$", r"\\\\?\\C:\1", text, flags=re.MULTILINE)


class ClassicCase(ClientCase):
    def classic(self, code, *arguments, **keywords):
        """Output of a call that ends with this code and says nothing on stderr."""
        done = self.ends(code, *arguments, **keywords)
        self.assertEqual(done.stderr, b"")
        return done.stdout

    def lines(self, code, *arguments, **keywords):
        return self.classic(code, *arguments, **keywords).decode().split("\n")


class Parsers(ClassicCase):
    """The five kinds of readers."""

    def setUp(self):
        super().setUp()
        self.mkdir("plain")
        self.mkdir("sub")
        self.link("link")
        self.link("sub/inner", junction_buffer("C:\\inner target"))
        self.link("symlink", symlink_buffer("plain"))

    def test_1_lines_that_begin_with_the_prefix(self):
        r"""PowerShell: junction -s -q DIR | where { $_ -match '^\\\\' }, the kind cut off, then junction -d on each."""
        text = as_windows(self.classic(0, "-s", "-q", "."))
        found = []
        for line in text.split("\r\n"):
            if re.match(r"^\\\\", line):
                found.append(re.sub(r": (JUNCTION|SYMBOLIC LINK)$", "", line))
        found = [path[len("\\\\?\\C:"):] for path in found]
        self.assertEqual(sorted(found), [self.path("link"), self.path("sub", "inner"), self.path("symlink")])
        for path in found:
            out = self.classic(0, "-d", path).decode()
            if path.endswith("symlink"):  # no junction: refused, and the script does not see it
                self.assertIn("Error deleting %s: " % path, out)
            else:
                self.assertIn("Deleted %s.\n" % path, out)
        self.assertEqual(sorted(os.listdir(self.base)), ["plain", "sub", "symlink"])
        self.assertEqual(os.listdir(self.path("sub")), [])

    def test_2_line_five(self):
        """Python: out.splitlines()[5] is the first line of the result."""
        def is_junction(path):
            line = self.classic(0, path).decode().splitlines()[5]
            if line == "No reparse points found.":
                return False
            self.assertIn(": ", line)
            return ": JUNCTION" in line
        self.assertIs(is_junction("link"), True)
        self.assertIs(is_junction("plain"), False)
        self.assertIs(is_junction("symlink"), False)
        self.assertIs(is_junction(self.path("sub", "inner")), True)

    def test_3_search_for_nothing(self):
        """Python: re.search('No reparse points found', out) means: no junction."""
        for path, expected in (("link", False), ("plain", True), ("sub/inner", False), (".", True)):
            self.assertIs(bool(re.search("No reparse points found", self.classic(0, path).decode())), expected, path)
            self.assertIs(bool(re.search("No reparse points found", self.classic(0, "-nobanner", path).decode())), expected, path)

    def test_4_created_and_targetted(self):
        r"""PowerShell: -match 'Created: .*\r\nTargetted at: .*'"""
        out = as_windows(self.classic(0, "new", "C:\\some where"))
        match = re.search(r"Created: (.*)\r\nTargetted at: (.*)\r\n\r\n$", out)
        self.assertTrue(match, out)
        self.assertEqual(match.groups(), (self.path("new"), "C:\\some where"))
        self.assert_junction(self.path("new"), "C:\\some where")

    def test_5_who_looks_at_nothing(self):
        """No terminal, no streams, nobody who answers: it neither asks nor waits."""
        for arguments in (("-accepteula",), ("/accepteula", "x"), ("-accepteula", "-q", "made", "C:\\x"), ("-accepteula", "-d", "made"), ("-s",), ()):
            process = subprocess.Popen([client_path(), "--pipe", self.service.socket, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, cwd=self.base, start_new_session=True, close_fds=True, **identity(ALICE))
            process.wait(PATIENCE)
        self.assertFalse(os.path.lexists(self.path("made")))


class Grammar(ClassicCase):
    """Which words do what."""

    def test_create(self):
        for number, arguments in enumerate(((), ("-s",), ("-q",), ("-S", "-Q"), ("-accepteula",), ("-NoBanner",))):
            link = "link-%d" % number
            for order in ((*arguments, link, "C:\\t"), (link, *arguments, "C:\\t"), (link, "C:\\t", *arguments)):
                out = self.classic(0, *order).decode()
                self.assertIn("Created: %s\nTargetted at: C:\\t\n\n" % self.path(link), out)
                self.assertEqual(out.startswith("\njunction"), "-NoBanner" not in arguments)
                self.assert_junction(self.path(link), "C:\\t")
                self.assertIn("Deleted %s.\n\n" % link, self.classic(0, "-d", link).decode())
                self.assertFalse(os.path.lexists(self.path(link)))

    def test_targets(self):
        self.mkdir("there")
        for typed, target in (("C:\\dir\\", "C:\\dir"), ("C:\\", "C:\\"), ("\\\\?\\C:\\dir", "C:\\dir"), ("there", self.windows + "\\there"), ("there/", self.windows + "\\there")):
            self.assertIn("Targetted at: %s\n" % target, self.classic(0, "link", typed).decode())
            self.assert_junction(self.path("link"), target)
            self.classic(0, "-d", "link")

    def test_empty_directory_is_used(self):
        self.mkdir("made")
        self.classic(0, "made", "C:\\x")
        self.assert_junction(self.path("made"), "C:\\x")

    def test_create_fails(self):
        self.mkdir("full")
        self.mkdir("full/child")
        self.link("link", junction_buffer("C:\\x"))
        for link, target, words in (("link", "C:\\x", "File exists"), ("link", "C:\\y", "File exists"), ("full", "C:\\x", None), ("none/link", "C:\\x", None),
                                    ("new", "\\\\server\\share", None), ("new", "\\relative", None)):
            with self.subTest(link=link, target=target):
                lines = self.lines(255, link, target)
                self.assertEqual(lines[5], "Error creating %s:" % link)
                self.assertNotEqual(lines[6], "")
                if words:
                    self.assertEqual(lines[6], words)
                self.assertEqual(lines[7:], ["", ""])
        self.assertEqual(get_raw(self.path("link")), junction_buffer("C:\\x"))
        self.assertFalse(os.path.lexists(self.path("new")))
        self.assert_plain_directory(self.path("full"))

    def test_delete_fails_with_zero(self):
        self.mkdir("empty")
        self.mkdir("full")
        self.mkdir("full/child")
        self.link("symlink", symlink_buffer("empty"))
        self.link("mount", junction_buffer("", "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\"))
        roots = self.mkdir("roots", owner=0)
        plant(os.path.join(roots, "link"), junction_buffer("C:\\x"))
        before = sorted(os.listdir(self.base))
        for name in ("empty", "full", "symlink", "mount", "roots/link", "none", "no/such"):
            with self.subTest(name):
                lines = self.lines(0, "-d", name)
                self.assertRegex(lines[5], "^Error deleting %s: ." % re.escape(name))
                self.assertEqual(lines[6:], ["", ""])
        self.assertEqual(sorted(os.listdir(self.base)), before)
        self.assert_junction(os.path.join(roots, "link"), "C:\\x")

    def test_deleting_leaves_the_target(self):
        self.mkdir("target")
        with open(self.path("target", "file"), "w", encoding="ascii") as file:
            file.write("precious")
        self.classic(0, "link", "target")
        self.assertEqual(os.listdir(self.path("link")), ["file"])
        self.classic(0, "-d", "link")
        self.assertEqual(os.listdir(self.path("target")), ["file"])

    def test_show(self):
        self.link("link", junction_buffer("C:\\dir"))
        self.link("volume-dir", junction_buffer("\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\dir", "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\dir"))
        self.link("old", junction_buffer("", "\\??\\C:\\dir"))  # what older versions wrote: no print name
        self.link("symlink", symlink_buffer("dir\\sub"))
        self.link("wsl", tag_buffer(0xA000001D, b"\x02\0\0\0x"))
        self.link("vendor", tag_buffer(0x20001234, b"12345678"))
        for name, kind, rest in (("link", "JUNCTION", ["   Print Name     : C:\\dir", "   Substitute Name: C:\\dir"]),
                                 ("volume-dir", "MOUNT POINT", ["   Print Name     : \\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\dir",
                                                                "   Substitute Name: Volume{01234567-89ab-cdef-0123-456789abcdef}\\dir"]),
                                 ("old", "JUNCTION", ["   Substitute Name: C:\\dir"]),
                                 ("symlink", "SYMBOLIC LINK", ["   Print Name     : dir\\sub", "   Substitute Name: dir\\sub"]),
                                 ("wsl", "UNKNOWN MICROSOFT REPARSE POINT", []),
                                 ("vendor", "THIRD-PARTY REPARSE POINT", ["   Tag         : 0x20001234", "   Surrogate   : TRUE"])):
            with self.subTest(name):
                record = ["%s: %s" % (self.path(name), kind), *rest, "", ""]
                self.assertEqual(self.lines(0, name)[5:], record)
                self.assertEqual(self.lines(0, "-q", name, "-nobanner"), record)

    def test_nothing(self):
        self.mkdir("plain")
        for arguments, words in ((("plain",), "No reparse points found."), (("-s", "plain"), "No reparse points found."), (("-q", "-s"), "No reparse points found."),
                                 (("none",), "No matching files were found."), (("-s", "none"), "No matching files were found."),
                                 (("no/such",), "No matching files were found."), (("plain/*",), "No reparse points found.")):
            with self.subTest(arguments):
                self.assertEqual(self.lines(0, *arguments)[5:], [words, "", ""])

    def test_wildcards(self):
        for name in ("one", "two", "three", "four.x"):
            self.link(name)
        self.mkdir("plain")
        def found(*arguments, **keywords):
            return sorted(os.path.basename(line.split(": ")[0]) for line in self.lines(0, "-nobanner", *arguments, **keywords) if line.endswith(": JUNCTION"))
        self.assertEqual(found("t*"), ["three", "two"])
        self.assertEqual(found("*"), ["four.x", "one", "three", "two"])
        self.assertEqual(found("?n?"), ["one"])
        self.assertEqual(found("*.x"), ["four.x"])
        self.assertEqual(found(self.base + "/*o*", cwd="/"), ["four.x", "one", "two"])
        self.assertEqual(found("*none*"), [])
        self.assertEqual(found("T*"), [])  # names differ by case on this system

    def test_walk(self):
        """Everything below, never through a link; what cannot be read is said on stdout, unless -q."""
        self.mkdir("sub")
        self.mkdir("closed", 0o700, owner=0)
        self.link("sub/inner")
        self.classic(0, "sub/loop", ".")
        out = self.classic(0, "-s").decode()
        self.assertEqual(sorted(re.findall(r"^(.*): JUNCTION$", out, re.MULTILINE)), [self.path("sub", "inner"), self.path("sub", "loop")])
        self.assertIn("Failed to open %s: Permission denied\n\n" % self.path("closed"), out)
        self.assertNotIn("Failed", self.classic(0, "-s", "-q", ".").decode())
        self.assertNotIn("closed", self.classic(0, "-s", "-q", ".").decode())

    def test_usage(self):
        self.link("link")
        for arguments in (("-?",), (), ("a", "b", "c"), ("-d",), ("-d", "a", "b"), ("-d", "-s", "link"), ("-d", "-q", "link"), ("-x", "link"), ("-d", "-?", "link"), ("-",)):
            with self.subTest(arguments):
                self.assertIn("usage", self.classic(255, *arguments).decode().lower())
        self.assert_junction(self.path("link"), "C:\\target")
        self.assertEqual(os.listdir(self.base), ["link"])

    def test_slash_begins_a_path_here(self):
        self.assertIn("No matching files were found.", self.classic(0, "/s-is-no-flag").decode())

    def test_reserved_words_are_reserved_as_first_words_only(self):
        self.classic(0, "./list", "C:\\x")
        self.assert_junction(self.path("list"), "C:\\x")
        self.classic(0, "-q", "create", "C:\\x")
        self.assert_junction(self.path("create"), "C:\\x")
        self.classic(0, "-d", "list")
        self.assertEqual(os.listdir(self.base), ["create"])

    def test_long_options_before_it(self):
        self.link("link")
        self.assertIn(b": JUNCTION", self.classic(0, "--timeout", "5", "link"))
        done = self.ends(2, "--format", "json", "link")
        self.assertIn(b"--format", done.stderr)


class Service(ClassicCase):
    """The service is not there, or does not do its part: never an answer about the disk."""

    def test_none(self):
        self.link("link")
        for arguments in (("link",), ("-s",), ("-s", "-q", "."), ("*",), ("new", "C:\\x"), ("-d", "link"), ("plain",)):
            with self.subTest(arguments):
                done = run("--pipe", "/nowhere/at/all", *arguments, cwd=self.base)
                self.assertEqual(done.returncode, 255)
                self.assertIn(b"not running", done.stderr)
                for words in (b"No reparse points", b"No matching", b"Deleted", b"Created"):
                    self.assertNotIn(words, done.stdout)
        self.assertEqual(os.listdir(self.base), ["link"])

    def test_accepteula_needs_none(self):
        for flag in ("-accepteula", "-AcceptEula"):
            done = run("--pipe", "/nowhere/at/all", flag)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            lines = done.stdout.decode().split("\n")
            self.assertEqual((lines[0], lines[4], len(lines)), ("", "", 6))
            self.assertTrue(all(lines[1:4]))
        self.assertEqual(run("--pipe", "/nowhere/at/all", "-accepteula", "-nobanner").stdout, b"")

    def test_no_name_of_others_in_the_banner(self):
        out = self.ends(255).stdout.lower()
        for word in (b"sysinternals", b"russinovich", b"microsoft"):
            self.assertNotIn(word, out)

    def test_full_disk(self):
        self.link("link")
        with open("/dev/full", "wb") as full:
            done = self.client("link", stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"No space left on device", done.stderr)
