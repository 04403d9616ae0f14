"""Names as people and scripts give them to the client: relative ones, odd ones, what a list printed; and every option that changes what is done."""

import json
import os
import subprocess

from harness import ALICE, get_raw, junction_buffer, new_directory
from test_client import ClientCase, client_path, identity


def utf16(text):
    return text.encode("utf-16le", "surrogatepass").hex()


def path_in(entry, key="path"):
    """The bytes of a name in a document."""
    if key + "Utf16" in entry:
        return bytes.fromhex(entry[key + "Utf16"]).decode("utf-16le", "surrogatepass").encode("utf-8", "surrogatepass")
    return entry[key].encode()


class Relative(ClientCase):
    """Whatever way leads there, the service gets the real path of the parent and the last name."""

    def setUp(self):
        super().setUp()
        self.mkdir("sub")
        self.mkdir("sub/deep")
        self.link("link")
        self.link("sub/link")
        self.outside = new_directory("outside")
        os.symlink(self.base, os.path.join(self.outside, "way"))
        os.symlink(self.path("sub", "deep"), os.path.join(self.outside, "deep"))

    def shown(self, path, cwd):
        return self.json(0, "show", path, cwd=cwd)["path"]

    def test_names(self):
        way, deep = os.path.join(self.outside, "way"), os.path.join(self.outside, "deep")
        link, inner = self.path("link"), self.path("sub", "link")
        for cwd, name, path in ((self.base, "link", link), (self.base, "./link", link), (self.base, "sub/link", inner), (self.base, "sub/../link", link),
                                (self.base, "sub//link", inner), (self.base, "sub/./link", inner), (self.base, "link/", link), (self.base, "link///", link),
                                (self.path("sub"), "../link", link), (self.path("sub"), "link", inner), (way, "link", link), (way, "sub/link", inner),
                                (deep, "../link", inner), (deep, "../../link", link), (self.outside, "way/link", link), (self.outside, "way/sub/link/", inner),
                                (self.outside, "deep/../link", inner), ("/", self.base + "/link", link), ("/", way + "/link", link),
                                ("/", deep + "/../link", inner), ("/", link[1:], link), (self.base, "//" + link, link)):
            with self.subTest(cwd=cwd, name=name):
                self.assertEqual(self.shown(name, cwd), path)

    def test_places_to_list(self):
        way = os.path.join(self.outside, "way")
        everything = [self.path("link"), self.path("sub", "link")]
        for cwd, names in ((self.base, ((), (".",), ("./",), ("../" + os.path.basename(self.base),), ("sub/..",), (self.base + "/",))),
                           (self.path("sub"), (("..",), ("../",), ("deep/../..",))), (way, ((), (".",))), (self.outside, (("way/.",), ("deep/../..",)))):
            for name in names:
                with self.subTest(cwd=cwd, name=name):
                    entries = self.json(0, "list", "-s", *name, cwd=cwd)["entries"]
                    self.assertEqual(sorted(entry["path"] for entry in entries), everything)

    def test_create_and_delete(self):
        self.assertEqual(self.json(0, "create", "new", "..", cwd=self.path("sub"))["target"], self.windows)
        self.assert_junction(self.path("sub", "new"), self.windows)
        self.assertEqual(self.json(0, "create", "way/new/", "way/sub/nothing/../there/", cwd=self.outside)["target"], self.windows + "\\sub\\there")
        self.json(0, "delete", "--expect", "../sub/there", "../new", cwd=self.path("sub"))
        self.json(0, "delete", "--expect", "..", "new/", cwd=self.path("sub"))
        self.assertEqual(sorted(os.listdir(self.path("sub"))), ["deep", "link"])

    def test_the_link_itself_is_never_followed(self):
        """`link/` and `link/.`: the first is the link, the second what it leads to."""
        self.json(0, "create", "to-sub", "sub")
        self.assertEqual(self.json(0, "show", "to-sub/")["target"], self.windows + "\\sub")
        self.problem(1, "NOT_A_REPARSE_POINT", "show", "to-sub/.")
        self.assertEqual(self.json(0, "show", "to-sub/link")["path"], self.path("sub", "link"))
        self.json(0, "delete", "to-sub/")
        self.assertTrue(os.path.isdir(self.path("sub", "deep")))


