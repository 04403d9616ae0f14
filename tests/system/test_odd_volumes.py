"""Volumes that cannot, will not or do not quite hold a junction: each has its own clear error, and nothing is half made."""

import contextlib
import ctypes
import errno
import os
import shutil
import signal
import stat
import struct
import subprocess
import unittest

from harness import ALICE, Case, Service, Volume, get_raw, junction_buffer, new_directory, own_mounts, plant, snapshot
from odd import OddCase, TARGET

MUTATIONS = ("junction.create", "junction.delete")


@contextlib.contextmanager
def mounted(*arguments):
    """Something else in a directory of its own; None when the kernel does not have it."""
    point = new_directory("mount")
    if subprocess.run(["mount", *arguments, point], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        yield None
        return
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True)


class FuseServer:
    """The smallest FUSE file system: an empty root directory, and nothing else that it could do."""

    INIT, GETATTR, LOOKUP, NO_ANSWER = 26, 3, 1, (2, 42)

    def __init__(self, point):
        self.point = point
        descriptor = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % descriptor
        if ctypes.CDLL(None, use_errno=True).mount(b"small", point.encode(), b"fuse.small", 0, options.encode()) != 0:
            error = ctypes.get_errno()
            os.close(descriptor)
            raise OSError(error, os.strerror(error))
        self.pid = os.fork()
        if self.pid == 0:
            with contextlib.suppress(OSError):  # ENODEV: unmounted
                while True:
                    self.serve(descriptor)
            os._exit(0)
        os.close(descriptor)

    def serve(self, descriptor):
        request = os.read(descriptor, 1 << 18)
        _, operation, unique = struct.unpack_from("<IIQ", request)
        if operation in self.NO_ANSWER:
            return
        error, data = -errno.ENOSYS, b""
        if operation == self.INIT:
            error, data = 0, struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 1, 1, 4096, 1, 1, 0, 0)
        elif operation == self.GETATTR:
            attributes = struct.pack("<6Q10I", 1, 0, 0, 0, 0, 0, 0, 0, 0, stat.S_IFDIR | 0o755, 2, 0, 0, 0, 512, 0)
            error, data = 0, struct.pack("<QII", 0, 0, 0) + attributes
        elif operation == self.LOOKUP:
            error = -errno.ENOENT
        os.write(descriptor, struct.pack("<IiQ", 16 + len(data), error, unique) + data)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        subprocess.run(["umount", "-l", self.point], check=True)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class VolumeCase(Case):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def start(self, **options):
        volume = self.stack.enter_context(Volume(**options))
        return volume, self.connect()

    def connect(self, config=None):
        self.service = self.stack.enter_context(Service(config))
        return self.stack.enter_context(self.service.connect())

    def everything_refused(self, name, user, link, *methods):
        for method in methods:
            for dry in (False, True):
                if method == "junction.create":
                    variants = [{"target": TARGET, "dryRun": dry}, {"target": TARGET, "replace": True, "dryRun": dry}]
                elif method == "junction.delete":
                    variants = [{"dryRun": dry}, {"keepDirectory": True, "dryRun": dry}]
                else:
                    variants = [{}, {"check": True}]
                for params in variants:
                    self.refused(name, user.call, method, **{"link" if method in MUTATIONS else "path": link}, **params)


