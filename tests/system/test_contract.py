"""The contract, protocol/openrpc.json, against what really went over the wire in all the other tests (which is why this one runs last), and
against the examples of protocol.md.

Every answer must fit the schema of its method's result and hold nothing that the contract does not name; every error must be one of the
table, with its number, and one that its method says it can have; every request that was accepted must fit the schemas of its parameters."""

import collections
import copy
import json
import os
import re
import unittest

from harness import SOURCE, TRAFFIC

LEAST = 2000  # messages, below which this proves too little: the others have not run
EVERY = 50    # of many messages of one shape the first 25 are judged, and then each of this many


def load():
    with open(os.path.join(SOURCE, "protocol", "openrpc.json"), encoding="utf-8") as file:
        return json.load(file)


def strict(schema):
    """What is not named is not sent. (A client must ignore what it does not know; the service of this tree must not send it.)"""
    schema = copy.deepcopy(schema)

    def visit(node):
        if isinstance(node, dict):
            if "properties" in node and isinstance(node["properties"], dict) and node.get("type") == "object":
                node.setdefault("additionalProperties", False)
            for child in node.values():
                visit(child)
        elif isinstance(node, list):
            for child in node:
                visit(child)
    visit(schema)
    return schema


def shape(value, name=None):
    """What a message is made of; words of a fixed list count as they are."""
    if isinstance(value, dict):
        return tuple(sorted((key, shape(child, key)) for key, child in value.items()))
    if isinstance(value, list):
        return ("list",) + tuple(sorted(set(shape(child) for child in value), key=repr))
    if name in ("kind", "type", "state", "tag", "outcome", "name", "source") and isinstance(value, str):
        return value
    return type(value).__name__


