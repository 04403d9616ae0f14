"""An ordinary user cannot turn, retarget or delete what is not his, through any method.

Proven on mounts where ntfs-3g checks owner and mode (`permissions`), and on mounts where it lets anybody set and remove the attribute (`uid=,gid=,umask=`): there
the engine must. What the users try goes to the service from their own processes' credentials; what is on the disk is read past the service, as root."""

import contextlib
import itertools
import os
import stat
import threading

from harness import ALICE, BOB, Case, SHARED_GROUP, Service, Volume, get_raw, junction_buffer, plant, settle, set_raw, snapshot

USERS = (ALICE, BOB, 0)
OLD, NEW = "C:\\old", "C:\\new"
FLAGS = ("replace", "expectedTarget", "parents")


def creations():
    """Every combination of what may be said to create, with and without `dryRun`."""
    for given in itertools.product((False, True), repeat=len(FLAGS) + 1):
        params = {name: OLD if name == "expectedTarget" else True
                  for name, wanted in zip(FLAGS, given) if wanted}
        if given[-1]:
            params["dryRun"] = True
        yield params


def deletions():
    for keep, expected, dry in itertools.product((False, True), repeat=3):
        params = {"keepDirectory": True} if keep else {}
        if expected:
            params["expectedTarget"] = OLD
        if dry:
            params["dryRun"] = True
        yield params


class AccessCase(Case):
    """One volume, one service and one connection a user for all tests of a class; each test has a directory of its own."""

    options = "permissions"

    @classmethod
    def setUpClass(cls):
        cls.volume = Volume(cls.options)
        cls.addClassCleanup(cls.volume.unmount)
        cls.service = Service()
        cls.addClassCleanup(cls.service.kill)
        cls.users = {}

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()

    def setUp(self):
        self.base = self.volume.path(self.id().rsplit(".", 1)[1])
        os.mkdir(self.base)
        self.users = {}
        self.addCleanup(lambda: [user.close() for user in self.users.values()])

    def user(self, uid):
        """A connection of the test's own: one that waits too long is closed by the service."""
        if uid not in self.users:
            self.users[uid] = self.service.connect(uid)
        return self.users[uid]

    def directory(self, name, mode=0o755, owner=0, within=None):
        path = os.path.join(within or self.base, name)
        os.mkdir(path)
        os.chown(path, owner, owner)
        os.chmod(path, mode)
        return path

    def link(self, name, owner=0, within=None, target=OLD):
        path = self.directory(name, 0o755, owner, within)
        set_raw(path, junction_buffer(target))
        return path

    def refused_alike(self, uid, method, variants, **params):
        """Refused in each variant as ACCESS_DENIED, with nothing changed on the disk."""
        before = snapshot(self.base)
        for variant in variants:
            with self.subTest(uid=uid, method=method, **params, **variant):
                self.refused("ACCESS_DENIED", self.user(uid).call, method, **params, **variant)
                self.assertEqual(snapshot(self.base), before)

    def dry(self, uid, method, **params):
        before = snapshot(self.base)
        result = self.user(uid).call(method, dryRun=True, **params)
        self.assertEqual(snapshot(self.base), before)
        return result

    def try_create(self, uid, path, allowed, outcome="created", **params):
        if not allowed:
            self.refused_alike(uid, "junction.create", creations(), link=path, target=NEW)
            return
        with self.subTest(uid=uid, path=path, outcome=outcome):
            for variant in ({}, params):
                self.assertEqual(self.dry(uid, "junction.create", link=path, target=NEW, **params)["outcome"], outcome, variant)
            result = self.user(uid).call("junction.create", link=path, target=NEW, **params)
            self.assertEqual(result["outcome"], outcome)
            self.assert_junction(path, NEW)

    def try_delete(self, uid, path, allowed, keep=False):
        if not allowed:
            self.refused_alike(uid, "junction.delete", deletions(), link=path)
            return
        with self.subTest(uid=uid, path=path, keep=keep):
            owner = os.lstat(path).st_uid
            self.dry(uid, "junction.delete", link=path, keepDirectory=keep)
            result = self.user(uid).call("junction.delete", link=path, keepDirectory=keep)
            self.assertEqual(result["outcome"], "cleared" if keep else "deleted")
            if keep:
                self.assert_plain_directory(path)
                self.assertEqual(os.lstat(path).st_uid, owner)
            else:
                self.assertFalse(os.path.lexists(path))


