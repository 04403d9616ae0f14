"""Odd names of links, and the property that holds over all of them: what list prints, show and delete accept."""

import json
import os
import random
import subprocess

from harness import ALICE, get_raw, junction_buffer, plant
from odd import TARGET, OddCase, on_disk, utf16


class Names(OddCase):
    """The name of the link itself."""

    GOOD = ("quote'", "back`tick", "$HOME", "a b", " leading", ".hidden", "-rf", "--", "%41", "\u00e4", "\U0001f600", "\u202eright", "\u0301combining", "\x7f", "\u2028",
            "a" * 255, "\U0001f600" * 127 + "a", "com0", "console", "nul_", "LPT", "..x", "\ufeff", "\ufffd", "{}[]()!@#^&;,=+")
    BAD = ("quote\"", "new\nline", "tab\t", "\x01", "\x1f", "<", ">", "|", "?", "*", "a:b", "back\\slash", "dot.", "space ", "...", " ", "con", "CON", "nul.txt", "Aux .x",
           "com1", "LPT9.a.b", "com\u00b9", "conin$", "CONOUT$", "a" * 256, "\U0001f600" * 128)

    def test_new_names(self):
        for name in self.GOOD:
            with self.subTest(name):
                path = self.path(name)
                result = self.dry_and_real("junction.create", "created", link=path, target=TARGET)
                self.assertEqual(result["link"], path)
                self.assert_junction(path, TARGET)
                self.assertEqual(self.show(path)["path"], path)
                self.assertEqual([entry["path"] for entry in self.root.list(self.base)[0]], [path])
                self.call("junction.delete", link=path)
        self.assertEqual(os.listdir(self.base), [])

    def test_names_that_are_not_for_new_links(self):
        for name in self.BAD:
            with self.subTest(name):
                self.no_create("INVALID_PATH", self.path(name))
                self.no_create("INVALID_PATH", self.path(name), replace=True, parents=True)
                self.no_create("INVALID_PATH", self.path("new", name, "link"), parents=True)
        self.refused("INVALID_PATH", self.root.call, "junction.create", linkUtf16=utf16(self.path("nul\0byte")), target=TARGET)
        self.assertEqual(os.listdir(self.base), [])

    def test_names_that_are_on_the_disk(self):
        """The same names are accepted where they exist already, however they came there."""
        for name in self.BAD:
            if len(name.encode("utf-16le")) > 510:
                continue
            with self.subTest(name):
                path = self.path(name)
                plant(path, junction_buffer(TARGET))
                self.assertEqual(self.show(path)["target"], TARGET)
                self.assertEqual(self.create(path)["outcome"], "unchanged")
                self.dry_and_real("junction.create", "replaced", link=path, target="C:\\new", replace=True)
                self.assertEqual([entry["path"] for entry in self.root.list(self.base)[0]], [path])
                self.dry_and_real("junction.delete", "cleared", link=path, keepDirectory=True)
                self.dry_and_real("junction.create", "converted", link=path, target=TARGET)
                self.call("junction.delete", link=path)
        for name in self.BAD[:4]:
            os.mkdir(self.path(name))
            self.create(self.path(name, "link"))  # below such a directory
            self.assert_junction(self.path(name, "link"), TARGET)

    def test_lone_surrogates(self):
        for name in ("\ud800", "x\udfffy", "\udc00\ud800", "a\ud83d.txt"):
            with self.subTest(repr(name)):
                path = os.fsencode(self.base) + b"/" + on_disk(name)
                given, shown = utf16(self.path(name)), self.path("".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in name))
                result = self.root.call("junction.create", linkUtf16=given, target=TARGET)
                self.assertEqual((result["link"], result["linkUtf16"]), (shown, given))
                self.assertEqual(get_raw(path), junction_buffer(TARGET))
                entry = self.root.call("reparse.show", pathUtf16=given)
                self.assertEqual((entry["path"], entry["pathUtf16"]), (shown, given))
                self.assertEqual(self.root.list(self.base)[0], [entry])
                self.refused("NOT_FOUND", self.show, shown)
                self.root.call("junction.delete", linkUtf16=given)
                self.assertFalse(os.path.lexists(path))

    def test_given_twice(self):
        """Utf16 stands in place of the other, not beside it."""
        self.refused("INVALID_PARAMS", self.root.call, "junction.create", link=self.path("one"), linkUtf16=utf16(self.path("two")), target=TARGET)
        self.root.call("junction.create", linkUtf16=utf16(self.path("plain name")), target=TARGET)
        self.assertEqual(os.listdir(self.base), ["plain name"])

    def test_case(self):
        """This mount tells names apart by case, as NTFS itself can."""
        self.link("Link")
        self.refused("NOT_FOUND", self.show, self.path("link"))
        self.create(self.path("link"), "C:\\other")
        self.assertEqual(self.show(self.path("Link"))["target"], TARGET)

    def test_paths_longer_than_the_kernel_takes(self):
        """Each name 200 units, the whole path far above 4096 bytes."""
        depth = 30
        here = os.open(self.base, os.O_PATH)
        for _ in range(depth):
            os.mkdir("d" * 200, dir_fd=here)
            below = os.open("d" * 200, os.O_PATH | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        path = self.path(*["d" * 200] * depth, "link")
        self.assertGreater(len(path), 6000)
        try:
            self.assertEqual(self.create(path)["outcome"], "created")
            self.assertEqual(os.listdir("/proc/self/fd/%d" % here), ["link"])
            self.assertEqual(self.show(path)["target"], TARGET)
            entries, result = self.root.list(self.base, recurse=True)
            self.assertEqual([entry["path"] for entry in entries], [path])
            self.assertEqual(result["directories"], depth + 1)
            self.assertEqual([entry["path"] for entry in self.root.list(os.path.dirname(path))[0]], [path])
            self.assertEqual(self.create(os.path.join(os.path.dirname(path), "p", "q"), parents=True)["outcome"], "created")
            self.call("junction.delete", link=os.path.join(os.path.dirname(path), "p", "q"))
            self.assertEqual(self.create(path, "C:\\new", replace=True)["outcome"], "replaced")
            self.call("junction.delete", link=path)
            self.assertEqual(os.listdir("/proc/self/fd/%d" % here), ["p"])
        finally:
            os.close(here)

    def test_paths_longer_than_ntfs_takes(self):
        self.refused("INVALID_PATH", self.create, self.base + "/d" * 16400)
        self.refused("INVALID_PATH", self.show, self.base + "/d" * 16400)
        with self.service.connect(ALICE) as alice:  # the connection lives on
            self.refused("NOT_FOUND", alice.call, "reparse.show", path=self.base + "/d" * 1000)


class Property(OddCase):
    """Every path that list prints is accepted by show and delete, over a volume full of odd names."""

    SEED = 20240229
    COUNT = 240
    PIECES = ("'", '"', "\n", "\r", "\t", "\x01", "\x1f", "\x7f", "\\", "*", "?", "<", ">", "|", ":", ".", " ", "-", "--", "%", "$", "~", "a", "Z", "0",
              "\u00e4", "\u20ac", "\u0301", "\u202e", "\u200b", "\ufeff", "\ufffd", "\uffff", "\U0001f600", "\U0010ffff", "\ud800", "\udbff", "\udc00", "\udfff",
              "con", "NUL", "com1", "\u00b9", "..", "&", ";", "`", "{", "}", "#", "\x1b[31m", "\u2028")
    FIXED = ("con", "nul.txt", "...", " ", "-", "--help", "-rf", "dot.", "space ", ".. ", "\\", "a\\b", "*", "\n", "\ud800", "\udc00\ud800", "\u20ac" * 255, "\U0001f600" * 127 + "x",
             "\ud800" * 255, "'" * 255, "C:", "C:\\x", "\\\\?\\C:\\x", "~", "$(id)", "`id`", "%s%n", "\x1b]0;title\x07", "\u00c4", "\u00e4", "\ufffd", "\U0001f600")

    def names(self, chance):
        seen = set()
        for name in self.FIXED:
            seen.add(name)
            yield name
        while len(seen) < self.COUNT:
            name = "".join(chance.choice(self.PIECES) for _ in range(chance.choice((1, 2, 3, 5, 8, 40))))
            # A pair of surrogates is one character.
            name = name.encode("utf-16le", "surrogatepass").decode("utf-16le", "surrogatepass")
            if name not in seen and name not in (".", "..") and len(utf16(name)) <= 255 * 4:
                seen.add(name)
                yield name

    def links_seen_by_another_reader(self):
        listing = subprocess.run(["7zz", "l", "-slt", self.volume.image], check=True, capture_output=True).stdout
        # It does not read what is too long to lie in the file's own record, but names it.
        return sum(line.startswith((b"Link = Junction", b"Link = REPARSE")) for line in listing.splitlines())

    def plant_all(self):
        """Junctions of all names, some below directories of such names; answers how many."""
        chance = random.Random(self.SEED)
        directory, count = os.fsencode(self.base), 0
        for name in self.names(chance):
            path = directory + b"/" + on_disk(name)
            if chance.random() < 0.15:
                os.mkdir(path)
                below = len(directory) < 3000 and chance.random() < 0.5
                plant(path + b"/inside", junction_buffer("C:\\inside"))
                count += 1
                directory = path if below else directory
            else:
                plant(path, junction_buffer("C:\\" + name.replace("\\", "_")))
                count += 1
        return count

    @staticmethod
    def named(entry, member):
        """The path as a request takes it back."""
        return {member + "Utf16": entry["pathUtf16"]} if "pathUtf16" in entry else {member: entry["path"]}

    def test_what_list_prints_show_and_delete_accept(self):
        before = self.links_seen_by_another_reader()
        count = self.plant_all()
        self.assertGreaterEqual(count, 200)
        self.assertEqual(self.links_seen_by_another_reader() - before, count)
        for check in (False, True):
            entries, result = self.root.list(self.base, recurse=True, check=check)
            self.assertEqual((result["count"], result["skipped"], len(entries)), (count, 0, count))
            self.assertEqual(len({entry.get("pathUtf16", utf16(entry["path"])) for entry in entries}), count)
            for entry in entries:
                self.assertNotIn("error", entry)
                self.assertEqual(self.root.call("reparse.show", check=check, **self.named(entry, "path")), entry)
        for entry in entries:
            # As a PATH of a list too; and the strict rules for new names do not stand in the way.
            self.assertEqual(self.root.call("reparse.list", **self.named(entry, "path"))["count"], 1)
            given = self.named(entry, "link")
            self.assertEqual(self.root.call("junction.create", target=TARGET, replace=True, **given)["outcome"], "replaced")
            self.assertEqual(self.root.call("junction.delete", keepDirectory=True, **given)["outcome"], "cleared")
            self.assertEqual(self.root.call("junction.create", target=TARGET, **given)["outcome"], "converted")
            result = self.root.call("junction.delete", expectedTarget=TARGET, **given)
            self.assertEqual((result["outcome"], result["link"], result.get("linkUtf16")), ("deleted", entry["path"], entry.get("pathUtf16")))
        self.assertEqual(self.root.list(self.base, recurse=True)[0], [])
        self.assertEqual(self.links_seen_by_another_reader(), before)
        for directory, _, files in os.walk(os.fsencode(self.base)):
            self.assertEqual(files, [], directory)
            self.assertFalse(any(entry.is_symlink() for entry in os.scandir(directory)))

    def test_the_same_with_the_client(self):
        """Through the command line, which gets names as bytes and prints them as JSON."""
        names = [name for name in self.names(random.Random(self.SEED + 1)) if utf16(name) == name.encode("utf-16le", "replace").hex()][:60]
        for name in names:
            plant(os.fsencode(self.base) + b"/" + on_disk(name), junction_buffer(TARGET))
        listed = self.service.client("list", "--format", "jsonl", self.base)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        entries = [json.loads(line) for line in listed.stdout.splitlines()]
        self.assertEqual(sorted(entry["path"] for entry in entries), sorted(self.path(name) for name in names))
        for entry in entries:
            shown = self.service.client("show", "--format", "json", entry["path"])
            self.assertEqual(shown.returncode, 0, shown.stderr)
            deleted = self.service.client("delete", entry["path"])
            self.assertEqual(deleted.returncode, 0, (entry, deleted.stderr))
        self.assertEqual(os.listdir(self.base), [])
