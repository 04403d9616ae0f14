"""What a list shows: flat and recursive, one volume, never through a link; its types, states, ends and errors."""

import datetime
import os
import struct
import subprocess
import time

from harness import Volume, get_raw, junction_buffer, plant, set_raw, snapshot, symlink_buffer, tag_buffer
from odd import GUID, TARGET, OddCase


class Lists(OddCase):
    def paths(self, path=None, **params):
        return sorted(os.path.relpath(entry["path"], self.base) for entry in self.root.list(path or self.base, **params)[0])

    def furnish(self):
        """Junctions at three levels; one leads to a directory with another one in it."""
        self.mkdir("a", "b")
        self.mkdir("empty")
        self.file("plain")
        for name in ("top", "a/middle", "a/b/bottom"):
            self.link(name, self.windows + "\\a")

    def test_flat(self):
        self.furnish()
        entries, result = self.root.list(self.base)
        self.assertEqual([os.path.relpath(entry["path"], self.base) for entry in entries], ["top"])
        self.assertEqual({name: result[name] for name in ("count", "directories", "skipped", "source", "truncated")},
                         {"count": 1, "directories": 1, "skipped": 0, "source": "walk", "truncated": False})
        self.assertEqual(self.paths(recurse=False), ["top"])

    def test_recursive(self):
        """Everything below, nothing twice: never through a junction, be it to its own parent."""
        self.furnish()
        self.link("self", self.windows)
        self.link("a/root", "C:\\")
        entries, result = self.root.list(self.base, recurse=True)
        self.assertEqual(self.paths(recurse=True), ["a/b/bottom", "a/middle", "a/root", "self", "top"])
        self.assertEqual((result["count"], result["directories"], result["skipped"]), (5, 4, 0))
        self.assertEqual(len({entry["fileId"] for entry in entries}), 5)

    def test_a_whole_entry(self):
        path = self.link("link")
        created, = struct.unpack("<Q", os.getxattr(path, "system.ntfs_crtime", follow_symlinks=False))
        seconds, rest = divmod(created, 10**7)
        text = (datetime.datetime(1601, 1, 1) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + ".%07dZ" % rest
        entries, _ = self.root.list(self.base)
        self.assertEqual(entries, [self.show(path)])
        entry = entries[0]
        self.assertEqual(int(entry.pop("fileId"), 16) & 0xFFFFFFFFFFFF, os.lstat(path).st_ino)
        self.assertEqual(entry, {"path": path, "kind": "directory", "type": "junction", "tag": "0xA0000003", "tagName": "IO_REPARSE_TAG_MOUNT_POINT",
                                 "target": TARGET, "substituteName": "\\??\\" + TARGET, "printName": TARGET, "created": text})

    THINGS = {
        "junction": junction_buffer(TARGET), "mountPoint": junction_buffer("", "\\??\\Volume%s\\" % GUID), "symlink": symlink_buffer("there"),
        "wslSymlink": tag_buffer(0xA000001D, b"\2\0\0\0/x"), "wslSpecial": tag_buffer(0x80000024), "cloud": tag_buffer(0x9000301A, b"x"),
        "appExecLink": tag_buffer(0x8000001B, struct.pack("<I", 3) + "pkg\0app\0C:\\exe\0000\0".encode("utf-16le")), "other": tag_buffer(0x80000017, b"x"),
        "unknown": tag_buffer(0x8000DEAD, b"x")}

    def plant_things(self):
        """One of each type; answers those that this system could hold."""
        made = []
        for name, buffer in self.THINGS.items():
            try:
                plant(self.path(name), buffer, name in ("junction", "mountPoint"))
                made.append(name)
            except OSError:
                os.unlink(self.path(name))
        self.assertGreaterEqual(len(made), len(self.THINGS) - 1)
        return made

    def test_types(self):
        made = self.plant_things()
        entries, _ = self.root.list(self.base)
        self.assertEqual({os.path.basename(entry["path"]): entry["type"] for entry in entries}, {name: name for name in made})
        for name in made:
            self.assertEqual(self.paths(types=[name]), [name])
            self.assertEqual(self.paths(self.path(name)), [name])
            self.assertEqual(self.paths(self.path(name), types=["junction"]), [name] if name == "junction" else [])
        self.assertEqual(self.paths(types=["junction", "symlink"]), ["junction", "symlink"])
        self.assertEqual(self.paths(types=list(self.THINGS)), sorted(made))
        for bad in (["Junction"], "junction", ["junction", 1], [""], ["junction", "nothing"]):
            self.refused("INVALID_PARAMS", self.root.call, "reparse.list", path=self.base, types=bad)

    def test_details(self):
        self.plant_things()
        shown = {name: self.show(self.path(name)) for name in ("symlink", "wslSymlink", "appExecLink", "mountPoint")}
        self.assertEqual((shown["symlink"]["target"], shown["symlink"]["relative"], shown["symlink"]["kind"]), ("there", True, "file"))
        self.assertEqual(shown["wslSymlink"]["target"], "/x")
        self.assertEqual(shown["mountPoint"]["target"], "\\\\?\\Volume%s\\" % GUID)
        plant(self.path("absolute"), symlink_buffer("\\??\\C:\\x", 0))
        entry = self.show(self.path("absolute"))
        self.assertEqual((entry["target"], entry["relative"]), ("C:\\x", False))

    def test_path_that_is_a_link_is_listed_not_entered(self):
        self.furnish()
        for recurse in (False, True):
            entries, result = self.root.list(self.path("top"), recurse=recurse)
            self.assertEqual([entry["path"] for entry in entries], [self.path("top")])
            self.assertEqual((result["count"], result["directories"]), (1, 0))
        # Below it, it is followed: that is above the leaf.
        self.assertEqual([entry["path"] for entry in self.root.list(self.path("top", "b"))[0]], [self.path("top", "b", "bottom")])

    def test_paths_that_cannot_be_listed(self):
        path = self.file("plain")
        os.symlink("plain", self.path("interix"))
        self.refused("NOT_A_DIRECTORY", self.root.list, path)
        self.refused("NOT_A_DIRECTORY", self.root.list, self.path("interix"))
        self.refused("NOT_A_DIRECTORY", self.root.list, os.path.join(path, "x"))
        self.refused("NOT_FOUND", self.root.list, self.path("missing"))
        self.refused("NOT_FOUND", self.root.list, self.path("missing", "deeper"))
        self.assertEqual(self.paths(), [])

    def test_whole_volume(self):
        self.furnish()
        for path in (self.base, self.path("a", "b"), self.path("top"), self.volume.root):
            entries, result = self.root.list(path, volume=True)
            found = [entry["path"] for entry in entries]
            for name in ("top", "a/middle", "a/b/bottom"):
                self.assertEqual(found.count(self.path(name)), 1)
            self.assertEqual(found, [entry["path"] for entry in self.root.list(self.volume.root, recurse=True)[0]])

    def test_another_volume_inside_is_not_entered(self):
        with Volume() as other:
            os.mkdir(other.path("d"))
            plant(other.path("d", "foreign"), junction_buffer(TARGET))
            self.link("own")
            inner = self.mkdir("inner")
            self.mkdir("after")
            self.link("after/own-too")
            subprocess.run(["mount", "--bind", other.root, inner], check=True)
            try:
                self.assertEqual(self.paths(recurse=True), ["after/own-too", "own"])
                self.assertEqual(self.paths(volume=True).count("own"), 1)
                self.assertNotIn("inner/d/foreign", self.paths(volume=True))
                self.assertEqual(self.paths(inner, recurse=True), ["inner/d/foreign"])
                self.assertEqual([entry["path"] for entry in self.root.list(inner, volume=True)[0]], [other.path("d", "foreign")])
                # What is mounted there is a root; what lies under it is not to be had.
                self.no_create("VOLUME_ROOT", inner)
                self.no_delete("VOLUME_ROOT", inner)
                self.refused("NOT_A_REPARSE_POINT", self.show, inner)
                self.assertEqual(self.create(os.path.join(inner, "link"))["outcome"], "created")
                self.assert_junction(other.path("link"), TARGET)
            finally:
                subprocess.run(["umount", inner], check=True)
            self.assertEqual(os.listdir(inner), [])

    def test_truncated_never_lies(self):
        self.furnish()
        for params in ({}, {"recurse": True}, {"volume": True}, {"types": ["cloud"]}):
            self.assertIs(self.root.list(self.base, **params)[1]["truncated"], False)
        self.assertIs(self.root.list(self.path("top"))[1]["truncated"], False)


class LargeLists(OddCase):
    """Deep, wide, long."""

    def test_numbers_of_notifications(self):
        for number in range(700):
            self.link("link%d" % number)
        entries, result = self.root.list(self.base)
        batches = [message["params"] for message in self.root.notifications if message["method"] == "reparse.entries"]
        self.assertGreater(len(batches), 1)
        self.assertEqual([batch["seq"] for batch in batches], list(range(len(batches))))
        self.assertEqual(len({batch["id"] for batch in batches}), 1)
        self.assertEqual((len(entries), result["count"]), (700, 700))

    def test_deep_tree(self):
        """200 levels, a link on each: more than are held open."""
        names, path = [], self.base
        here = os.open(self.base, os.O_PATH)
        for _ in range(200):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_PATH, dir_fd=here)
            os.close(here)
            here, path = below, os.path.join(path, "d")
            os.mkdir("after", dir_fd=here)  # something is left to be done on each way back
            plant("/proc/self/fd/%d/link" % here, junction_buffer(TARGET))
            names.append(os.path.join(path, "link"))
        os.close(here)
        with self.service.connect() as user:
            entries, result = user.list(self.base, recurse=True)
        self.assertEqual(sorted(entry["path"] for entry in entries), sorted(names))
        self.assertEqual((result["directories"], result["skipped"]), (401, 0))

    def test_wide_tree(self):
        """More in one directory than the kernel hands out at a time, directories among them."""
        for number in range(1500):
            os.mkdir(self.path("a-rather-long-name-of-a-directory-%d" % number))
        for number in range(0, 1500, 100):
            plant(self.path("a-rather-long-name-of-a-directory-%d" % number, "link"), junction_buffer(TARGET))
        entries, result = self.root.list(self.base, recurse=True)
        self.assertEqual((len(entries), result["directories"]), (15, 1501))

    def test_changes_while_listing(self):
        """Names that come and go meanwhile are no errors of the list."""
        for number in range(300):
            os.mkdir(self.path("d%d" % number))
            plant(self.path("d%d" % number, "link"), junction_buffer(TARGET))
        script = ("import os,sys\nb=sys.argv[1]\n"
                  "while True:\n for n in range(0,300,3):\n  d=b+'/d%d'%n\n"
                  "  for f,a in ((os.rename,(d,d+'x')),(os.rename,(d+'x',d))):\n"
                  "   try: f(*a)\n   except OSError: pass\n")
        process = subprocess.Popen(["/usr/bin/python3", "-c", script, self.base])
        try:
            for _ in range(10):
                entries, result = self.root.list(self.base, recurse=True)
                self.assertEqual([entry for entry in entries if "error" in entry], [])
                self.assertEqual(result["skipped"], 0)
                steady = {self.path("d%d" % number, "link") for number in range(300) if number % 3}
                self.assertLessEqual(steady, {entry["path"] for entry in entries})
            self.assertIsNone(process.poll())
        finally:
            process.kill()
            process.wait()

    def test_links_that_come_and_go(self):
        """One that goes between being found and being read is no error either."""
        script = ("import os,sys\nb,buffer=sys.argv[1],bytes.fromhex(sys.argv[2])\n"
                  "while True:\n for n in range(12):\n  d=b+'/'+sys.argv[3]+str(n)\n  os.mkdir(d)\n"
                  "  os.setxattr(d,'system.ntfs_reparse_data',buffer)\n  os.rmdir(d)\n")
        changing = [subprocess.Popen(["/usr/bin/python3", "-c", script, self.base, junction_buffer(TARGET).hex(), name]) for name in "abcd"]
        try:
            errors = []
            for _ in range(600):
                entries, result = self.root.list(self.base)
                errors += [entry for entry in entries if "error" in entry]
                self.assertEqual(result["skipped"], 0, errors)
            self.assertEqual([process.poll() for process in changing], [None] * 4)
        finally:
            for process in changing:
                process.kill()
                process.wait()

    def test_cancel(self):
        """A list that waits for its reader ends when it is told to, and the connection goes on."""
        target = "C:" + ("\\" + "t" * 200) * 8
        for number in range(900):
            plant(self.path("link%d" % number), junction_buffer(target))
        self.assertEqual(len(self.root.list(self.base)[0]), 900)
        with self.service.connect() as user:
            user.request("reparse.list", {"path": self.base}, id="long")
            first = user.read()
            self.assertEqual(first["method"], "reparse.entries")
            # Nobody reads: the service holds back what is more than it may keep waiting.
            time.sleep(0.3)
            user.send({"jsonrpc": "2.0", "method": "cancel", "params": {"id": "long"}})
            time.sleep(0.3)
            user.notifications = []
            error = self.refused("CANCELLED", user.answer, "long")
            self.assertEqual(error["code"], 1001)
            seen = sum(len(message["params"]["entries"]) for message in [first] + user.notifications if message["method"] == "reparse.entries")
            self.assertLess(seen, 900)
            self.assertEqual(user.call("reparse.show", path=self.path("link0"))["target"], target)
            self.assertEqual(len(user.list(self.base)[0]), 900)