class PermissionsMount(AccessCase):
    """Owner and mode count."""

    def parents(self):
        """{name: (path, mode, owner)}"""
        made = {}
        for name, mode, owner in (("alices", 0o755, ALICE), ("roots", 0o755, 0), ("bobs", 0o700, BOB),
                                  ("open", 0o777, 0), ("sticky", 0o1777, 0), ("bobs_sticky", 0o1777, BOB)):
            made[name] = (self.directory(name, mode, owner), mode, owner)
        return made

    @staticmethod
    def may_write(uid, mode, owner):
        return uid == 0 or bool(mode & (0o200 if uid == owner else 0o002))

    @classmethod
    def may_take(cls, uid, mode, owner, leaf_owner):
        """Turn, retarget or delete: write on the parent is the rule (and in a sticky one ownership of link or parent); on such a mount ntfs-3g itself lets
        only the owner of a file change its attribute besides."""
        return cls.may_write(uid, mode, owner) and uid in (0, leaf_owner)

    def test_create_new(self):
        for name, (parent, mode, owner) in self.parents().items():
            for uid in USERS:
                path = os.path.join(parent, "new-%d" % uid)
                self.try_create(uid, path, self.may_write(uid, mode, owner), parents=True)
                if self.may_write(uid, mode, owner):
                    self.assertEqual(os.lstat(path).st_uid, uid, name)

    def test_create_with_parents(self):
        for parent, mode, owner in self.parents().values():
            for uid in USERS:
                top = os.path.join(parent, "p-%d" % uid)
                path = os.path.join(top, "q", "new")
                if self.may_write(uid, mode, owner):
                    self.user(uid).call("junction.create", link=path, target=NEW, parents=True)
                    self.assertEqual([os.lstat(p).st_uid for p in (top, os.path.dirname(path), path)], [uid] * 3)
                    self.assertEqual(stat.S_IMODE(os.lstat(top).st_mode), 0o755)
                else:
                    self.refused_alike(uid, "junction.create", [p for p in creations() if "parents" in p], link=path, target=NEW)

    def test_ownership_and_mode(self):
        for parent, owner in (("alices", ALICE), ("open", 0)):
            where = self.directory(parent, 0o777, owner)
            for uid in USERS:
                path = os.path.join(where, "link-%d" % uid)
                self.user(uid).call("junction.create", link=path, target=NEW)
                self.user(uid).call("junction.delete", link=path, keepDirectory=True)
                status = os.lstat(path)
                self.assertEqual((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)), (uid, uid, 0o755))

    def test_turn_empty_directory(self):
        for name, (parent, mode, owner) in self.parents().items():
            for uid in USERS:
                for leaf_owner, leaf_mode in ((ALICE, 0o755), (BOB, 0o755), (0, 0o755), (0, 0o777), (ALICE, 0o700)):
                    path = self.directory("%o-%d-%d" % (leaf_mode, leaf_owner, uid), leaf_mode, leaf_owner, parent)
                    allowed = self.may_take(uid, mode, owner, leaf_owner)
                    with self.subTest(parent=name, uid=uid, leaf_owner=leaf_owner, leaf_mode=oct(leaf_mode)):
                        if allowed:
                            self.try_create(uid, path, True, "converted")
                            self.assertEqual(os.lstat(path).st_uid, leaf_owner)
                        else:
                            before = snapshot(self.base)
                            for dry in (False, True):
                                self.refused("ACCESS_DENIED", self.user(uid).call, "junction.create", link=path, target=NEW, dryRun=dry)
                            self.assertEqual(snapshot(self.base), before)

    def test_retarget(self):
        for name, (parent, mode, owner) in self.parents().items():
            for uid, link_owner in itertools.product(USERS, repeat=2):
                path = self.link("%d-%d" % (link_owner, uid), link_owner, parent)
                with self.subTest(parent=name, uid=uid, link_owner=link_owner):
                    if self.may_take(uid, mode, owner, link_owner):
                        self.try_create(uid, path, True, "replaced", replace=True, expectedTarget=OLD)
                        self.assertEqual(os.lstat(path).st_uid, link_owner)
                    else:
                        before = snapshot(self.base)
                        for params in creations():
                            # Without `replace` the link is in the way, for whoever may see it; either is a refusal.
                            seen = "replace" in params or (name == "bobs" and uid == ALICE)
                            self.refused("ACCESS_DENIED" if seen else "ALREADY_EXISTS", self.user(uid).call,
                                         "junction.create", link=path, target=NEW, **params)
                        self.assertEqual(snapshot(self.base), before)

    def test_delete(self):
        for name, (parent, mode, owner) in self.parents().items():
            for uid, link_owner, keep in itertools.product(USERS, USERS, (False, True)):
                path = self.link("%d-%d-%d" % (link_owner, uid, keep), link_owner, parent)
                allowed = self.may_take(uid, mode, owner, link_owner)
                with self.subTest(parent=name, uid=uid, link_owner=link_owner):
                    if allowed:
                        self.try_delete(uid, path, True, keep)
                    else:
                        before = snapshot(self.base)
                        for params in deletions():
                            self.refused("ACCESS_DENIED", self.user(uid).call, "junction.delete", link=path, **params)
                        self.assertEqual(snapshot(self.base), before)

    def test_kept_directory_is_as_it_was(self):
        where = self.directory("d", 0o777)
        path = self.directory("mine", 0o750, ALICE, where)
        before = os.lstat(path)
        self.user(ALICE).call("junction.create", link=path, target=NEW)
        self.user(ALICE).call("junction.delete", link=path, keepDirectory=True)
        after = os.lstat(path)
        self.assertEqual((before.st_ino, before.st_uid, before.st_mode), (after.st_ino, after.st_uid, after.st_mode))

    def test_nothing_is_seen_that_cannot_be_reached(self):
        secret = self.directory("bobs", 0o700, BOB)
        hidden = self.link("hidden", BOB, secret)
        open_link = self.link("seen", BOB)
        alice, bob, root = (self.user(uid) for uid in USERS)
        for check in (False, True):
            self.refused("ACCESS_DENIED", alice.call, "reparse.show", path=hidden, check=check)
            self.refused("ACCESS_DENIED", alice.call, "reparse.show", path=os.path.join(secret, "missing"), check=check)
            self.refused("ACCESS_DENIED", alice.call, "reparse.list", path=secret, recurse=check, check=check)
            self.refused("ACCESS_DENIED", alice.call, "reparse.list", path=hidden, check=check)
        for method, params in (("junction.delete", {}), ("junction.create", {"target": OLD}), ("junction.create", {"target": OLD, "parents": True})):
            for name in ("hidden", "missing"):  # what is not seen is not told apart either
                self.refused("ACCESS_DENIED", alice.call, method, link=os.path.join(secret, name), **params)
        for recurse, volume in ((True, False), (False, True), (True, True)):
            entries, result = alice.list(self.base, recurse=recurse, volume=volume)
            errors = {entry["path"]: entry["error"]["data"]["name"] for entry in entries if "error" in entry}
            self.assertEqual(errors.get(secret), "ACCESS_DENIED")
            self.assertEqual(set(errors.values()), {"ACCESS_DENIED"})
            self.assertEqual(result["skipped"], len(errors))
            if not volume:
                self.assertEqual(len(errors), 1)
            self.assertEqual(result["count"], len(entries) - len(errors))
            self.assertIn(open_link, [entry["path"] for entry in entries])
            self.assertNotIn(hidden, [entry["path"] for entry in entries])
        for user in (bob, root):
            entries, result = user.list(self.base, recurse=True)
            self.assertEqual(sorted(entry["path"] for entry in entries), [hidden, open_link])
            self.assertEqual((result["count"], result["skipped"]), (2, 0))
            self.assertEqual(user.call("reparse.show", path=hidden)["target"], OLD)

    def test_searchable_but_not_readable(self):
        """0711: what is known by name may be shown; it may not be listed."""
        where = self.directory("d", 0o711, BOB)
        link = self.link("known", BOB, where)
        self.assertEqual(self.user(ALICE).call("reparse.show", path=link)["target"], OLD)
        self.refused("ACCESS_DENIED", self.user(ALICE).call, "reparse.list", path=where)
        self.try_delete(ALICE, link, False)

    def test_state_is_judged_with_the_callers_rights(self):
        self.directory("inner", 0o755, BOB, self.directory("bobs", 0o700, BOB))
        target = "C:\\%s\\bobs\\inner" % os.path.basename(self.base)
        link = self.link("link", target=target)
        self.assertEqual([self.user(uid).call("reparse.show", path=link, check=True)["state"] for uid in USERS],
                         ["inaccessible", "ok", "ok"])
        self.refused("TARGET_NOT_FOUND", self.user(ALICE).call, "junction.create",
                     link=os.path.join(self.directory("alices", 0o755, ALICE), "new"), target=target, mustExist=True)

    def test_supplementary_groups_count(self):
        where = self.directory("team", 0o770)
        os.chown(where, 0, SHARED_GROUP)
        link = os.path.join(where, "link")
        self.refused_alike(BOB, "junction.create", creations(), link=link, target=NEW)
        many = [SHARED_GROUP] + list(range(30000, 30050))
        with self.service.connect(ALICE, groups=many) as alice:
            alice.call("junction.create", link=link, target=NEW)
            self.assertEqual(alice.call("junction.create", link=link, target=OLD, replace=True)["outcome"], "replaced")
            self.assert_junction(link, OLD)
            self.assertEqual(len(alice.list(where)[0]), 1)
        self.refused_alike(BOB, "junction.delete", deletions(), link=link)
        with self.service.connect(ALICE) as alice:
            self.refused("ACCESS_DENIED", alice.call, "junction.delete", link=link)
        # The primary group counts as well.
        with self.service.connect(BOB, gid=SHARED_GROUP) as bob:
            bob.call("junction.create", link=link + "-2", target=NEW)
            bob.call("junction.delete", link=link + "-2")
        self.assertFalse(os.path.lexists(link + "-2"))

    def test_links_of_others_in_a_sticky_directory_are_not_followed(self):
        """Where anybody may put links, only one's own and those of the directory's owner lead on: for junctions and symbolic links alike."""
        sticky = self.directory("sticky", 0o1777)
        where = self.directory("alices", 0o777, ALICE)
        target = "C:\\%s\\alices" % os.path.basename(self.base)
        for owner in USERS:
            self.link("junction-%d" % owner, owner, sticky, target)
            symlink = os.path.join(sticky, "symlink-%d" % owner)
            os.symlink(where, symlink)
            os.chown(symlink, owner, owner, follow_symlinks=False)
        before = snapshot(self.base)
        for uid, owner, kind in itertools.product(USERS, USERS, ("junction", "symlink")):
            way = os.path.join(sticky, "%s-%d" % (kind, owner))
            link = os.path.join(way, "link")
            with self.subTest(uid=uid, owner=owner, kind=kind):
                if owner in (0, uid):
                    self.user(uid).call("junction.create", link=link, target=NEW)
                    self.assert_junction(os.path.join(where, "link"), NEW)
                    self.user(uid).call("junction.delete", link=link)
                else:
                    for method, params in (("junction.create", {"link": link, "target": NEW}), ("junction.delete", {"link": link}),
                                           ("junction.create", {"link": link, "target": NEW, "parents": True}),
                                           ("reparse.show", {"path": link}), ("reparse.list", {"path": link})):
                        self.refused("UNTRUSTED_MOUNT_POINT", self.user(uid).call, method, **params)
                # The link itself may be looked at by anybody.
                if kind == "junction":
                    self.assertEqual(self.user(uid).call("reparse.show", path=way)["target"], target)
        self.assertEqual(snapshot(self.base), before)

    def test_one_identity_does_not_rub_off(self):
        """The same threads serve everybody in turn: after each caller the next one is nobody but himself."""
        parents = {uid: self.directory("of-%d" % uid, 0o700, uid) for uid in USERS}
        for turn, uid, other in itertools.product(range(5), USERS, USERS):
            path = os.path.join(parents[other], "%d-%d" % (turn, uid))
            if uid in (0, other):
                self.user(uid).call("junction.create", link=path, target=NEW)
                self.assertEqual(os.lstat(path).st_uid, uid)
            else:
                self.refused("ACCESS_DENIED", self.user(uid).call, "junction.create", link=path, target=NEW)

    def test_identities_side_by_side(self):
        """All at once, each on several connections: what comes about belongs to whoever asked for it, and only where he may."""
        parents = {uid: self.directory("of-%d" % uid, 0o700, uid) for uid in USERS}
        answers = []

        def hammer(connection, uid, number):
            asked = []
            for turn, other in itertools.product(range(20), USERS):
                path = os.path.join(parents[other], "%d-%d-%d" % (uid, number, turn))
                asked.append((other, connection.request("junction.create", {"link": path, "target": NEW})))
            for other, id in asked:
                message = connection.read()
                assert message["id"] == id, message
                answers.append((uid, other, message["error"]["data"]["name"] if "error" in message else message["result"]["outcome"]))

        with contextlib.ExitStack() as stack:
            threads = [threading.Thread(target=hammer, args=(stack.enter_context(self.service.connect(uid)), uid, number))
                       for number in range(3) for uid in USERS]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(len(answers), 9 * 60)
        for uid, other, said in answers:
            self.assertEqual(said, "created" if uid in (0, other) else "ACCESS_DENIED")
        for other, parent in parents.items():
            names = os.listdir(parent)
            self.assertEqual(len(names), 60 * len({0, other}))
            for name in names:
                self.assertEqual(os.lstat(os.path.join(parent, name)).st_uid, int(name.split("-")[0]))


