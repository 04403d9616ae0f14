"""Odd links and targets: accepted as the rules say, or refused by the right NAME with nothing changed on the disk."""

import os
import stat
import struct

from harness import Service, TAG_JUNCTION, Volume, get_raw, junction_buffer, plant, set_raw, snapshot, symlink_buffer, tag_buffer
from odd import GUID, LONG, TARGET, OddCase, utf16


class Links(OddCase):
    """What stands where the link is to be."""

    def test_missing(self):
        result = self.dry_and_real("junction.create", "created", link=self.path("link"), target=TARGET)
        self.assert_junction(self.path("link"), TARGET)
        self.assertEqual(int(result["fileId"], 16) & 0xFFFFFFFFFFFF, os.lstat(self.path("link")).st_ino)
        self.assertEqual((result["link"], result["target"], result["substituteName"], result["printName"]),
                         (self.path("link"), TARGET, "\\??\\" + TARGET, TARGET))

    def test_empty_directory(self):
        path = self.mkdir("empty")
        inode = os.lstat(path).st_ino
        self.dry_and_real("junction.create", "converted", link=path, target=TARGET)
        self.assert_junction(path, TARGET)
        self.assertEqual(os.lstat(path).st_ino, inode)

    def test_directory_that_is_not_empty(self):
        for child in ("file", "dir", "link", "hidden"):
            where = self.mkdir("with-" + child)
            if child == "file":
                self.file(os.path.join("with-file", "x"))
            elif child == "dir":
                os.mkdir(os.path.join(where, "x"))
            elif child == "link":
                self.link(os.path.join("with-link", "x"))
            else:
                self.file(os.path.join("with-hidden", ".x"), "")
            self.no_create("NOT_EMPTY", where)
            self.no_create("NOT_EMPTY", where, replace=True, parents=True)

    def test_file(self):
        path = self.file("file")
        self.no_create("NOT_A_DIRECTORY", path)
        self.no_create("NOT_A_DIRECTORY", path, replace=True)
        self.no_delete("NOT_A_JUNCTION", path)
        self.refused("NOT_A_REPARSE_POINT", self.show, path)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "content")

    def test_below_a_file(self):
        inside = os.path.join(self.file("file"), "link")
        self.no_create("NOT_A_DIRECTORY", inside)
        self.no_create("NOT_A_DIRECTORY", inside, parents=True)
        self.no_create("NOT_A_DIRECTORY", os.path.join(inside, "deeper"), parents=True)
        self.no_delete("NOT_A_DIRECTORY", inside)

    def test_missing_parent(self):
        deep = self.path("a", "b", "link")
        self.no_create("PARENT_NOT_FOUND", deep)
        self.no_delete("NOT_FOUND", deep)
        self.dry_and_real("junction.create", "created", link=deep, target=TARGET, parents=True)
        self.assert_junction(deep, TARGET)
        self.assertEqual([stat.S_IMODE(os.lstat(self.path(*names)).st_mode) for names in (("a",), ("a", "b"))], [0o755] * 2)
        # Only what is missing is made.
        self.create(self.path("a", "c", "link"), parents=True)
        self.create(self.path("a", "other"), parents=True)
        self.assertEqual(sorted(os.listdir(self.path("a"))), ["b", "c", "other"])

    def test_missing_parent_and_a_failure_later(self):
        for bad in ("dot.", "con", "bad:name", "space ", "x" * 256):
            self.no_create("INVALID_PATH", self.path("a", "b", bad), parents=True)
            self.no_create("INVALID_PATH", self.path("a", bad, "link"), parents=True)
        self.no_create("INVALID_TARGET", self.path("a", "b", "link"), "\\\\server\\share", parents=True)
        self.no_create("TARGET_NOT_FOUND", self.path("a", "b", "link"), self.windows + "\\nowhere", parents=True, mustExist=True)
        self.no_create("NO_DRIVE_LETTER", self.path("a", "b", "link"), self.base, parents=True)
        self.assertEqual(os.listdir(self.base), [])

    def test_other_reparse_points(self):
        """None of them is ours to replace or to delete."""
        things = {
            "symlink": symlink_buffer(TARGET), "file-symlink": symlink_buffer(TARGET),
            "mount-point": junction_buffer("", "\\??\\Volume%s\\" % GUID), "cloud": tag_buffer(0x9000001A, b"cloud"),
            "wsl": tag_buffer(0xA000001D, b"\2\0\0\0/x"), "app": tag_buffer(0x8000001B, b"\3\0\0\0a\0\0\0"),
            "foreign": tag_buffer(0x00000037, b"foreign"), "nameless": tag_buffer(0x8000DEAD, b"x")}
        for name, buffer in things.items():
            directory = name not in ("file-symlink", "wsl", "app")
            plant(self.path(name), buffer, directory)
            with self.subTest(name):
                for params in ({}, {"replace": True}, {"replace": True, "expectedTarget": TARGET}):
                    self.no_create("NOT_A_JUNCTION", self.path(name), **params)
                self.no_delete("NOT_A_JUNCTION", self.path(name))
                self.no_delete("NOT_A_JUNCTION", self.path(name), expectedTarget=TARGET)
                self.assertEqual(get_raw(self.path(name)), buffer)
                self.assertEqual(self.show(self.path(name))["kind"], "directory" if directory else "file")
        types = {name: self.show(self.path(name))["type"] for name in things}
        self.assertEqual(types, {"symlink": "symlink", "file-symlink": "symlink", "mount-point": "mountPoint", "cloud": "cloud",
                                 "wsl": "wslSymlink", "app": "appExecLink", "foreign": "other", "nameless": "unknown"})

    def test_interix_symlink(self):
        """A symbolic link that ntfs-3g makes in a file: a link for Linux, no reparse point."""
        self.mkdir("there")
        for name, target in (("relative", "there"), ("absolute", self.path("there")), ("nowhere", "missing")):
            os.symlink(target, self.path(name))
            self.no_create("NOT_A_JUNCTION", self.path(name))
            self.no_create("NOT_A_JUNCTION", self.path(name), replace=True)
            self.no_delete("NOT_A_JUNCTION", self.path(name))
            self.refused("NOT_A_REPARSE_POINT", self.show, self.path(name))
            self.assertEqual(os.readlink(self.path(name)), target)
        # Above the leaf it is followed, as the system does.
        self.create(self.path("relative", "link"))
        self.assert_junction(self.path("there", "link"), TARGET)

    def test_through_a_junction(self):
        """Junctions above the leaf are followed too."""
        self.mkdir("there")
        self.create(self.path("way"), self.windows + "\\there")
        self.create(self.path("way", "link"))
        self.assert_junction(self.path("there", "link"), TARGET)
        self.assertEqual(self.show(self.path("way", "link"))["target"], TARGET)
        self.call("junction.delete", link=self.path("way", "link"))
        self.assertEqual(os.listdir(self.path("there")), [])
        self.assert_junction(self.path("way"), self.windows + "\\there")

    def test_through_a_loop(self):
        self.create(self.path("one"), self.windows + "\\two")
        self.create(self.path("two"), self.windows + "\\one")
        self.no_create("TOO_MANY_LINKS", self.path("one", "link"))
        self.no_delete("TOO_MANY_LINKS", self.path("one", "link"))

    def test_root_of_the_mount(self):
        for root in (self.volume.root, self.volume.root + "/", self.volume.root + "//.", "/"):
            self.no_create("VOLUME_ROOT", root)
            self.no_create("VOLUME_ROOT", root, replace=True, parents=True)
            self.no_delete("VOLUME_ROOT", root)
        self.refused("NOT_A_REPARSE_POINT", self.show, self.volume.root)
        self.assertIsNone(get_raw(self.volume.root))

    def test_ways_to_write_the_same_path(self):
        for number, path in enumerate(("//%s//link0" % self.base.strip("/"), self.path(".", "link1"), self.path("link2") + "/", self.path("link3") + "/.")):
            result = self.create(path)
            self.assertEqual(result["outcome"], "created")
            self.assert_junction(self.path("link%d" % number), TARGET)
            self.assertEqual(self.show(path)["path"], self.path("link%d" % number))

    def test_paths_that_are_none(self):
        for path in ("relative", "./x", "", self.path("..", "x"), self.base + "/a/../b", "C:\\x", "\\\\?\\C:\\x", "~"):
            self.no_create("INVALID_PATH", path)
            self.no_delete("INVALID_PATH", path)
            self.refused("INVALID_PATH", self.show, path)
            self.refused("INVALID_PATH", self.call, "reparse.list", path=path)

    def test_hidden_children(self):
        """A junction over a directory that was not empty: what is in it is only hidden."""
        path = self.mkdir("full")
        os.mkdir(os.path.join(path, "child"))
        self.file("full/file", "hidden")
        set_raw(path, junction_buffer(TARGET))
        self.assertEqual(self.show(path)["target"], TARGET)
        before = snapshot(self.volume.root)
        inode = os.lstat(path).st_ino
        self.refused("NOT_EMPTY", self.call, "junction.delete", link=path)
        self.assertEqual(snapshot(self.volume.root), before)
        self.assert_junction(path, TARGET)
        self.assertEqual(self.create(path, "C:\\other", replace=True)["outcome"], "replaced")
        self.assert_junction(path, "C:\\other")
        self.assertEqual(self.call("junction.delete", link=path, keepDirectory=True)["outcome"], "cleared")
        self.assert_plain_directory(path)
        self.assertEqual(os.lstat(path).st_ino, inode)
        self.assertEqual(sorted(os.listdir(path)), ["child", "file"])
        with open(os.path.join(path, "file"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "hidden")

    def test_malformed(self):
        """Broken buffers, as foreign volumes have them: named as such, shown and deleted."""
        def names(substitute, print_name, text, tail=b"\0\0\0\0"):
            data = struct.pack("<HHHH", *substitute, *print_name) + text + tail
            return struct.pack("<IHH", TAG_JUNCTION, len(data), 0) + data
        text = "\\??\\C:\\tgt".encode("utf-16le")
        size = len(text)
        broken = {
            "odd-length": names((0, size - 1), (size + 2, 0), text), "odd-offset": names((1, size - 2), (size + 2, 0), text),
            "print-beyond": names((0, size), (4000, 20), text), "print-odd": names((0, size), (size + 2, 3), text, b"\0\0abcd\0\0")}
        for name, buffer in broken.items():
            with self.subTest(name):
                path = self.path(name)
                plant(path, buffer)
                entry = self.show(path)
                self.assertEqual((entry["type"], entry["malformed"], entry["tag"]), ("junction", True, "0xA0000003"))
                self.assertNotIn("target", entry)
                entries, _ = self.root.list(path)
                self.assertEqual(entries, [entry])
                self.no_create("ALREADY_EXISTS", path)
                self.no_create("TARGET_CHANGED", path, replace=True, expectedTarget="C:\\tgt")
                self.no_delete("TARGET_CHANGED", path, expectedTarget="C:\\tgt")
                self.dry_and_real("junction.create", "replaced", link=path, target=TARGET, replace=True)
                self.assert_junction(path, TARGET)
                set_raw(path, buffer)
                self.dry_and_real("junction.delete", "deleted", link=path)
                self.assertFalse(os.path.lexists(path))
        entries, _ = self.root.list(self.base)
        self.assertEqual(entries, [])

    def test_odd_but_whole(self):
        """Names that lead nowhere are no broken buffer: they are shown as they are, and may go."""
        for number, (substitute, target) in enumerate((("", ""), ("xy", "xy"), ("\\\\?\\C:\\x", "\\\\?\\C:\\x"), ("C:\\x", "C:\\x"),
                                                       ("\\??\\UNC\\server\\share", "\\\\server\\share"), ("\\??\\C:\\a\0b", "C:\\a\ufffdb"),
                                                       ("\\??\\C:\\\ud800", "C:\\\ufffd"), ("\\Device\\X", "\\Device\\X"))):
            with self.subTest(substitute):
                path = self.path("link%d" % number)
                plant(path, junction_buffer("", substitute))
                entry = self.show(path, check=True)
                self.assertEqual(entry["substituteName"], substitute.replace("\0", "\ufffd").replace("\ud800", "\ufffd"))
                self.assertEqual(entry["target"], target)
                if "\0" in substitute or "\ud800" in substitute:
                    self.assertEqual(entry["substituteNameUtf16"], utf16(substitute))
                self.assertEqual(entry["printName"], "")
                self.assertNotIn("malformed", entry)
                self.assertNotEqual(entry["state"], "ok")
                self.assertEqual(self.call("junction.delete", link=path)["outcome"], "deleted")


class Existing(OddCase):
    """Create onto a junction, and delete."""

    def test_equal_target_is_unchanged(self):
        link = self.link("link", "C:\\Some\\\u00c4ther")
        before = snapshot(self.base)
        for target in ("C:\\Some\\\u00c4ther", "c:\\some\\\u00e4THER", "C:\\SOME\\\u00c4THER\\", "C:/some/\u00e4ther/", "\\\\?\\c:\\some\\\u00e4ther",
                       "C:\\\\some\\\u00e4ther\\\\"):
            for params in ({}, {"replace": True}, {"expectedTarget": "C:\\wrong"}, {"replace": True, "expectedTarget": "C:\\wrong"},
                           {"dryRun": True}, {"parents": True}):
                result = self.create(link, target, **params)
                self.assertEqual(result["outcome"], "unchanged", (target, params))
                self.assertNotIn("previousTarget", result)
        self.assertEqual(snapshot(self.base), before)

    def test_unchanged_beside_a_trailing_separator(self):
        link = self.path("link")
        plant(link, junction_buffer("C:\\dir\\"))
        self.assertEqual(self.create(link, "C:\\DIR")["outcome"], "unchanged")
        self.assertEqual(get_raw(link), junction_buffer("C:\\dir\\"))

    def test_equal_by_substitute_name_alone(self):
        """The print name is for people."""
        link = self.path("link")
        plant(link, junction_buffer("C:\\liar", "\\??\\" + TARGET))
        self.assertEqual(self.show(link)["target"], TARGET)
        self.assertEqual(self.create(link)["outcome"], "unchanged")
        self.no_create("ALREADY_EXISTS", link, "C:\\liar")

    def test_another_target(self):
        link = self.link("link", "C:\\old")
        self.no_create("ALREADY_EXISTS", link)
        self.no_create("ALREADY_EXISTS", link, expectedTarget="C:\\old")  # to expect is not to ask for it
        self.no_create("TARGET_CHANGED", link, replace=True, expectedTarget="C:\\wrong")
        self.no_create("TARGET_CHANGED", link, replace=True, expectedTarget="no target at all")
        empty = self.path("expected-empty")
        os.mkdir(empty)
        for path in (empty, self.path("expected-missing"), self.path("expected-missing", "below")):
            self.no_create("TARGET_CHANGED", path, replace=True, parents=True, expectedTarget="C:\\old")
        inode = os.lstat(link).st_ino
        result = self.dry_and_real("junction.create", "replaced", link=link, target=TARGET, replace=True, expectedTarget="c:/OLD\\")
        self.assertEqual(result["previousTarget"], "C:\\old")
        self.assert_junction(link, TARGET)
        self.assertEqual(os.lstat(link).st_ino, inode)
        self.dry_and_real("junction.create", "replaced", link=link, target="C:\\third", replace=True)

    def test_must_exist(self):
        self.mkdir("there")
        self.file("file")
        for bad in ("missing", "file", "there\\missing"):
            self.no_create("TARGET_NOT_FOUND", self.path("link"), self.windows + "\\" + bad, mustExist=True)
        self.no_create("TARGET_NOT_FOUND", self.path("link"), "\\\\?\\Volume%s\\dir" % GUID, mustExist=True)
        self.link("old", "C:\\old")
        self.no_create("TARGET_NOT_FOUND", self.path("old"), self.windows + "\\missing", mustExist=True, replace=True)
        self.dry_and_real("junction.create", "created", link=self.path("link"), target=self.windows + "\\THERE", mustExist=True)
        self.dry_and_real("junction.create", "replaced", link=self.path("old"), target=self.windows + "\\there", mustExist=True, replace=True)

    def test_delete(self):
        self.mkdir("there")
        self.file("there/precious", "precious")
        link = self.link("link", self.windows + "\\there")
        inode = os.lstat(link).st_ino
        result = self.dry_and_real("junction.delete", "deleted", link=link)
        self.assertEqual((result["link"], result["target"]), (link, self.windows + "\\there"))
        self.assertEqual(int(result["fileId"], 16) & 0xFFFFFFFFFFFF, inode)
        self.assertFalse(os.path.lexists(link))
        with open(self.path("there", "precious"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")
        self.no_delete("NOT_FOUND", link)
        self.refused("NOT_FOUND", self.show, link)

    def test_delete_keeps_directory(self):
        link = self.link("link")
        inode = os.lstat(link).st_ino
        self.dry_and_real("junction.delete", "cleared", link=link, keepDirectory=True)
        self.assert_plain_directory(link)
        self.assertEqual((os.lstat(link).st_ino, os.listdir(link)), (inode, []))
        self.no_delete("NOT_A_JUNCTION", link)

    def test_delete_expected(self):
        link = self.link("link", "C:\\Dir")
        for wrong in ("C:\\di", "C:\\dir\\x", "D:\\dir", "dir", "\\\\server\\dir"):
            self.no_delete("TARGET_CHANGED", link, expectedTarget=wrong)
        self.dry_and_real("junction.delete", "deleted", link=link, expectedTarget="c:/DIR/")

    def test_delete_plain_directories(self):
        self.no_delete("NOT_A_JUNCTION", self.mkdir("empty"))
        self.mkdir("full", "child")
        self.no_delete("NOT_A_JUNCTION", self.path("full"))

    def test_the_same_over_and_over(self):
        """Record numbers come back at once, and the kernel remembers what they were."""
        link = self.path("link")
        for number in range(40):
            self.assertEqual(self.create(link, "C:\\%d" % number)["outcome"], "created")
            self.assertTrue(os.path.islink(link))
            self.assertEqual(self.call("junction.delete", link=link, keepDirectory=number % 2 == 0)["outcome"],
                             "deleted" if number % 2 else "cleared")
            if number % 2 == 0:
                self.assertEqual(os.listdir(link), [])
                os.rmdir(link)
            self.assertFalse(os.path.lexists(link))


class Targets(OddCase):
    """What a user writes as a target, without a drive letter in the configuration."""

    def test_accepted(self):
        volume = "\\\\?\\Volume%s\\dir" % GUID
        for number, (target, win32) in enumerate((
                ("C:\\dir", "C:\\dir"), ("c:/dir/sub", "C:\\dir\\sub"), ("C:\\dir\\", "C:\\dir"), ("C:\\", "C:\\"), ("z:/", "Z:\\"),
                ("\\\\?\\C:\\dir", "C:\\dir"), ("\\??\\C:\\dir", "C:\\dir"), ("\\\\?\\C:\\CON", "C:\\CON"), ("\\\\?\\C:\\dot.", "C:\\dot."),
                (volume, volume), (volume.upper().replace("VOLUME", "vOlUmE") + "\\", volume.replace("dir", "DIR")), (volume.replace("\\\\?\\", "\\??\\"), volume),
                ("C:\\\u00e4\U0001f600\u202e'", "C:\\\u00e4\U0001f600\u202e'"), ("C:\\" + LONG, "C:\\" + LONG),
                ("C:" + ("\\" + LONG) * 15, "C:" + ("\\" + LONG) * 15))):
            with self.subTest(target):
                path = self.path("link%d" % number)
                result = self.create(path, target)
                self.assertEqual((result["target"], result["printName"]), (win32, win32))
                self.assertEqual(get_raw(path), junction_buffer(win32, "\\??\\" + win32.replace("\\\\?\\", "")))
                self.assertEqual(self.show(path)["target"], win32)

    def test_refused(self):
        for target in ("\\\\server\\share", "\\\\?\\UNC\\server\\share", "\\??\\UNC\\server\\share",
                       "dir", "dir\\sub", ".", "..", "C:", "C:dir", "\\dir", "\\", "1:\\x", "CC:\\x", "",
                       "NUL", "CON", "C:\\NUL", "C:\\com1.txt", "C:\\x\\aux\\y", "\\\\.\\C:\\dir", "\\\\.\\PhysicalDrive0",
                       "\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1\\x", "\\\\?\\PhysicalDrive0", "\\Device\\HarddiskVolume1\\x",
                       "\\\\?\\Volume%s" % GUID, "\\\\?\\Volume%s\\" % GUID, "\\??\\Volume%s\\" % GUID, "\\\\?\\Volume{not-a-guid}\\x",
                       "C:\\a\\..\\b", "C:\\.\\b", "C:\\..", "C:\\x:stream", "C:\\a<b", "C:\\a|b", "C:\\a\"b", "C:\\a?b", "C:\\a*b", "C:\\a\tb", "C:\\a\nb",
                       "C:\\dot.", "C:\\space ", "C:\\dot.\\x", "C:\\" + LONG + "a", "\\\\?\\", "\\??\\", "\\\\?\\C:", "~/x", "http://x/"):
            with self.subTest(target):
                self.no_create("INVALID_TARGET", self.path("link"), target)
        link = self.link("old")
        self.no_create("INVALID_TARGET", link, "\\\\server\\share", replace=True)
        self.assertEqual(self.mkdir("empty"), self.path("empty"))
        self.no_create("INVALID_TARGET", self.path("empty"), "relative")

    def test_too_long(self):
        """16384 bytes hold the header, both names, four characters between them and two NULs."""
        most = (16384 - 20 - 2 * 4) // 2 // 2  # units of the longest target
        target = "C:" + ("\\" + "d" * 199) * ((most - 2) // 200)
        target += "\\" + "e" * (most - len(target) - 1) if len(target) + 1 < most else ""
        self.assertEqual(len(target), most)
        self.create(self.path("fits"), target)
        self.assert_junction(self.path("fits"), target)
        self.assertEqual(self.show(self.path("fits"))["target"], target)
        self.no_create("TARGET_TOO_LONG", self.path("link"), target + "e")
        self.no_create("TARGET_TOO_LONG", self.path("link"), "C:" + ("\\" + "d" * 199) * 160)
        self.no_create("TARGET_TOO_LONG", self.path("fits"), target + "e", replace=True)
        self.call("junction.delete", link=self.path("fits"))

    def test_lone_surrogates(self):
        target = "C:\\\ud800x"
        result = self.root.call("junction.create", link=self.path("link"), targetUtf16=utf16(target))
        self.assertEqual((result["target"], result["targetUtf16"]), ("C:\\\ufffdx", utf16(target)))
        self.assert_junction(self.path("link"), target)
        self.refused("TARGET_CHANGED", self.call, "junction.delete", link=self.path("link"), expectedTarget="C:\\\ufffdx")
        self.call("junction.delete", link=self.path("link"), expectedTargetUtf16=utf16(target))

    def test_own_parent_is_a_loop(self):
        for name, target in (("parent", self.windows), ("itself", self.windows + "\\itself"), ("above", "C:\\")):
            self.assertEqual(self.create(self.path(name), target)["outcome"], "created")
            self.assertEqual(self.show(self.path(name), check=True)["state"], "loop", name)
        entries, result = self.root.list(self.base, recurse=True, check=True)
        self.assertEqual(sorted(entry["state"] for entry in entries), ["loop"] * 3)
        self.assertEqual(result["directories"], 1)

    def test_linux_path_without_a_letter(self):
        self.mkdir("there")
        self.no_create("NO_DRIVE_LETTER", self.path("link"), self.path("there"))
        result = self.create(self.path("link"), self.path("there"), drive="q:")
        self.assertEqual(result["target"], "Q:" + self.windows[2:] + "\\there")
        self.assertEqual(self.create(self.path("top"), self.volume.root, drive="Q:")["target"], "Q:\\")
        for bad in ("", "1", "1:", "qq:", ":", "q:\\"):
            self.refused("INVALID_PARAMS", self.create, self.path("new"), self.path("there"), drive=bad)

    def test_linux_path_elsewhere(self):
        for target in ("/", "/tmp", "/nowhere/at/all", self.volume.root + "-not", os.path.dirname(self.volume.root)):
            self.no_create("OTHER_VOLUME", self.path("link"), target, drive="Q:")
        with Volume() as other:
            self.no_create("OTHER_VOLUME", self.path("link"), other.path("dir"), drive="Q:")
        for target in (self.path("..", "x"), self.path("back\\slash"), self.path("dot."), self.path("a:b"), self.path("con")):
            self.no_create("INVALID_TARGET", self.path("link"), target, drive="Q:")


class ConfiguredLetters(OddCase):
    """Linux paths as targets where the configuration knows the letter."""

    @classmethod
    def setUpClass(cls):
        cls.other = Volume()
        cls.addClassCleanup(cls.other.unmount)
        cls.volume = Volume()
        cls.addClassCleanup(cls.volume.unmount)
        cls.service = Service({"drives": {"d:": cls.volume.root + "/", "E:": cls.other.root}})
        cls.addClassCleanup(cls.service.kill)

    def test_linux_path(self):
        self.mkdir("there")
        target = "D:" + self.windows[2:] + "\\there"
        result = self.create(self.path("link"), self.path("there") + "/", mustExist=True)
        self.assertEqual(result["target"], target)
        self.assert_junction(self.path("link"), target)
        self.assertEqual(self.show(self.path("link"), check=True)["state"], "ok")
        self.assertEqual(self.create(self.path("top"), self.volume.root)["target"], "D:\\")
        self.assertEqual(self.create(self.path("other"), self.path("there"), drive="x:")["target"], "X:" + target[2:])
        self.assertEqual(self.create(self.path("link"), self.path("THERE"))["outcome"], "unchanged")
        self.call("junction.delete", link=self.path("link"), expectedTarget=self.path("there"))

    def test_a_link_leads_to_the_other_volume(self):
        os.mkdir(self.other.path("dir"))
        self.create(self.path("link"), "E:\\DIR", mustExist=True)
        self.assertEqual(self.show(self.path("link"), check=True)["state"], "ok")
        self.create(self.path("dead"), "E:\\nowhere")
        self.assertEqual(self.show(self.path("dead"), check=True)["state"], "dangling")
        self.no_create("OTHER_VOLUME", self.path("new"), self.other.path("dir"))