class OtherFileSystems(VolumeCase):
    def test_without_reparse_points(self):
        user = self.connect()
        places = {"the disk": new_directory("plain"), "proc": "/proc/self", "sysfs": "/sys/kernel"}
        point = self.stack.enter_context(mounted("-t", "tmpfs", "none"))
        self.assertIsNotNone(point)
        places["tmpfs"] = point
        for name, place in places.items():
            with self.subTest(name):
                before = os.listdir(place) if name in ("the disk", "tmpfs") else None
                self.everything_refused("UNSUPPORTED_FILE_SYSTEM", user, os.path.join(place, "link"), *MUTATIONS)
                self.refused("UNSUPPORTED_FILE_SYSTEM", user.call, "junction.create", link=os.path.join(place, "a", "b"), target=TARGET, parents=True)
                self.refused("UNSUPPORTED_FILE_SYSTEM", user.list, place)
                self.refused("UNSUPPORTED_FILE_SYSTEM", user.list, place, volume=True)
                if before is not None:
                    self.assertEqual(os.listdir(place), before)
        for kind in ("dir", "file", "link"):
            path = os.path.join(places["the disk"], kind)
            if kind == "dir":
                os.mkdir(path)
            elif kind == "file":
                with open(path, "wb"):
                    pass
            else:
                os.symlink("dir", path)
            self.everything_refused("UNSUPPORTED_FILE_SYSTEM", user, path, *MUTATIONS, "reparse.show")

    def test_ntfs3(self):
        volume, user = self.start()
        volume.unmount()
        with mounted("-t", "ntfs3", "-o", "loop", volume.image) as point:
            if point is None:
                self.skipTest("this kernel has no ntfs3 driver, or no loop devices")
            self.everything_refused("NTFS3_DRIVER", user, os.path.join(point, "link"), *MUTATIONS)
            self.refused("NTFS3_DRIVER", user.list, point)
            self.assertEqual(os.listdir(point), [])

    def test_fuse_that_is_no_ntfs(self):
        """FUSE, and mounted by root, is no sign of reparse points: it is asked for the attribute."""
        user = self.connect()
        point = new_directory("fuse")
        try:
            server = FuseServer(point)
        except OSError as error:
            self.skipTest("a FUSE file system cannot be mounted by hand here: %s" % error)
        with server:
            self.everything_refused("UNSUPPORTED_FILE_SYSTEM", user, os.path.join(point, "link"), *MUTATIONS)
            self.refused("UNSUPPORTED_FILE_SYSTEM", user.list, point)
            self.refused("UNSUPPORTED_FILE_SYSTEM", user.call, "reparse.show", path=point)


class ReadOnly(VolumeCase):
    def ask(self, user, root):
        link, empty = os.path.join(root, "link"), os.path.join(root, "empty")
        before = snapshot(root)
        self.everything_refused("READ_ONLY", user, link, "junction.delete")
        for path in (empty, os.path.join(root, "new")):
            self.everything_refused("READ_ONLY", user, path, "junction.create")
        self.refused("READ_ONLY", user.call, "junction.create", link=link, target="C:\\other", replace=True)
        self.refused("READ_ONLY", user.call, "junction.create", link=os.path.join(root, "a", "b"), target=TARGET, parents=True)
        self.assertEqual(snapshot(root), before)
        self.assertEqual(user.call("reparse.show", path=link, check=True)["state"], "dangling")
        for params in ({}, {"recurse": True}, {"volume": True}):
            self.assertEqual(len(user.list(root, **params)[0]), 1)

    def test_volume(self):
        volume, user = self.start()
        plant(volume.path("link"), junction_buffer(TARGET))
        volume.mkdir("empty")
        volume.unmount()
        volume.mount("ro,permissions")
        self.ask(user, volume.root)

    def test_mount(self):
        """A bind mount that is read-only, of a volume that is not."""
        volume, user = self.start()
        plant(volume.path("link"), junction_buffer(TARGET))
        volume.mkdir("empty")
        with mounted("--bind", volume.root) as point:
            subprocess.run(["mount", "-o", "remount,bind,ro", point], check=True)
            link = os.path.join(point, "link")
            self.everything_refused("READ_ONLY", user, link, "junction.delete")
            self.refused("READ_ONLY", user.call, "junction.create", link=os.path.join(point, "new"), target=TARGET)
            self.assertEqual(user.call("reparse.show", path=link)["target"], TARGET)
            self.assert_junction(volume.path("link"), TARGET)
        user.call("junction.delete", link=volume.path("link"))


