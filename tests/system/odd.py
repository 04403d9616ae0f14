"""What the tests on odd input share."""

import os

from harness import Case, Service, Volume, junction_buffer, plant, snapshot

TARGET = "C:\\target"
GUID = "{01234567-89ab-cdef-0123-456789abcdef}"
LONG = "a" * 255


def utf16(text):
    return text.encode("utf-16le", "surrogatepass").hex()


def on_disk(text):
    """What ntfs-3g makes of a name: UTF-8, lone surrogates as if they were characters."""
    return text.encode("utf-8", "surrogatepass")


class OddCase(Case):
    """One volume and one service for all tests of a class, a directory and a connection for each test; what is asked, root asks."""

    options = "permissions"
    config = None

    @classmethod
    def setUpClass(cls):
        cls.volume = Volume(cls.options)
        cls.addClassCleanup(cls.volume.unmount)
        cls.service = Service(cls.config)
        cls.addClassCleanup(cls.service.kill)

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()

    def setUp(self):
        name = self.id().rsplit(".", 1)[1]
        self.base = self.volume.path(name)
        os.mkdir(self.base)
        self.windows = "C:\\" + name  # the same place as a target
        self.root = self.service.connect()
        self.addCleanup(self.root.close)

    def path(self, *names):
        return os.path.join(self.base, *names)

    def mkdir(self, *names):
        path = self.path(*names)
        os.makedirs(path)
        return path

    def file(self, name, content="content"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(content)
        return self.path(name)

    def link(self, name, target=TARGET):
        plant(self.path(name), junction_buffer(target))
        return self.path(name)

    def call(self, method, **params):
        return self.root.call(method, **params)

    def create(self, link, target=TARGET, **params):
        return self.call("junction.create", link=link, target=target, **params)

    def show(self, path, **params):
        return self.call("reparse.show", path=path, **params)

    def unchanged(self, name, method, **params):
        """Refused by this NAME, dry or not, and everything below the test's directory is as before."""
        before = snapshot(self.volume.root)
        for dry in ({"dryRun": True}, {}):
            error = self.refused(name, self.root.call, method, **params, **dry)
            self.assertEqual(snapshot(self.volume.root), before)
        return error

    def no_create(self, name, link, target=TARGET, **params):
        return self.unchanged(name, "junction.create", link=link, target=target, **params)

    def no_delete(self, name, link, **params):
        for keep in ({}, {"keepDirectory": True}):
            error = self.unchanged(name, "junction.delete", link=link, **params, **keep)
        return error

    def dry_and_real(self, method, outcome, **params):
        """The dry run says what the real one then does, and changes nothing."""
        before = snapshot(self.volume.root)
        dry = self.call(method, **params, dryRun=True)
        self.assertEqual(snapshot(self.volume.root), before)
        self.assertIs(dry.pop("dryRun"), True)
        real = self.call(method, **params)
        self.assertNotIn("dryRun", real)
        self.assertEqual(real["outcome"], outcome)
        known = dict(real)
        if outcome == "created":
            dry.pop("fileId", None)  # not known before
            known.pop("fileId")
        self.assertEqual(dry, known)
        return real
