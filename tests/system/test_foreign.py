"""Clients that know nothing of our code: Node, and what protocol.md tells people to paste, run as it stands there.

Only two paths of the page are replaced: the address of the service and the mount, which are the test's own."""

import json
import os
import re
import shutil
import subprocess
import unittest

from harness import ALICE, BOB, PATIENCE, SOURCE, Case, new_directory

NODE = shutil.which("node") or shutil.which("nodejs")


def blocks(language):
    """The code blocks of protocol.md in one language."""
    with open(os.path.join(SOURCE, "protocol", "protocol.md"), encoding="utf-8") as file:
        found = re.findall(r"^```(\w*)\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


class ForeignCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.share_volume_and_service()
        cls.programs = new_directory("foreign")  # the sources may lie where ordinary users cannot go
        for name in os.listdir(os.path.join(SOURCE, "tests", "system", "foreign")):
            shutil.copy(os.path.join(SOURCE, "tests", "system", "foreign", name), cls.programs)
            os.chmod(os.path.join(cls.programs, name), 0o644)

    def setUp(self):
        self.home = self.volume.mkdir("alice-" + self.id().rsplit(".", 1)[1], owner=ALICE)

    def run_as(self, command, uid=ALICE, input=None, directory="/"):
        return subprocess.run(command, user=uid, group=uid, extra_groups=[], cwd=directory, input=input, capture_output=True,
                              text=True, timeout=PATIENCE * 2, check=False,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})

    def adapted(self, text):
        self.assertIn("/run/junction/junction.sock", text)
        return text.replace("/run/junction/junction.sock", self.service.socket).replace("/mnt/windows", self.volume.root)


@unittest.skipIf(NODE is None, "SKIPPED: node is not installed")
class Node(ForeignCase):
    def client(self, *arguments, uid=ALICE):
        done = self.run_as([NODE, os.path.join(self.programs, "client.js"), self.service.socket, *arguments], uid)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.strip()

    def test_scenario(self):
        done = self.run_as([NODE, os.path.join(self.programs, "scenario.js"), self.service.socket, self.home])
        self.assertEqual((done.returncode, done.stdout), (0, "ok\n"), done.stderr)

    def test_command_line(self):
        link = os.path.join(self.home, "by node")
        status, printed, _ = self.client("create", link, "D:\\Data")
        self.assertEqual((status, printed[0]["outcome"]), (0, "created"))
        self.assert_junction(link, "D:\\Data")
        self.assertEqual(os.lstat(link).st_uid, ALICE)
        self.assertEqual(self.client("show", link)[1][0]["target"], "D:\\Data")
        status, printed, _ = self.client("list", self.home)
        self.assertEqual([entry["path"] for entry in printed[:-1]], [link])
        self.assertEqual(printed[-1]["count"], 1)
        # Not a right more than his own.
        status, printed, error = self.client("delete", link, uid=BOB)
        self.assertEqual((status, printed), (1, []))
        self.assertTrue(error.startswith("ACCESS_DENIED: "), error)
        self.assert_junction(link, "D:\\Data")
        status, _, error = self.client("create", os.path.join(self.volume.mkdir("roots"), "link"), "D:\\Data")
        self.assertTrue(error.startswith("ACCESS_DENIED: "), error)
        self.assertEqual(os.listdir(self.volume.path("roots")), [])
        self.assertEqual(self.client("delete", link)[1][0]["outcome"], "deleted")
        self.assertFalse(os.path.lexists(link))

    def test_the_snippet_of_the_page(self):
        snippets = blocks("js")
        self.assertEqual(len(snippets), 1)
        link = os.path.join(self.home, "for the snippet")
        with self.service.connect(ALICE) as connection:
            connection.call("junction.create", link=link, target="E:\\x")
            path = os.path.join(self.programs, "snippet.js")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.adapted(snippets[0]))
            done = self.run_as([NODE, path, self.home])
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertIn("%s -> E:\\x\n" % link, done.stdout)
            self.assertRegex(done.stdout, r"count: 1\b")
            connection.call("junction.delete", link=link)


class Shell(ForeignCase):
    @unittest.skipIf(shutil.which("nc") is None, "SKIPPED: nc is not installed")
    def test_the_lines_of_the_page(self):
        link = os.path.join(self.home, "for the shell")
        with self.service.connect(ALICE) as connection:
            connection.call("junction.create", link=link, target="E:\\x")
            lines = [line for block in blocks("sh") for line in block.splitlines() if "nc -N -U" in line]
            self.assertGreaterEqual(len(lines), 2)
            said = []
            for line in lines:
                done = self.run_as(["sh", "-e", "-c", self.adapted(line)])
                self.assertEqual((done.returncode, done.stderr), (0, ""), line)
                messages = [json.loads(text) for text in done.stdout.splitlines()]
                self.assertIn("result", messages[-1], line)
                said += messages
            entries = [entry for message in said if message.get("method") == "reparse.entries" for entry in message["params"]["entries"]]
            self.assertIn((link, "E:\\x"), [(entry["path"], entry.get("target")) for entry in entries])
            self.assertIn("uid:%d" % ALICE, [message["result"].get("identity") for message in said if "result" in message])
            connection.call("junction.delete", link=link)


class Page(ForeignCase):
    """The dialogues of protocol.md, really held: what the page says is answered is answered, but for numbers, times and words for people."""

    def test_dialogues(self):
        os.makedirs(self.volume.path("Users", "ann"))
        os.makedirs(self.volume.path("w"))
        with self.service.connect() as connection:
            connection.call("junction.create", link=self.volume.path("Documents and Settings"), target="C:\\Users")
            held = 0
            for block in blocks(""):
                lines = re.findall(r"^(-->|<--) (\{.*\})$", block, re.MULTILINE)
                methods = {json.loads(line).get("method") for direction, line in lines if direction == "-->"}
                # Lists, cancel and odd names depend on what is on the volume; the contract's test judges their form.
                if not methods or not methods <= {"hello", "junction.create", "junction.delete", "reparse.show"} or "Utf16" in block:
                    continue
                asked = {}
                for direction, line in lines:
                    line = line.replace("/mnt/windows", self.volume.root)
                    message = json.loads(line)
                    if direction == "-->":
                        connection.send_bytes(line.encode() + b"\n")
                        answer = connection.read()
                        asked[answer["id"]] = answer
                        continue
                    self.assertEqual(self.without_numbers(asked.pop(message["id"])), self.without_numbers(message))
                    held += 1
            self.assertGreaterEqual(held, 6)

    def without_numbers(self, value):
        if isinstance(value, dict):
            return {key: "…" if key in ("fileId", "created", "server", "message") else self.without_numbers(child)
                    for key, child in value.items()}
        return value