class Full(VolumeCase):
    """A small volume, filled up to the last record."""

    LONG = "C:" + ("\\" + "t" * 200) * 15  # does not fit into a file's record: needs clusters

    def fill(self, volume):
        """Answers the names of files, each of which holds one record."""
        with open(volume.path("filler"), "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)
        # A directory takes a few names without a cluster of its own: when a fresh one takes none, there is no record left.
        directories, names, number = [volume.path("records")], [], 0
        os.mkdir(directories[0])
        while True:
            name = os.path.join(directories[0], "%d" % number)
            number += 1
            try:
                os.mkdir(name)
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC, error)
                if not os.listdir(directories.pop(0)):
                    break
            else:
                names.append(name)
                directories.append(name)
        # The file again: what the directories left.
        with open(volume.path("filler"), "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 512)
        self.assertGreater(len(names), 4)
        return names

    def test_full(self):
        volume, user = self.start(size="8M")
        os.mkdir(volume.path("work"))
        plant(volume.path("work", "old"), junction_buffer(TARGET))
        os.mkdir(volume.path("work", "empty"))
        names = self.fill(volume)
        before = snapshot(volume.root)

        def refused(link, target=TARGET, **params):
            self.refused("VOLUME_FULL", user.call, "junction.create", link=volume.path("work", link), target=target, **params)
            self.assertEqual(snapshot(volume.root), before)

        refused("new")
        refused("a/b/new", parents=True)
        # Not one record short, but one cluster: the directory can be made, the reparse point cannot.
        for name in names[-3:]:
            os.rmdir(name)  # the last ones are empty
        before = snapshot(volume.root)
        refused("new", self.LONG)
        refused("empty", self.LONG)
        refused("old", self.LONG, replace=True)
        self.assert_junction(volume.path("work", "old"), TARGET)
        # Three records for five directories: what was made is taken back.
        refused("a/b/c/d/new", parents=True)
        refused("a/b/new", self.LONG, parents=True)
        # What needs no room works all the same, and afterwards there is some.
        self.assertEqual(user.call("junction.create", link=volume.path("work", "empty"), target=TARGET)["outcome"], "converted")
        self.assertEqual(user.call("junction.create", link=volume.path("work", "old"), target="C:\\x", replace=True)["outcome"], "replaced")
        self.assertEqual(user.call("junction.create", link=volume.path("work", "a", "new"), target=TARGET, parents=True)["outcome"], "created")
        user.call("junction.delete", link=volume.path("work", "a", "new"))
        user.call("junction.delete", link=volume.path("work", "old"))
        os.unlink(volume.path("filler"))
        self.assertEqual(user.call("junction.create", link=volume.path("work", "new"), target=self.LONG)["outcome"], "created")
        self.assert_junction(volume.path("work", "new"), self.LONG)
        self.assertEqual(user.call("junction.create", link=volume.path("work", "empty"), target=self.LONG, replace=True)["outcome"], "replaced")
        self.assert_junction(volume.path("work", "empty"), self.LONG)


class Letters(VolumeCase):
    """What the configuration says about drive letters, and what is mounted."""

    def test_letters(self):
        first = self.stack.enter_context(Volume())
        second = self.stack.enter_context(Volume())
        absent = new_directory("absent")
        user = self.connect({"drives": {"C:": first.root, "D:": second.root, "E:": absent}})
        second.mkdir("On Second")
        first.mkdir("on first")
        cases = {"C:\\ON FIRST": "ok", "C:\\on second": "dangling", "D:\\on SECOND": "ok", "D:\\on first": "dangling",
                 "E:\\x": "unknownVolume", "F:\\on first": "unknownVolume", "D:\\": "ok"}
        for number, (target, expected) in enumerate(cases.items()):
            path = first.path("link%d" % number)
            self.assertEqual(user.call("junction.create", link=path, target=target)["outcome"], "created")
            self.assertEqual(user.call("reparse.show", path=path, check=True)["state"], expected, target)
        # Once it is mounted it is known, without the service being told; once it is gone it is not.
        link = first.path("link4")
        second.mkdir("X")
        subprocess.run(["mount", "--bind", second.root, absent], check=True)
        try:
            self.assertEqual(user.call("reparse.show", path=link, check=True)["state"], "ok")
        finally:
            subprocess.run(["umount", absent], check=True)
        self.assertEqual(user.call("reparse.show", path=link, check=True)["state"], "unknownVolume")

    def test_dot_ntfs_3g(self):
        """Where the configuration says nothing: the way ntfs-3g itself goes."""
        first = self.stack.enter_context(Volume())
        second = self.stack.enter_context(Volume())
        user = self.connect()
        second.mkdir("there")
        first.mkdir("on first")
        os.mkdir(first.path(".NTFS-3G"))
        os.symlink(second.root, first.path(".NTFS-3G", "Q:"))
        for name, target, expected in (("a", "Q:\\There", "ok"), ("b", "Q:\\gone", "dangling"), ("c", "R:\\there", "dangling"),
                                       ("d", "R:\\ON FIRST", "ok")):
            plant(first.path(name), junction_buffer(target))
            self.assertEqual(user.call("reparse.show", path=first.path(name), check=True)["state"], expected)

    def test_part_of_a_volume(self):
        """A bind mount shows one directory of the volume: targets still begin at the volume's root."""
        volume = self.stack.enter_context(Volume())
        volume.mkdir("part")
        volume.mkdir("part/there")
        with mounted("--bind", volume.path("part")) as point:
            user = self.connect({"drives": {"C:": volume.root}})
            link = os.path.join(point, "link")
            result = user.call("junction.create", link=link, target=os.path.join(point, "there"), mustExist=True)
            self.assertEqual(result["target"], "C:\\part\\there")
            self.assert_junction(volume.path("part", "link"), "C:\\part\\there")
            self.assertEqual(user.call("reparse.show", path=link, check=True)["state"], "ok")
            self.assertEqual([entry["path"] for entry in user.list(point)[0]], [link])
            self.assertEqual([entry["path"] for entry in user.list(point, volume=True)[0]], [volume.path("part", "link")])
            self.refused("VOLUME_ROOT", user.call, "junction.create", link=point, target=TARGET, replace=True)
            self.refused("VOLUME_ROOT", user.call, "junction.delete", link=point)
            user.call("junction.delete", link=link)


class LowVolume(Volume):
    """Mounted by ntfs-3g's other driver, which works on inodes and can do without case."""

    program = "lowntfs-3g"


class CaseInsensitive(OddCase):
    """A mount without regard to case."""

    @classmethod
    def setUpClass(cls):
        if shutil.which(LowVolume.program) is None:
            raise unittest.SkipTest(LowVolume.program + " is missing")
        cls.volume = LowVolume("permissions,ignore_case")
        cls.addClassCleanup(cls.volume.unmount)
        cls.service = Service()
        cls.addClassCleanup(cls.service.kill)

    def test_names(self):
        self.create(self.path("Link"))
        for spelling in ("link", "LINK", "Link"):
            self.assertEqual(self.show(self.path(spelling))["target"], TARGET)
            self.assertEqual(self.create(self.path(spelling))["outcome"], "unchanged")
            self.no_create("ALREADY_EXISTS", self.path(spelling), "C:\\other")
        self.call("junction.delete", link=self.path("LINK"))
        self.assertEqual(os.listdir(self.base), [])

    def test_what_list_prints_is_accepted(self):
        for name in ("A", "b", "\u00c4", "\u00f6"):
            self.create(self.path(name))
        entries, _ = self.root.list(self.base, recurse=True)
        self.assertEqual(len(entries), 4)
        for entry in entries:
            self.assertEqual(self.show(entry["path"]), entry)
            self.call("junction.delete", link=entry["path"])
        self.assertEqual(self.root.list(self.base)[0], [])


class OddRoots(VolumeCase):
    """A service in a chroot whose root is no mount of its own: no line of mountinfo tells what it lies on."""

    SETUP = """set -e
for name in bin lib lib64 sbin; do
    [ ! -L "/$name" ] || ln -s "$(readlink "/$name")" "$0/$name"
    [ -L "/$name" ] || [ ! -d "/$name" ] || { mkdir "$0/$name"; mount --rbind "/$name" "$0/$name"; }
done
for name in usr etc proc dev tmp; do mkdir "$0/$name"; mount --rbind "/$name" "$0/$name"; done
exec chroot "$0" "$@"
"""

    def test_a_root_that_is_no_mount(self):
        volume = Volume()
        self.addCleanup(volume.unmount)
        root = new_directory("root")
        service = Service({"drives": {"C:": volume.root}},
                          prefix=[*own_mounts("slave"), "sh", "-c", self.SETUP, root])
        self.addCleanup(service.kill)
        with open("/proc/%d/mountinfo" % service.process.pid, encoding="utf-8") as mounts:
            self.assertNotIn("/", [line.split()[4] for line in mounts])
        with service.connect() as user:
            link = volume.path("parents", "link")
            self.assertEqual(user.call("junction.create", link=link, target=volume.root, parents=True)["outcome"], "created")
            self.assertEqual(user.call("reparse.show", path=link, check=True)["state"], "loop")
            self.assertEqual([entry["path"] for entry in user.list(volume.root, recurse=True)[0]], [link])
            # Not on a volume: what lies on the root itself.
            self.refused("UNSUPPORTED_FILE_SYSTEM", user.call, "reparse.list", path="/")
            self.refused("UNSUPPORTED_FILE_SYSTEM", user.call, "junction.create", link="/link", target="C:\\x")
            user.call("junction.delete", link=link)
        service.stop()


class OddMounts(VolumeCase):
    def test_mount_points_with_odd_names(self):
        """mountinfo writes blanks, tabs and backslashes its own way."""
        volume, _ = self.start()
        base = new_directory("odd")
        for name in ("with space", "tab\there", "line\nfeed", "back\\slash", "hash#", "\u00e4", "\\040"):
            point = os.path.join(base, name)
            os.mkdir(point)
            subprocess.run(["mount", "--bind", volume.root, point], check=True)
            try:
                user = self.connect({"drives": {"C:": point}})
                os.mkdir(os.path.join(point, "dir"))
                link = os.path.join(point, "link")
                self.assertEqual(user.call("junction.create", link=link, target=os.path.join(point, "dir"))["target"], "C:\\dir")
                self.assertEqual(user.call("reparse.show", path=link, check=True)["state"], "ok")
                self.refused("VOLUME_ROOT", user.call, "junction.create", link=point, target=TARGET)
                self.assertEqual([entry["path"] for entry in user.list(point)[0]], [link])
                user.call("junction.delete", link=link)
                os.rmdir(os.path.join(point, "dir"))
            finally:
                subprocess.run(["umount", point], check=True)

    def test_mounted_after_the_service_began(self):
        user = self.connect()
        for _ in range(3):
            with Volume() as volume:
                self.assertEqual(user.call("junction.create", link=volume.path("link"), target=TARGET)["outcome"], "created")
                self.assert_junction(volume.path("link"), TARGET)
            self.refused("UNSUPPORTED_FILE_SYSTEM", user.call, "reparse.list", path=volume.root)

    def test_one_volume_mounted_over_another(self):
        below, user = self.start()
        plant(below.path("below"), junction_buffer(TARGET))
        above = self.stack.enter_context(Volume())
        plant(above.path("above"), junction_buffer(TARGET))
        subprocess.run(["mount", "--bind", above.root, below.root], check=True)
        try:
            self.assertEqual([entry["path"] for entry in user.list(below.root)[0]], [below.path("above")])
            self.refused("NOT_FOUND", user.call, "reparse.show", path=below.path("below"))
            user.call("junction.create", link=below.path("new"), target=TARGET)
            self.assert_junction(above.path("new"), TARGET)
        finally:
            subprocess.run(["umount", below.root], check=True)
        self.assertIsNone(get_raw(below.root))
        self.assertEqual(os.listdir(below.root), ["below"])

    def test_an_ordinary_user_sees_the_same(self):
        """The errors about volumes are no secret of root's."""
        volume, _ = self.start(options="ro,permissions")
        with self.service.connect(ALICE) as alice:
            self.refused("READ_ONLY", alice.call, "junction.create", link=volume.path("link"), target=TARGET)
            self.refused("VOLUME_ROOT", alice.call, "junction.create", link=volume.root, target=TARGET)
            self.refused("UNSUPPORTED_FILE_SYSTEM", alice.call, "junction.delete", link="/tmp/link")
            self.refused("UNSUPPORTED_FILE_SYSTEM", alice.list, "/tmp")
