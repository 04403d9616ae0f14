"""`junctiond scan`: the reader of raw volumes. What it finds, by the volume's index and by a scan, is what ntfs-3g and 7zz find; a
damaged or hostile volume gives an error or a result, and nothing else."""

import contextlib
import json
import os
import random
import shutil
import struct
import subprocess
import unittest

from harness import Volume, get_raw, junction_buffer, new_directory, need_mounts, plant, set_raw, symlink_buffer, tag_buffer
from odd import GUID, LONG

GUID_TAG = 0x00000044  # another vendor's: its data begin with a GUID


def scan(image, *arguments):
    program = os.path.join(os.environ["JUNCTION_BUILD"], "junctiond")
    return subprocess.run([program, "scan", *arguments, image], stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)


class ScanCase(unittest.TestCase):
    maxDiff = None

    def entries(self, image, *arguments, expect=0):
        done = scan(image, *arguments)
        self.assertEqual(done.returncode, expect, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def found(self, image, *arguments):
        """{path: (tag, target)} with paths as bytes of the mount."""
        found = {}
        for entry in self.entries(image, *arguments):
            path = bytes.fromhex(entry["pathUtf16"]).decode("utf-16le", "surrogatepass") if "pathUtf16" in entry else entry["path"]
            key = path.encode("utf-8", "surrogatepass")
            self.assertNotIn(key, found)
            found[key] = (entry["tag"], entry.get("printName"))
        return found

    def mounted(self, volume):
        """The same from the mount: every entry that has the attribute."""
        found = {}
        root = os.fsencode(volume.root)
        todo = [root]
        while todo:
            directory = todo.pop()
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                        continue
                    try:
                        raw = get_raw(entry.path)
                    except OSError:
                        raw = None
                    if raw:
                        tag, = struct.unpack_from("<I", raw)
                        name = None
                        if tag in (0xA0000003, 0xA000000C):
                            at, size = struct.unpack_from("<HH", raw, 12)
                            base = 16 if tag == 0xA0000003 else 20
                            name = raw[base + at:base + at + size].decode("utf-16le")
                        found[entry.path[len(root):]] = ("0x%08X" % tag, name)
        return found

    def assert_same(self, volume):
        """Mount, index and scan agree; the volume is unmounted afterwards."""
        wanted = self.mounted(volume)
        volume.unmount()
        self.assertEqual(self.found(volume.image), wanted)
        self.assertEqual(self.found(volume.image, "--source", "scan"), wanted)
        return wanted


def furnish(volume):
    """Every kind of place and name that a reader must cope with."""
    path = volume.path
    os.makedirs(path("a/b/c/d"))
    for name in ("top", "a/middle", "a/b/c/d/bottom"):
        plant(path(name), junction_buffer("C:\\x\\" + name.replace("/", "\\")))
    deep = path("deep")
    os.mkdir(deep)
    for number in range(60):
        deep = os.path.join(deep, "level-%d" % number)
        os.mkdir(deep)
    plant(os.path.join(deep, "link"), junction_buffer("C:\\deep"))
    os.mkdir(path("names"))
    odd = [b"blank end ", b"dot.", b"CON", b"a:b", "\u00fcml\u00e4ut\u4e2d\U0001f600".encode(), b"\xed\xa0\x80lone", b"new\nline", LONG.encode(),
           b"$MFT", b"\x01\x7f"]
    for name in odd:
        plant(os.fsencode(path("names")) + b"/" + name, junction_buffer("C:\\odd"))
    # One directory with so many that the index of the volume has several levels.
    os.mkdir(path("many"))
    for number in range(1500):
        plant(path("many/%d" % number), junction_buffer("C:\\many\\%d" % number))
    # Deleted again, some records used anew by ordinary files.
    for number in range(0, 1500, 7):
        os.unlink(path("many/%d" % number))
    for number in range(100):
        with open(path("many/file-%d" % number), "w", encoding="ascii") as file:
            file.write("x")
    # Buffers that do not fit into a file record.
    for number, length in enumerate((200, 700, 2000, 8000 - 30)):
        plant(path("long-%d" % number), junction_buffer("C:\\" + "l" * length, "\\??\\C:\\" + "l" * (200 if length > 7000 else length)))
    # Files with other tags, and with several names.
    for number, buffer in enumerate((symlink_buffer("there"), tag_buffer(0xA000001D, b"\2\0\0\0/x"), tag_buffer(0x9000301A, b"cloud"),
                                     tag_buffer(GUID_TAG, bytes(range(16)) + b"data"))):
        name = path("tagged-%d" % number)
        with open(name, "w", encoding="ascii"):
            pass
        for other in range(number * 12):
            os.link(name, path("a/other name %d of %d" % (other, number)))
        set_raw(name, buffer)
    plant(path("volume"), junction_buffer("", "\\??\\Volume%s\\" % GUID))


class Shapes(ScanCase):
    """Volumes of every shape that mkntfs makes."""

    def shape(self, size, *mkntfs):
        volume = Volume(size=size, mkntfs=mkntfs)
        self.addCleanup(volume.unmount)
        furnish(volume)
        wanted = self.assert_same(volume)
        self.assertGreater(len(wanted), 1200)
        return volume

    def test_usual(self):
        volume = self.shape("64M")
        seen = self.seven_zip(volume.image)
        odd = {path for path in self.found(volume.image) if b"\n" in path or b"\x01" in path or b"\xed\xa0" in path}
        ours = {path[1:] for path in self.found(volume.image) if path not in odd}
        self.assertLessEqual({path for path in ours if b"names" not in path}, seen)

    def seven_zip(self, image):
        out = subprocess.run(["7zz", "l", "-slt", "-ba", image], stdout=subprocess.PIPE, check=True).stdout
        found = set()
        for block in out.split(b"\n\n"):
            rows = dict(row.split(b" = ", 1) for row in block.split(b"\n") if b" = " in row)
            if rows.get(b"Link") or b"Reparse" in rows.get(b"Attributes", b"") or b"L" in rows.get(b"Attributes", b""):
                found.add(rows[b"Path"])
        return found

    def test_small_clusters(self):
        for cluster in ("512", "1024", "2048"):
            with self.subTest(cluster=cluster):
                self.shape("64M", "-c", cluster)

    def test_large_clusters(self):
        for cluster, size in (("8192", "128M"), ("65536", "512M"), ("131072", "1G"), ("2097152", "6G")):
            with self.subTest(cluster=cluster):
                self.shape(size, "-c", cluster)

    def test_large_sectors(self):
        """File records of 4096 bytes."""
        for sector in ("1024", "4096"):
            with self.subTest(sector=sector):
                self.shape("128M", "-s", sector)

    def test_fragments(self):
        """An MFT in many pieces, told of by an attribute list of its own."""
        volume = Volume(size="48M", mkntfs=("-c", "512", "-z", "1"))
        self.addCleanup(volume.unmount)
        blobs = volume.path("blobs")
        os.mkdir(blobs)
        number = 0
        try:
            while True:
                with open(os.path.join(blobs, "%d" % number), "wb", buffering=0) as file:
                    if file.write(b"b" * 6000) != 6000:
                        break
                number += 1
        except OSError:
            pass
        made = 0
        # Free space comes back in small pieces, and the MFT grows into them.
        for blob in range(0, number - 8, 3):
            os.unlink(os.path.join(blobs, "%d" % blob))
            with contextlib.suppress(OSError):
                directory = volume.path("d%d" % blob)
                os.mkdir(directory)
                plant(os.path.join(directory, "link"), junction_buffer("C:\\%d" % blob))
                made += 1
        self.assertGreater(made, 500)
        self.assert_same(volume)
        told = subprocess.run(["ntfsinfo", "-f", "-v", "-i", "0", volume.image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        self.assertGreater(told.count(b"Attribute type:\t0x80"), 1)

    def test_empty_volume(self):
        volume = Volume()
        volume.unmount()
        self.assertEqual(self.entries(volume.image), [])
        self.assertEqual(self.entries(volume.image, "--source", "scan"), [])

    def test_partition_in_a_disk(self):
        volume = Volume()
        self.addCleanup(volume.unmount)
        plant(volume.path("link"), junction_buffer("C:\\x"))
        volume.unmount()
        disk = volume.image + ".disk"
        with open(disk, "wb") as to, open(volume.image, "rb") as image:
            to.seek(1048576)
            shutil.copyfileobj(image, to)
        self.assertEqual(list(self.found(disk, "--offset", "1048576")), [b"/link"])
        self.assertEqual(scan(disk).returncode, 8)

    def test_an_entry(self):
        volume = Volume()
        self.addCleanup(volume.unmount)
        plant(volume.path("link"), junction_buffer("C:\\x"))
        record = os.lstat(volume.path("link")).st_ino
        volume.unmount()
        entry, = self.entries(volume.image)
        self.assertEqual(int(entry.pop("fileId"), 16) & 0xFFFFFFFFFFFF, record)
        self.assertRegex(entry.pop("created"), r"^20\d\d-\d\d-\d\dT")
        self.assertEqual(entry, {"path": "/link", "kind": "directory", "type": "junction", "tag": "0xA0000003", "tagName": "IO_REPARSE_TAG_MOUNT_POINT",
                                 "target": "C:\\x", "substituteName": "\\??\\C:\\x", "printName": "C:\\x"})
        text = scan(volume.image, "--format", "text")
        self.assertEqual(text.stdout, b"junction    /link -> C:\\x\n")
        self.assertRegex(text.stderr.decode(), r"^junctiond: scan: 1 reparse points \(index\), 0 unreadable, 0 damaged index blocks; \d+ reads, \d+ KB\n$")


class NoVolumes(ScanCase):
    def test_what_cannot_be_read(self):
        directory = new_directory("scan")
        empty = os.path.join(directory, "empty")
        with open(empty, "wb"):
            pass
        zeros = os.path.join(directory, "zeros")
        with open(zeros, "wb") as file:
            file.truncate(1 << 20)
        os.mkfifo(os.path.join(directory, "fifo"))
        for name, code in (("empty", 8), ("zeros", 8), ("fifo", 8), ("", 8), ("nothing", 5), ("empty/x", 5)):
            with self.subTest(name=name):
                done = scan(os.path.join(directory, name))
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual(done.stdout, b"")
        secret = os.path.join(directory, "secret")
        with open(secret, "wb"):
            os.chmod(secret, 0)
        done = subprocess.run([os.path.join(os.environ["JUNCTION_BUILD"], "junctiond"), "scan", secret], capture_output=True, check=False,
                              user=65534, group=65534, extra_groups=[])
        self.assertIn(done.returncode, (4, 126), done.stderr)

    def test_usage(self):
        for arguments in ((), ("a", "b"), ("--offset", "x", "a"), ("--offset", "-1", "a"), ("--offset", "9" * 30, "a"), ("--source", "walk", "a"),
                          ("--format", "csv", "a"), ("--offset",), ("--nothing", "a")):
            with self.subTest(arguments=arguments):
                done = subprocess.run([os.path.join(os.environ["JUNCTION_BUILD"], "junctiond"), "scan", *arguments], capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (2, b""))


class Hostile(ScanCase):
    """A volume with wrong bytes: an error or a result within bounds."""

    ROUNDS = 2000 if os.environ.get("JUNCTION_LONG") else 60

    def test_flipped_bytes(self):
        need_mounts()
        volume = Volume(size="4M", mkntfs=("-c", "512"))
        self.addCleanup(volume.unmount)
        os.makedirs(volume.path("a/b"))
        for number in range(40):
            plant(volume.path("a/b/%d" % number), junction_buffer("C:\\x%d" % number))
        volume.unmount()
        with open(volume.image, "rb") as file:
            good = file.read()
        # Where the reader looks: boot sector, file records, index blocks.
        places = [0] + [at for at in range(0, len(good), 512) if good[at:at + 4] in (b"FILE", b"INDX")]
        chance = random.Random(7)
        image = volume.image + ".bad"
        codes = set()
        for _ in range(self.ROUNDS):
            bad = bytearray(good)
            for _ in range(chance.choice((1, 1, 2, 8, 64))):
                place = chance.choice(places)
                bad[place + chance.randrange(84 if place == 0 else 1024)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            with open(image, "wb") as file:
                file.write(bad)
            for source in ("index", "scan"):
                done = scan(image, "--source", source)
                self.assertIn(done.returncode, (0, 8, 11), done.stderr)
                codes.add(done.returncode)
                for line in done.stdout.splitlines():
                    json.loads(line)
        self.assertEqual(codes, {0, 8, 11})

    def test_parents_in_a_ring(self):
        """What lies below directories that contain each other is told of by its record, the rest as usual."""
        volume = Volume(size="8M", mkntfs=("-c", "4096"))
        self.addCleanup(volume.unmount)
        os.makedirs(volume.path("a/b/c"))
        for name in ("a/one", "a/b/two", "a/b/c/three", "four"):
            plant(volume.path(name), junction_buffer("C:\\x"))
        record = {name: os.lstat(volume.path(name)).st_ino for name in ("a", "a/b")}
        volume.unmount()
        with open(volume.image, "r+b") as image:
            boot = image.read(512)
            table = struct.unpack_from("<Q", boot, 0x30)[0] * 4096

            def at(number):
                image.seek(table + number * 1024)
                return image.read(1024)

            def reference(number):
                return number | struct.unpack_from("<H", at(number), 0x10)[0] << 48

            def set_parent(number, parent):
                block = at(number)
                place, = struct.unpack_from("<H", block, 0x14)
                while struct.unpack_from("<I", block, place)[0] != 0x30:
                    place += struct.unpack_from("<I", block, place + 4)[0]
                place += struct.unpack_from("<H", block, place + 0x14)[0]
                image.seek(table + number * 1024 + place)
                image.write(struct.pack("<Q", parent))

            set_parent(record["a"], reference(record["a/b"]))
        for source in ("index", "scan"):
            entries = self.entries(volume.image, "--source", source, expect=11)
            self.assertEqual([entry["path"] for entry in entries if "error" not in entry], ["/four"])
            lost = [entry for entry in entries if "error" in entry]
            self.assertEqual(len(lost), 3)
            for entry in lost:
                self.assertRegex(entry["path"], r"^/\$MFT/\d+$")
                self.assertEqual(entry["error"]["data"]["name"], "IO_ERROR")

    def test_cut_off(self):
        volume = Volume(size="4M", mkntfs=("-c", "512"))
        self.addCleanup(volume.unmount)
        plant(volume.path("link"), junction_buffer("C:\\x"))
        volume.unmount()
        size = os.path.getsize(volume.image)
        for length in (1, 511, 512, 4096, size // 3, size // 2, size - 512):
            with self.subTest(length=length):
                os.truncate(volume.image, size)
                copy = volume.image + ".cut"
                with open(volume.image, "rb") as file, open(copy, "wb") as to:
                    to.write(file.read(length))
                for source in ("index", "scan"):
                    self.assertIn(scan(copy, "--source", source).returncode, (0, 8, 11, 12))