class UmaskMount(AccessCase):
    """Everything belongs to root, and ntfs-3g does not check who sets or removes the attribute."""

    options = "uid=0,gid=0,umask=022"
    owner = 0

    def test_the_kernel_does_not_check_here(self):
        """Why the rest of this class proves something about the engine."""
        path = self.directory("d")
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setresgid(BOB, BOB, BOB)
                os.setresuid(BOB, BOB, BOB)
                set_raw(path, junction_buffer(OLD))
                os._exit(0)
            except OSError:
                os._exit(1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        settle(path)
        self.assert_junction(path, OLD)

    def test_create_new(self):
        for uid in USERS:
            self.try_create(uid, os.path.join(self.base, "new-%d" % uid), uid in (0, self.owner))

    def test_create_with_parents(self):
        for uid in USERS:
            path = os.path.join(self.base, "p-%d" % uid, "q", "new")
            if uid in (0, self.owner):
                self.try_create(uid, path, True, parents=True)
            else:
                self.refused_alike(uid, "junction.create", [p for p in creations() if "parents" in p], link=path, target=NEW)

    def test_turn_empty_directory(self):
        for uid in USERS:
            self.try_create(uid, self.directory("empty-%d" % uid), uid in (0, self.owner), "converted")

    def test_retarget(self):
        for uid in USERS:
            path = self.link("link-%d" % uid)
            if uid in (0, self.owner):
                self.try_create(uid, path, True, "replaced", replace=True)
            else:
                self.refused_alike(uid, "junction.create", [p for p in creations() if "replace" in p], link=path, target=NEW)
                self.refused("ALREADY_EXISTS", self.user(uid).call, "junction.create", link=path, target=NEW)

    def test_unchanged_is_a_success_for_anybody(self):
        path = self.link("link")
        before = snapshot(self.base)
        for uid in USERS:
            self.assertEqual(self.user(uid).call("junction.create", link=path, target=OLD)["outcome"], "unchanged")
        self.assertEqual(snapshot(self.base), before)

    def test_delete(self):
        for uid, keep in itertools.product(USERS, (False, True)):
            self.try_delete(uid, self.link("link-%d-%d" % (uid, keep)), uid in (0, self.owner), keep)

    def test_broken_links_are_no_exception(self):
        """What is malformed is not anybody's to clear away."""
        broken = junction_buffer(OLD)[:8] + b"\1\0" + junction_buffer(OLD)[10:]
        path = os.path.join(self.base, "broken")
        plant(path, broken)
        for uid in USERS:
            if uid not in (0, self.owner):
                self.refused_alike(uid, "junction.delete", [{}, {"keepDirectory": True}, {"dryRun": True}], link=path)
                self.refused_alike(uid, "junction.create", [{"replace": True}], link=path, target=NEW)
        self.assertEqual(get_raw(path), broken)
        self.user(self.owner).call("junction.delete", link=path)
        self.assertFalse(os.path.lexists(path))

    def test_hidden_children_are_no_exception(self):
        path = self.directory("full")
        with open(os.path.join(path, "child"), "w", encoding="utf-8"):
            pass
        set_raw(path, junction_buffer(OLD))
        for uid in USERS:
            if uid not in (0, self.owner):
                self.refused_alike(uid, "junction.delete", deletions(), link=path)

    def test_show_and_list(self):
        path = self.link("link")
        for uid in USERS:
            self.assertEqual(self.user(uid).call("reparse.show", path=path)["target"], OLD)
            entries, result = self.user(uid).list(self.base, recurse=True)
            self.assertEqual([entry["path"] for entry in entries], [path])
            self.assertEqual(result["skipped"], 0)


class AlicesUmaskMount(UmaskMount):
    """The same where everything belongs to an ordinary user: it is hers, and root's, and nobody else's."""

    options = "uid=%d,gid=%d,umask=022" % (ALICE, ALICE)
    owner = ALICE


class PrivateMount(AccessCase):
    """0700 for all: nobody else even gets in."""

    options = "uid=%d,gid=%d,umask=077" % (ALICE, ALICE)

    def test_nobody_else_gets_in(self):
        path = self.link("link")
        bob, alice = self.user(BOB), self.user(ALICE)
        before = snapshot(self.base)
        for method, params in (("reparse.show", {"path": path}), ("reparse.list", {"path": self.volume.root}),
                               ("reparse.list", {"path": self.base, "volume": True}),
                               ("junction.create", {"link": path, "target": OLD}), ("junction.create", {"link": path + "/a/b", "target": OLD, "parents": True}),
                               ("junction.delete", {"link": path})):
            self.refused("ACCESS_DENIED", bob.call, method, **params)
        self.assertEqual(snapshot(self.base), before)
        self.assertEqual(alice.call("reparse.show", path=path)["target"], OLD)
        alice.call("junction.delete", link=path)
        self.assertFalse(os.path.lexists(path))


class WritableMount(AccessCase):
    """Everything is anybody's (umask=000): the rules allow it, so the service does not stand in the way."""

    options = "uid=0,gid=0,umask=000"

    def test_anybody_may(self):
        for uid in USERS:
            path = os.path.join(self.base, "link-%d" % uid)
            self.try_create(uid, path, True)
            self.assertEqual(self.user(uid).call("junction.create", link=path, target=OLD, replace=True)["outcome"], "replaced")
            self.try_create(uid, self.directory("empty-%d" % uid, 0o777), True, "converted")
            self.try_delete(uid, self.link("given-%d" % uid), True, keep=True)
            self.try_delete(uid, path, True)