class Odd(ClientCase):
    """Names that hurt scripts."""

    NEW = ("-rf", "--", "-", "--help", "quote'", "$HOME", "a b", " x", "\u00e4\u0301", "\U0001f600", "\x7f", "\u202egnp.exe", "list", "create", "%s%n", "`id`", "{}",
           "\ud800", "x\udfffy\U0001f600\ud83d", "a" * 255)
    OLD = ("new\nline", "\r\n", "tab\t", "\x1b[31mred", "\x01", "quote\"", "back\\slash", "a:b", "dot.", "con", "*", "?", " ", "...")

    def typed(self, name):
        return name.encode("utf-8", "surrogatepass")

    def test_new_names(self):
        for name in self.NEW:
            with self.subTest(repr(name)):
                typed = self.typed(name)
                made = json.loads(self.ends(0, "create", "--format", "json", "--", typed, "C:\\target").stdout)
                path = os.path.join(os.fsencode(self.base), typed)
                self.assertEqual(path_in(made, "link"), path)
                self.assertEqual(get_raw(path), junction_buffer("C:\\target"))
                self.round_trip([path])

    def test_names_on_the_disk(self):
        self.round_trip([self.link(self.typed(name)) for name in self.OLD])

    def round_trip(self, paths):
        """What list prints is accepted by show and delete, from any directory."""
        entries = self.json(0, "list")["entries"]
        self.assertEqual(sorted(path_in(entry) for entry in entries), sorted(paths))
        lines = self.ends(0, "list", "--format", "jsonl").stdout.decode().split("\n")
        self.assertEqual([json.loads(line) for line in lines[:-1]], entries)
        for entry in entries:
            shown = json.loads(self.ends(0, "show", "--format", "json", path_in(entry), cwd="/").stdout)
            self.assertEqual(shown, entry)
            gone = json.loads(self.ends(0, "delete", "--format", "json", path_in(entry), cwd="/").stdout)
            self.assertEqual((path_in(gone, "link"), gone["fileId"]), (path_in(entry), entry["fileId"]))
        self.assertEqual(os.listdir(self.base), [])

    def test_text_is_one_line_each(self):
        """No name makes a second line or sends anything to a terminal, even through a pipe."""
        for name in self.OLD:
            self.link(self.typed(name))
        out = self.ends(0, "list").stdout
        self.assertEqual(out.count(b"\n"), len(self.OLD))
        self.assertFalse([byte for byte in out if byte < 0x20 and byte != 0x0A], out)
        self.assertIn(b"new\\x0Aline", out)
        self.assertIn(b"\\x1B[31mred", out)

    def test_odd_targets(self):
        for number, target in enumerate(("C:\\\U0001f600\u202e", "C:\\a b\\$x'", "c:/forward/", "\\\\?\\C:\\con", "Z:\\")):
            made = self.json(0, "create", "link-%d" % number, target)
            self.assertEqual(self.json(0, "show", "link-%d" % number)["target"], made["target"])
        made = json.loads(self.ends(0, "create", "--format", "json", "lone", self.typed("C:\\\udc00")).stdout)
        self.assertEqual((made["target"], made["targetUtf16"]), ("C:\\\ufffd", utf16("C:\\\udc00")))
        self.ends(0, "delete", "--expect", self.typed("C:\\\udc00"), "lone")