class Contract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Not skipped when it is missing: then nothing would be proven, and quietly.
        from jsonschema import Draft202012Validator
        cls.document = load()
        cls.components = strict(cls.document["components"])
        cls.methods = {method["name"]: method for method in cls.document["methods"]}
        cls.notifications = {row["name"]: row for row in cls.document["x-notifications"]}
        cls.errors = {row["data"]["name"]: row["code"] for row in cls.document["components"]["errors"].values()}
        cls.validator_class = Draft202012Validator
        cls.validators = {}
        for name, method in cls.methods.items():
            if "result" in method:
                cls.validators["result", name] = cls.validator(method["result"]["schema"])
            groups = [{"oneOf": [{"required": [one]} for one in group]} for group in method.get("x-exactlyOne", [])]
            groups += [{"not": {"required": group}} for group in method.get("x-atMostOne", [])]
            cls.validators["params", name] = cls.validator({
                "type": "object", "additionalProperties": False, "allOf": groups or [True],
                "properties": {param["name"]: param["schema"] for param in method["params"]},
                "required": [param["name"] for param in method["params"] if param["required"]]})
        for name, row in cls.notifications.items():
            cls.validators["notification", name] = cls.validator(row["schema"])
        cls.validators["error", None] = cls.validator({"$ref": "#/components/schemas/Error"})
        cls.sent, cls.messages = cls.read_traffic()

    @classmethod
    def validator(cls, schema):
        whole = dict(schema)
        whole["components"] = cls.components
        cls.validator_class.check_schema(whole)
        return cls.validator_class(whole)

    @staticmethod
    def read_traffic():
        """({method: count}, [(request or None, message)]): each answer with the request that it answers."""
        sent = collections.Counter()
        pairs = []
        if not TRAFFIC or not os.path.exists(TRAFFIC):
            return sent, pairs
        asked = collections.defaultdict(collections.deque)
        with open(TRAFFIC, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                message = row["message"]
                if row["kind"] == "request":
                    sent[message["method"]] += 1
                    if "id" in message:
                        asked[row["channel"], json.dumps(message["id"])].append(message)
                elif "method" in message:
                    pairs.append((None, message))
                else:
                    waiting = asked[row["channel"], json.dumps(message["id"])]
                    pairs.append((waiting.popleft() if waiting else None, message))
        return sent, pairs

    def judge(self, kind, name, value, whole):
        faults = sorted(self.validators[kind, name].iter_errors(value), key=lambda fault: list(fault.path))
        if faults:
            self.fail("%s %s: %s at %s\n%s" % (kind, name, faults[0].message, list(faults[0].path), json.dumps(whole)[:2000]))

    def judge_error(self, request, message):
        error = message["error"]
        self.judge("error", None, error, message)
        name = error["data"]["name"]
        self.assertEqual(self.errors.get(name), error["code"], message)
        self.assertTrue(error["message"])
        method = self.methods.get(request["method"]) if request else None
        if method is not None and name != "INVALID_REQUEST":
            allowed = {row["$ref"].rsplit("/", 1)[1] for row in method["errors"]}
            self.assertIn(name, allowed, "%s does not say that it can fail so: %r" % (request["method"], message))

    def judge_answer(self, request, message):
        self.assertEqual(message["jsonrpc"], "2.0")
        self.assertEqual(set(message), {"jsonrpc", "id", "error" if "error" in message else "result"}, message)
        if "error" in message:
            self.judge_error(request, message)
        elif request is not None:
            self.judge("result", request["method"], message["result"], message)
            self.judge("params", request["method"], request.get("params", {}), request)
        else:
            fits = [name for (kind, name), validator in self.validators.items()
                    if kind == "result" and validator.is_valid(message["result"])]
            self.assertTrue(fits, "fits the result of no method: %r" % (message,))

    def judge_notification(self, message):
        self.assertEqual(set(message), {"jsonrpc", "method", "params"}, message)
        self.assertIn(message["method"], self.notifications)
        self.judge("notification", message["method"], message["params"], message)
        if message["method"] == "reparse.entries":
            for entry in message["params"]["entries"]:
                if "error" in entry:
                    self.assertEqual(self.errors.get(entry["error"]["data"]["name"]), entry["error"]["code"], entry)

    def test_enough_was_recorded(self):
        self.assertGreaterEqual(len(self.messages), LEAST, "run the other system tests in the same run")
        done = collections.Counter(request["method"] for request, message in self.messages
                                   if request is not None and "result" in message)
        for name in self.methods:
            if name == "cancel":
                self.assertGreater(self.sent[name], 0)
            else:
                self.assertGreater(done[name], 0, "no success of %s" % name)
        for name in self.notifications:
            self.assertTrue(any(message.get("method") == name for _, message in self.messages), name)

    def test_all_that_was_said(self):
        seen = collections.Counter()
        judged = 0
        for request, message in self.messages:
            key = (request["method"] if request else None, shape(message))
            seen[key] += 1
            if seen[key] > 25 and seen[key] % EVERY:
                continue
            judged += 1
            if "method" in message:
                self.judge_notification(message)
            else:
                self.judge_answer(request, message)
        self.assertGreater(judged, 0)

    def test_lists_are_complete_and_in_order(self):
        # Over all traffic, without exception: seq counts from 0 without a gap in each list.
        expected = {}
        channels = collections.defaultdict(int)
        with open(TRAFFIC, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                message = row["message"]
                if row["kind"] == "answer" and message.get("method") == "reparse.entries":
                    key = (row["channel"], json.dumps(message["params"]["id"]))
                    self.assertEqual(message["params"]["seq"], expected.get(key, 0), line[:300])
                    expected[key] = message["params"]["seq"] + 1
                    channels[key] += len(message["params"]["entries"])
                elif row["kind"] == "answer" and "method" not in message:
                    key = (row["channel"], json.dumps(message["id"]))
                    sent = channels.pop(key, 0)
                    expected.pop(key, None)
                    result = message.get("result", {})
                    if "skipped" in result and not result["truncated"]:
                        self.assertEqual(sent, result["count"] + result["skipped"], line[:300])

    def test_the_examples_of_openrpc(self):
        for name, method in self.methods.items():
            for param in method["params"]:
                self.validator(param["schema"]).validate(param["x-example"])
            for example in method.get("examples", []):
                params = {row["name"]: row["value"] for row in example["params"]}
                self.judge("params", name, params, example)
                if "result" in method:
                    self.judge("result", name, example["result"]["value"], example)

    def test_the_examples_of_protocol_md(self):
        with open(os.path.join(SOURCE, "protocol", "protocol.md"), encoding="utf-8") as file:
            text = file.read()
        lines = re.findall(r"^(-->|<--) (\{.*\})$", text, re.MULTILINE)
        self.assertGreaterEqual(len(lines), 20)
        asked = {}
        answered = 0
        for direction, line in lines:
            message = json.loads(line)
            if direction == "-->":
                self.judge("params", message["method"], message.get("params", {}), message)
                if "id" in message:
                    asked[json.dumps(message["id"])] = message
            elif "method" in message:
                self.judge_notification(message)
            else:
                self.judge_answer(asked.pop(json.dumps(message["id"])), message)
                answered += 1
        self.assertGreaterEqual(answered, 8)