class States(OddCase):
    """`check`, through show and list alike."""

    def state(self, path):
        state = self.show(path, check=True)["state"]
        entries, _ = self.root.list(path, check=True)
        self.assertEqual([entry["state"] for entry in entries], [state])
        entries, _ = self.root.list(os.path.dirname(path), check=True)
        self.assertEqual([entry["state"] for entry in entries if entry["path"] == path], [state])
        self.assertNotIn("state", self.show(path))
        return state

    def states(self, targets):
        for number, (buffer, expected) in enumerate(targets):
            buffer = junction_buffer(buffer) if isinstance(buffer, str) else buffer
            path = self.path("link%d" % number)
            plant(path, buffer)
            with self.subTest(number, expected=expected):
                self.assertEqual(self.state(path), expected)

    def test_states(self):
        self.mkdir("There", "\u00c4ther \U0001f600")
        self.file("file")
        self.link("good", self.windows + "\\There")
        self.link("bad", self.windows + "\\nowhere")
        here = self.windows
        self.states((
            (here + "\\There", "ok"), (here + "\\tHERE", "ok"), (here.upper() + "\\THERE\\\u00e4THER \U0001f600", "ok"), (here + "\\There\\", "ok"),
            ("Z:" + here[2:] + "\\There", "ok"),  # a letter that nobody configured: ntfs-3g leads it to the same mount
            (here + "\\good", "ok"), (here + "\\good\\\u00e4ther \U0001f600", "ok"),
            (here + "\\nowhere", "dangling"), (here + "\\There\\no\\where", "dangling"), (here + "\\bad", "dangling"), (here + "\\bad\\x", "dangling"),
            (here + "\\file\\x", "dangling"), (here + "\\a/b", "dangling"),
            (here + "\\file", "notDirectory"),
            (junction_buffer("", "\\??\\Volume%s\\" % GUID), "unknownVolume"),
            (junction_buffer("", "\\??\\Volume%s\\x" % GUID), "unknownVolume"),
            (junction_buffer("", "\\??\\UNC\\server\\share"), "remote"), (symlink_buffer("\\??\\UNC\\server\\share\\x", 0), "remote"),
            (symlink_buffer("\\\\server\\share", 0), "remote")))

    def test_loops(self):
        for name, target in (("self", "self"), ("one", "two"), ("two", "one"), ("a", "b"), ("b", "c"), ("c", "a"), ("into", "one")):
            self.link(name, self.windows + "\\" + target)
        self.link("through", self.windows + "\\self\\deeper")
        self.link("parent", self.windows)
        self.link("top", "C:\\")
        for name in ("self", "one", "two", "a", "b", "c", "into", "through", "parent", "top"):
            self.assertEqual(self.state(self.path(name)), "loop", name)
        self.mkdir("dir")
        self.link("dir/up", self.windows)
        self.link("beside", self.windows + "\\dir")
        self.assertEqual(self.state(self.path("dir", "up")), "loop")
        self.assertEqual(self.state(self.path("beside")), "ok")

    def test_a_long_chain(self):
        """63 links are gone through, as Windows does; the 64th is one too many."""
        self.mkdir("end")
        for number in range(70):
            self.link("link%d" % number, self.windows + ("\\link%d" % (number - 1) if number else "\\end"))
        states = [self.show(self.path("link%d" % number), check=True)["state"] for number in range(70)]
        self.assertEqual(states, ["ok"] * 63 + ["loop"] * 7)

    def test_symlinks(self):
        self.mkdir("dir", "sub")
        self.file("file")
        cases = {"rel-dir": ("dir", True, "ok"), "rel-up": ("dir\\sub\\..\\..\\DIR", True, "ok"), "rel-dot": (".\\dir", True, "ok"),
                 "rel-file": ("file", False, "ok"), "dir-to-file": ("file", True, "notDirectory"),
                 "rel-gone": ("gone", True, "dangling"), "file-gone": ("gone", False, "dangling"), "rooted": (self.windows[2:] + "\\dir", True, "ok")}
        for name, (target, directory, expected) in cases.items():
            plant(self.path(name), symlink_buffer(target), directory)
            self.assertEqual(self.state(self.path(name)), expected, name)

    def test_case_differs_where_both_are(self):
        """The exact name wins, then whatever NTFS takes for the same."""
        self.mkdir("NAME")
        self.file("name")
        self.states(((self.windows + "\\NAME", "ok"), (self.windows + "\\name", "notDirectory")))

    def test_what_has_no_state(self):
        plant(self.path("cloud"), tag_buffer(0x9000001A, b"x"))
        self.assertNotIn("state", self.show(self.path("cloud"), check=True))
        entries, _ = self.root.list(self.base, check=True)
        self.assertNotIn("state", entries[0])

    def test_nothing_is_changed_by_looking(self):
        self.mkdir("there")
        for name in ("there", "self", "gone"):
            self.link("to-" + name, self.windows + "\\" + name)
        before = snapshot(self.volume.root)
        for _ in range(2):
            self.root.list(self.volume.root, volume=True, check=True)
        self.assertEqual(snapshot(self.volume.root), before)
        set_raw(self.path("to-gone"), junction_buffer(self.windows + "\\there"))
        self.assertEqual(self.state(self.path("to-gone")), "ok")
        self.assertEqual(get_raw(self.path("to-gone")), junction_buffer(self.windows + "\\there"))