class Options(ClientCase):
    """What changes what is done."""

    def test_replace_and_expect(self):
        self.json(0, "create", "link", "C:\\one")
        self.problem(6, "ALREADY_EXISTS", "create", "link", "C:\\two")
        self.problem(6, "TARGET_CHANGED", "create", "--replace", "--expect", "C:\\zero", "link", "C:\\two")
        self.assert_junction(self.path("link"), "C:\\one")
        self.assertEqual(self.json(0, "create", "--replace", "--expect=c:\\ONE\\", "link", "C:\\two")["previousTarget"], "C:\\one")
        self.assert_junction(self.path("link"), "C:\\two")
        # A retry is safe, even with an expectation that is no longer true.
        self.assertEqual(self.json(0, "create", "--replace", "--expect", "C:\\one", "link", "C:\\two")["outcome"], "unchanged")
        self.problem(6, "TARGET_CHANGED", "delete", "--expect", "C:\\one", "link")
        self.assertEqual(self.json(0, "delete", "--expect", "C:\\two", "link")["outcome"], "deleted")

    def test_parents(self):
        self.problem(5, "PARENT_NOT_FOUND", "create", "a/b/link", "C:\\x")
        self.assertEqual(os.listdir(self.base), [])
        self.json(0, "create", "--parents", "a/b/link", "C:\\x")
        self.assert_junction(self.path("a", "b", "link"), "C:\\x")
        self.assertEqual(os.stat(self.path("a")).st_uid, ALICE)

    def test_must_exist(self):
        target = self.windows + "\\there"
        self.problem(5, "TARGET_NOT_FOUND", "create", "--must-exist", "link", target)
        self.mkdir("there")
        self.json(0, "create", "--must-exist", "link", target)
        self.json(0, "create", "--must-exist", "other", "there")
        self.assert_junction(self.path("other"), target)

    def test_drive(self):
        self.mkdir("there")
        for drive, letter in ((("--drive", "q:"), "Q"), (("--drive=Z",), "Z"), ((), "C")):
            self.assertEqual(self.json(0, "create", *drive, "link" + letter, "there")["target"], letter + self.windows[1:] + "\\there")
        self.problem(7, "OTHER_VOLUME", "create", "--drive", "Q:", "link", "/tmp")

    def test_dry_run(self):
        self.link("link")
        before = os.listdir(self.base), get_raw(self.path("link"))
        self.assertIs(self.json(0, "create", "--dry-run", "new", "C:\\x")["dryRun"], True)
        self.assertEqual(self.json(0, "create", "--dry-run", "--replace", "link", "C:\\x")["outcome"], "replaced")
        self.assertEqual(self.json(0, "create", "--dry-run", "--parents", "a/b", "C:\\x")["outcome"], "created")
        self.assertEqual(self.json(0, "delete", "--dry-run", "link")["outcome"], "deleted")
        self.assertEqual(self.json(0, "delete", "--dry-run", "--keep-directory", "link")["outcome"], "cleared")
        self.problem(6, "TARGET_CHANGED", "delete", "--dry-run", "--expect", "C:\\other", "link")
        self.assertEqual((os.listdir(self.base), get_raw(self.path("link"))), before)

    def test_keep_directory(self):
        self.link("link")
        inode = os.lstat(self.path("link")).st_ino
        self.assertEqual(self.json(0, "delete", "--keep-directory", "link")["outcome"], "cleared")
        self.assert_plain_directory(self.path("link"))
        self.assertEqual(os.stat(self.path("link")).st_ino, inode)

    def test_quiet(self):
        self.assertEqual(self.ends(0, "create", "-q", "link", "C:\\x").stdout, b"")
        self.assertEqual(self.ends(0, "list", "--quiet").stderr, b"")
        self.mkdir("closed", 0o700, owner=0)
        self.assertEqual(self.ends(11, "list", "-s", "-q").stderr, b"")
        self.assertNotEqual(self.ends(5, "show", "-q", "none").stderr, b"")
        self.assertEqual(self.ends(0, "delete", "-q", "link").stdout, b"")

    def test_options_anywhere(self):
        self.link("link")
        expected = self.ends(0, "show", "--format", "json", "link").stdout
        for arguments in (("--format", "json", "show", "link"), ("show", "link", "--format=json"), ("--timeout", "5", "show", "--format", "json", "link"),
                          ("show", "--format", "json", "--", "link"), ("--no-progress", "--quiet", "show", "link", "--format", "json")):
            self.assertEqual(self.ends(0, *arguments).stdout, expected)

    def test_short_pipe_name(self):
        done = subprocess.run([client_path(), "--pipe", "junction-test-none", "status"], capture_output=True, check=False, **identity(ALICE))
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"/run/junction/junction-test-none.sock", done.stderr)
