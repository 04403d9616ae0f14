"""The PowerShell module, prove.ps1 and the workflow for Windows. No PowerShell runs here.

So the sources are judged by their tokens, and the module's traffic is replayed: each request that it can build is put together from the table that the module
itself reads, sent to the real service over a real volume, and the answers are read with the names by which the module reads them. That the module
runs at all, only a Windows proves: prove.ps1."""

import itertools
import json
import os
import re
import unittest
import xml.etree.ElementTree

from harness import ALICE, SOURCE, Case, junction_buffer, plant
from odd import on_disk, utf16
from powershell import CMDLETS, Malformed, Source, parameters

MODULE = os.path.join(SOURCE, "deploy", "windows", "Junction")
WINDOWS = os.path.join(SOURCE, "tests", "windows")

# System.Management.Automation.ErrorCategory, as far as it fits.
CATEGORIES = set("""NotSpecified InvalidArgument InvalidOperation InvalidType LimitsExceeded NotImplemented ObjectNotFound OperationStopped
    OperationTimeout PermissionDenied ResourceBusy ResourceExists ResourceUnavailable SecurityError""".split())


def read(*names):
    with open(os.path.join(*names), encoding="ascii") as file:  # Windows PowerShell reads anything else in the system's code page
        return file.read()


def contract():
    with open(os.path.join(SOURCE, "protocol", "openrpc.json"), encoding="utf-8") as file:
        return json.load(file)


PROTOCOL = read(MODULE, "Protocol.ps1")
PUBLIC = read(MODULE, "Junction.psm1")
MANIFEST = read(MODULE, "Junction.psd1")
REQUESTS = json.loads(re.search(r"\$script:Requests = ConvertFrom-Json @'\n(.*?)\n'@", PROTOCOL, re.DOTALL)[1])
PROVE = {name: read(WINDOWS, "prove", name) for name in sorted(os.listdir(os.path.join(WINDOWS, "prove")))}
PROVE["prove.ps1"] = read(WINDOWS, "prove.ps1")


def pattern(source, before):
    """The regular expression that stands in single quotes behind this text; .NET and Python take the ones here for the same."""
    return re.compile(re.search(re.escape(before) + r" '((?:[^']|'')*)'", source)[1].replace("''", "'"))


MARK = re.compile(re.search(r"\[regex\]::Replace\(\$Line, '([^']*)', '\"=\$1\"'\)", PROTOCOL)[1])
NOT_UNICODE = pattern(PROTOCOL, "if ($text -match")


def units(text):
    """As .NET holds a string: one character a UTF-16 unit."""
    data = text.encode("utf-16le", "surrogatepass")
    return "".join(chr(data[i] | data[i + 1] << 8) for i in range(0, len(data), 2))


def build(command, arguments):
    """New-Request."""
    shape, params = REQUESTS[command], {}
    for name, member in shape["names"].items():
        if arguments.get(name):
            if NOT_UNICODE.search(units(arguments[name])):
                params[member + "Utf16"] = utf16(arguments[name])
            else:
                params[member] = arguments[name]
    for name, member in {**shape["switches"], **shape["lists"]}.items():
        if arguments.get(name):
            params[member] = arguments[name]
    return shape["method"], params


def marked(line):
    """ConvertFrom-Line."""
    return json.loads(MARK.sub(r'"=\1"', line))


def text(value, name):
    """Get-Text."""
    if "=" + name + "Utf16" in value:
        return bytes.fromhex(value["=" + name + "Utf16"][1:]).decode("utf-16le", "surrogatepass")
    found = value.get("=" + name)
    return found[1:] if isinstance(found, str) else None


class Text(unittest.TestCase):
    """The sources as text."""

    @classmethod
    def setUpClass(cls):
        cls.files = {"Protocol.ps1": PROTOCOL, "Junction.psm1": PUBLIC, "Junction.psd1": MANIFEST, **PROVE}
        cls.sources = {name: Source(source) for name, source in cls.files.items()}

    def test_the_tokenizer_itself(self):
        for good in ("'a''b' # '", "\"a$(f \"b\")`\"c\"\"d\"", "<# ( #>", "@'\n'(\"\n'@ + @\"\n(\n\"@", "f `( ; #(\n", "a#b"):
            Source(good)
        for bad in ("(", ")", "(]", "'a", "\"a", "\"$(\"", "@'\nx '@", "<# x", "{ '}'", "\"$(\")\"", "@{ a = (1 }"):
            with self.subTest(bad), self.assertRaises(Malformed):
                Source(bad)
        self.assertEqual(parameters("param([int]$A = 1, [X('$C', Y = ($E))] [string[]]$D = @('$F', $G))"), ["A", "D"])

    def test_small_rules(self):
        for name, source in self.sources.items():
            with self.subTest(name):
                self.assertNotRegex(source.code, r"(?i)\b(Invoke-Expression|iex)\b")
                self.assertLess(len(source.text.splitlines()), 600)
                for line in source.text.splitlines():
                    self.assertLessEqual(len(line), 190, line)
                    self.assertEqual(line, line.rstrip())
                    self.assertNotIn("\t", line)

    def test_everything_called_is_known(self):
        module = set(Source(PROTOCOL).functions()) | set(Source(PUBLIC).functions())
        proof = set(itertools.chain(*(Source(source).functions() for source in PROVE.values())))
        for name, source in self.sources.items():
            known = CMDLETS | (proof if name in PROVE else module)
            for call, line in source.calls().items():
                self.assertIn(call, known, "%s:%d" % (name, line))

    def test_every_variable_is_set(self):
        """In the function or check where it is used, or at the top: strict mode ends a script at the first one that is not."""
        given = set("""_ true false null this args input matches error pscmdlet psscriptroot psversiontable whatifpreference erroractionpreference
            lastexitcode pid env script""".split())
        for files in (("Protocol.ps1", "Junction.psm1"), tuple(PROVE)):
            tops, units = zip(*(self.sources[name].units() for name in files))
            at_top = set().union(*(Source(top).variables()[0] for top in tops))
            for top in tops:
                self.assertEqual(sorted(Source(top).variables()[1] - at_top - given), [])
            for unit in itertools.chain(*units):
                made, used = Source(unit).variables()
                self.assertEqual(sorted(used - made - at_top - given), [], unit.splitlines()[0])

    def test_exports(self):
        exported = re.findall(r"'([\w-]+)'", re.search(r"FunctionsToExport\s*=\s*@\((.*?)\)", MANIFEST)[1])
        self.assertEqual(exported, re.findall(r"'([\w-]+)'", re.search(r"Export-ModuleMember -Function (.*)", PUBLIC)[1]))
        self.assertEqual(sorted(exported), sorted(Source(PUBLIC).functions()))
        self.assertEqual(sorted(exported), sorted(REQUESTS))
        with open(os.path.join(SOURCE, "CMakeLists.txt"), encoding="utf-8") as file:
            version = re.search(r"project\(junction VERSION ([\d.]+)", file.read())[1]
        self.assertEqual(re.search(r"ModuleVersion\s*=\s*'(.*?)'", MANIFEST)[1], version)
        named = {re.search(r"RootModule\s*=\s*'(.*?)'", MANIFEST)[1], re.search(r"FormatsToProcess\s*=\s*@\('(.*?)'\)", MANIFEST)[1],
                 re.search(r"^\. \(Join-Path \$PSScriptRoot '(.*?)'\)$", PUBLIC, re.MULTILINE)[1], "Junction.psd1"}
        self.assertEqual(named, set(os.listdir(MODULE)))

    def test_help(self):
        for name, body in Source(PUBLIC).functions().items():
            with self.subTest(name):
                help_text = re.search(r"<#(.*?)#>", body, re.DOTALL)[1]
                for section in (".SYNOPSIS", ".DESCRIPTION", ".EXAMPLE", ".OUTPUTS"):
                    self.assertRegex(help_text, re.escape(section) + r"\n +\S")
                self.assertEqual(re.findall(r"\.PARAMETER (\w+)\n +\S", help_text), parameters(body))
        script = PROVE["prove.ps1"]
        self.assertEqual(re.findall(r"^\.PARAMETER (\w+)\n\S", script, re.MULTILINE), parameters(script))

    def test_parameters_and_requests_agree(self):
        for name, body in Source(PUBLIC).functions().items():
            with self.subTest(name):
                shape = REQUESTS[name]
                asked = set(shape["names"]) | set(shape["switches"]) | set(shape["lists"])
                if "WhatIf" in asked:
                    self.assertIn("SupportsShouldProcess", body)
                    self.assertIn("[bool]$WhatIfPreference", body)
                self.assertEqual(asked - {"WhatIf"}, set(parameters(body)) - {"PassThru"})
                for argument in asked:  # in the hash table that New-Request gets
                    self.assertRegex(body, r"(?:[{;\n]\s*|\$arguments\.)%s\s*= " % argument)
                for switch in set(shape["switches"]) - {"WhatIf"}:
                    self.assertIn("%s.IsPresent" % switch, body)

    def test_requests_are_of_the_contract(self):
        methods = {method["name"]: {param["name"]: param for param in method["params"]} for method in contract()["methods"]}
        for name, shape in REQUESTS.items():
            params = methods[shape["method"]]
            for member in shape["names"].values():
                self.assertIn(member, params)
                self.assertIn(member + "Utf16", params)
            for member in shape["switches"].values():
                self.assertEqual(params[member]["schema"]["type"], "boolean", name)
            for member in shape["lists"].values():
                self.assertEqual(params[member]["schema"]["type"], "array", name)
        types = re.search(r"ValidateSet\((.*?)IgnoreCase", PUBLIC, re.DOTALL)[1]
        self.assertEqual(re.findall(r"'(\w+)'", types), contract()["components"]["schemas"]["TypeName"]["enum"])

    def test_members_read_are_of_the_contract(self):
        """Get-Text and Get-Value, by what the variable holds."""
        schemas = contract()["components"]["schemas"]
        error = schemas["Error"]["properties"]
        notes = {**schemas["EntriesParams"]["properties"], **schemas["ProgressParams"]["properties"]}
        result = {**schemas["CreateResult"]["properties"], **schemas["DeleteResult"]["properties"]}
        holds = {"$Entry": schemas["Entry"]["properties"], "$Result": result, "$message": dict.fromkeys(("method", "params", "result", "error")),
                 "$ErrorObject": error, "$data": error["data"]["properties"], "$params": notes, "$message.Progress": notes,
                 "$message.Result": schemas["ListResult"]["properties"],
                 "(Get-Value $data 'os')": error["data"]["properties"]["os"]["properties"]}
        read_of = {}
        for kind, variable, name in re.findall(r"(Get-Text|Get-Value) (\([^()]*\)|\$[\w.]+) '(\w+)'", PROTOCOL + PUBLIC):
            members = {key.lower(): value for key, value in holds.items()}[variable.lower()]
            self.assertIn(name, members, variable)
            schema = members[name] or {}
            if kind == "Get-Text" and schema:
                self.assertEqual(schema.get("type", "string"), "string", name)
            read_of.setdefault(variable.lower(), set()).add(name)
        # An entry is passed on whole, and so are changes: what is new in the contract is missed here.
        self.assertEqual(read_of["$entry"], {name for name in schemas["Entry"]["properties"] if not name.endswith("Utf16")})
        self.assertEqual(read_of["$result"], {name for name in result if not name.endswith("Utf16")} - {"dryRun"})

    def test_every_error_has_a_category(self):
        rows = re.findall(r"^        '(.*?)' \{ '(\w+)'; break \}$", PROTOCOL, re.MULTILINE)
        self.assertGreater(len(rows), 8)
        self.assertLessEqual({category for _, category in rows}, CATEGORIES)

        def category(name):
            return next((category for regex, category in rows if re.search(regex, name, re.IGNORECASE)), "NotSpecified")
        for name, wanted in (("ACCESS_DENIED", "PermissionDenied"), ("NOT_FOUND", "ObjectNotFound"), ("PARENT_NOT_FOUND", "ObjectNotFound"),
                             ("ALREADY_EXISTS", "ResourceExists"), ("NOT_A_JUNCTION", "InvalidType"), ("INVALID_TARGET", "InvalidArgument"),
                             ("UNTRUSTED_SERVICE", "SecurityError"), ("TIMED_OUT", "OperationTimeout"), ("NO_SERVICE", "ResourceUnavailable"),
                             ("UNSUPPORTED_FILE_SYSTEM", "NotImplemented"), ("TARGET_CHANGED", "InvalidOperation")):
            self.assertEqual(category(name), wanted, name)
        inside = {"PARSE_ERROR", "METHOD_NOT_FOUND", "INTERNAL_ERROR", "IO_ERROR", "NTFS3_DRIVER"}
        for name in contract()["components"]["errors"]:
            self.assertTrue(category(name) != "NotSpecified" or name in inside, name)

    def test_views_show_what_objects_have(self):
        view = xml.etree.ElementTree.parse(os.path.join(MODULE, "Junction.Format.ps1xml"))
        seen = 0
        for node in view.iter("View"):
            name = node.find("ViewSelectedBy/TypeName").text
            body = re.search(r"PSTypeName\s+= '%s'\n(.*?)\n    \}" % re.escape(name), PROTOCOL, re.DOTALL)[1]
            properties = re.findall(r"^        (\w+) +=", body, re.MULTILINE)
            shown = [item.text for item in node.iter("PropertyName")]
            self.assertEqual(len(shown), len(list(node.iter("TableColumnHeader"))))
            self.assertLessEqual(set(shown), set(properties))
            seen += 1
        self.assertEqual(seen, 2)

    def test_the_mark_before_strings(self):
        """No string is taken for a date, and none is changed by keeping it from that."""
        for value in ("", "2026-01-02T03:04:05Z", "a\"b\\", "\\\\", ":", "\": \"", "{\"a\":\"b\"}", "\u0001\n\u2028\U0001f600", "=", "C:\\"):
            for separators in ((",", ":"), (", ", " : ")):
                for whole in ({"x": value, value + "k": [value, 1, None, True, {"y": value}]}, {"xUtf16": value.encode("utf-16le").hex()}):
                    line = json.dumps(whole, separators=separators)

                    def visit(node):
                        if isinstance(node, dict):
                            return {"=" + key: visit(child) for key, child in node.items()}
                        if isinstance(node, list):
                            return [visit(child) for child in node]
                        return "=" + node if isinstance(node, str) else node
                    self.assertEqual(marked(line), visit(whole), line)

    def test_what_is_no_unicode_is_sent_in_hex(self):
        for value, hexed in (("C:\\a", False), ("C:\\\U0001f600", False), ("\ud800", True), ("a\udc00", True), ("\ud800\ud800\udc00", True),
                             ("\udc00\ud800", True), ("a\0b", True), ("\U0001f600\U0001f601", False)):
            method, params = build("Get-Junction", {"Path": value})
            self.assertEqual((method, list(params)), ("reparse.show", ["pathUtf16" if hexed else "path"]), ascii(value))


class Around(unittest.TestCase):
    """prove.ps1 with its table, the workflow, and what is written for remote use."""

    def checks(self):
        parts = re.search(r"foreach \(\$part in (.*?)\) \{\n    \. \(Join-Path \$PSScriptRoot \"prove\\\$part\.ps1\"\)", PROVE["prove.ps1"])[1]
        files = ["%s.ps1" % part for part in re.findall(r"'(\w+)'", parts)]
        self.assertEqual(sorted(files), sorted(set(PROVE) - {"prove.ps1"}))
        return [name for file in files for name in re.findall(r"^Prove '([a-z0-9-]+)' '", PROVE[file], re.MULTILINE)]

    def test_the_table_and_the_checks_agree(self):
        checks = self.checks()
        self.assertGreater(len(checks), 40)
        self.assertEqual(len(set(checks)), len(checks))
        with open(os.path.join(WINDOWS, "README.md"), encoding="utf-8") as file:
            rows = [line.split("|") for line in file if line.startswith("| ") and not line.startswith("| Promise ")]
        listed = []
        for row in rows:
            self.assertEqual(len(row), 5, row)
            found = re.findall(r"`([a-z0-9-]+)`", row[3])
            self.assertTrue(found or "no check" in row[3], row)
            listed += found
        self.assertEqual(sorted(listed), sorted(checks))

    def test_each_check_can_fail(self):
        for name, source in PROVE.items():
            for check, body in re.findall(r"^Prove '([a-z0-9-]+)' .*? \{\n(.*?)^\}$", source, re.MULTILINE | re.DOTALL):
                self.assertRegex(body, r"\b(Assert|Assert-Refused|Get-JunctionJson|Wait-Until|Test-Module)\b", "%s in %s" % (check, name))

    def test_exit_codes_and_names_are_those_of_the_client(self):
        table = {name: row["x-exitCode"] for name, row in contract()["components"]["errors"].items()}
        seen = 0
        for source in PROVE.values():
            for code, name in re.findall(r"Assert-Refused (\d+) '([A-Z_0-9]+)'", source):
                self.assertEqual(int(code), table[name], name)
                seen += 1
        self.assertGreater(seen, 20)

    def test_the_workflow(self):
        import yaml
        with open(os.path.join(SOURCE, ".github", "workflows", "windows.yml"), encoding="utf-8") as file:
            workflow = yaml.safe_load(file)
        with open(os.path.join(SOURCE, "CMakePresets.json"), encoding="utf-8") as file:
            presets = json.load(file)
        with open(os.path.join(SOURCE, "tests", "run.sh"), encoding="utf-8") as file:
            stages = re.search(r"^all=\((.*)\)$", file.read(), re.MULTILINE)[1].split()
        self.assertEqual(set(workflow[True]), {"push", "pull_request", "workflow_dispatch"})  # YAML takes `on` for true
        self.assertEqual(workflow["permissions"], {"contents": "read"})
        runs = []
        for name, job in workflow["jobs"].items():
            self.assertLessEqual(job["timeout-minutes"], 60, name)
            for needed in [job["needs"]] if "needs" in job else []:
                self.assertIn(needed, workflow["jobs"])
            for step in job["steps"]:
                self.assertEqual(("uses" in step) + ("run" in step), 1, step)
                if "uses" in step:
                    self.assertRegex(step["uses"], r"^actions/[a-z-]+@v\d+$")
                else:
                    runs.append(step["run"])
        told = "\n".join(runs)
        for kind, command in (("configurePresets", "cmake"), ("buildPresets", "cmake --build"), ("testPresets", "ctest")):
            used = re.findall(r"%s --preset (\w+)" % command, told)
            self.assertTrue(used, kind)
            self.assertLessEqual(set(used), {preset["name"] for preset in presets[kind]}, kind)
        self.assertLessEqual(set(re.search(r"tests/run\.sh ([a-z ]+)", told)[1].split()), set(stages))
        calls = re.findall(r"prove\.ps1 (.*)", told)
        self.assertEqual(len(calls), 3)
        for call in calls:
            self.assertLessEqual(set(re.findall(r"(?<= )-([A-Z]\w+)", " " + call)), set(parameters(PROVE["prove.ps1"])))

    def test_remote_examples_in_a_posix_shell(self):
        """Each line of remote.md that says what the far side gets is run by sh, with a stand-in for ssh that says what it got."""
        import subprocess
        import tempfile
        with open(os.path.join(SOURCE, "deploy", "windows", "remote.md"), encoding="utf-8") as file:
            blocks = re.findall(r"^```sh\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
        proven = 0
        with tempfile.TemporaryDirectory() as place:
            with open(os.path.join(place, "ssh"), "w", encoding="utf-8") as file:
                # As ssh does: options and the host go, the rest is joined by spaces and is what the far side's shell gets.
                file.write('#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; [ "$1" != "${1#*=}" ] && shift; done\nshift\nprintf "far: %s\\n" "$*"\nexit 5\n')
            os.chmod(os.path.join(place, "ssh"), 0o755)
            for block in blocks:
                wanted = re.findall(r"^# far: (.*)$", block, re.MULTILINE)
                done = subprocess.run(["sh", "-c", block], capture_output=True, text=True, check=False, timeout=60,
                                      env={"PATH": place + ":" + os.environ["PATH"]})
                self.assertEqual([line[5:] for line in done.stdout.splitlines() if line.startswith("far: ")], wanted, block + done.stderr)
                status = re.findall(r"^# prints: (.*)$", block, re.MULTILINE)
                self.assertEqual([line for line in done.stdout.splitlines() if not line.startswith("far: ")], status, block)
                proven += len(wanted)
        self.assertGreaterEqual(proven, 5)


class Replay(Case):
    """The module's requests against the real service."""

    @classmethod
    def setUpClass(cls):
        cls.share_volume_and_service()

    def setUp(self):
        self.home = self.volume.mkdir(self.id().rsplit(".", 1)[1], owner=ALICE)

    def send(self, command, **arguments):
        """As the module does it: a connection of its own, one line, and the lines that come back; (entries, result) or the error."""
        method, params = build(command, arguments)
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, separators=(",", ":"), ensure_ascii=False)
        entries = []
        with self.service.connect(ALICE) as connection:
            connection.send_bytes(line.encode() + b"\n")
            while True:
                message = marked(connection.read_line().decode())
                if "=error" in message:
                    return entries, message["=error"]
                if "=result" in message:
                    return entries, message["=result"]
                if text(message, "method") == "reparse.entries":
                    entries += message["=params"]["=entries"]

    def done(self, command, **arguments):
        entries, result = self.send(command, **arguments)
        self.assertNotIn("=code", result, result)
        return entries, result

    def failed(self, name, command, **arguments):
        _, error = self.send(command, **arguments)
        self.assertEqual(text(error["=data"], "name"), name, error)
        self.assertTrue(text(error, "message"))
        self.assertIsInstance(error["=code"], int)

    def combinations(self, command):
        names = sorted(REQUESTS[command]["switches"])
        return (dict.fromkeys(chosen, True) for count in range(len(names) + 1) for chosen in itertools.combinations(names, count))

    def test_every_shape_of_new(self):
        for number, switches in enumerate(self.combinations("New-Junction")):
            for expect in (None, "C:\\old"):
                link = os.path.join(self.home, "%d%s" % (number, "e" if expect else ""))
                arguments = {"Path": link, "Target": "C:\\nowhere", "Expect": expect, **switches}
                with self.subTest(arguments):
                    if switches.get("MustExist"):
                        self.failed("TARGET_NOT_FOUND", "New-Junction", **arguments)
                        self.assertFalse(os.path.lexists(link))
                        continue
                    if switches.get("Replace") and expect:
                        self.failed("TARGET_CHANGED", "New-Junction", **arguments)
                        plant(link, junction_buffer("C:\\old"))
                        os.chown(link, ALICE, ALICE, follow_symlinks=False)
                    _, result = self.done("New-Junction", **arguments)
                    replaced = bool(switches.get("Replace") and expect)
                    self.assertEqual((text(result, "link"), text(result, "outcome")), (link, "replaced" if replaced else "created"))
                    self.assertEqual(text(result, "previousTarget"), expect if replaced else None)
                    self.assertEqual(text(result, "substituteName"), "\\??\\C:\\nowhere")
                    if switches.get("WhatIf"):
                        self.assertIs(result["=dryRun"], True)
                        self.assertEqual(os.path.lexists(link), replaced)
                        if replaced:
                            self.assert_junction(link, expect)
                    else:
                        self.assert_junction(link, "C:\\nowhere")
        deep = os.path.join(self.home, "a", "b", "link")
        self.failed("PARENT_NOT_FOUND", "New-Junction", Path=deep, Target="C:\\x")
        self.done("New-Junction", Path=deep, Target="C:\\x", Parents=True)
        self.assert_junction(deep, "C:\\x")
        self.failed("ALREADY_EXISTS", "New-Junction", Path=deep, Target="C:\\y")
        self.failed("INVALID_TARGET", "New-Junction", Path=deep, Target="\\\\server\\share")

    def test_every_shape_of_remove(self):
        for number, switches in enumerate(self.combinations("Remove-Junction")):
            for expect in (None, "C:\\old"):
                link = os.path.join(self.home, "%d%s" % (number, "e" if expect else ""))
                self.done("New-Junction", Path=link, Target="C:\\old")
                with self.subTest(link=link, expect=expect, **switches):
                    self.failed("TARGET_CHANGED", "Remove-Junction", Path=link, **{**switches, "Expect": "C:\\other"})
                    _, result = self.done("Remove-Junction", Path=link, Expect=expect, **switches)
                    self.assertEqual(text(result, "outcome"), "cleared" if switches.get("KeepDirectory") else "deleted")
                    self.assertEqual((text(result, "link"), text(result, "target")), (link, "C:\\old"))
                    if switches.get("WhatIf"):
                        self.assert_junction(link, "C:\\old")
                    elif switches.get("KeepDirectory"):
                        self.assert_plain_directory(link)
                    else:
                        self.assertFalse(os.path.lexists(link))
        self.failed("NOT_A_JUNCTION", "Remove-Junction", Path=self.home)
        self.failed("NOT_FOUND", "Remove-Junction", Path=os.path.join(self.home, "nothing"))

    def test_every_shape_of_get_and_find(self):
        inner = os.path.join(self.home, "inner")
        os.mkdir(inner)
        os.chown(inner, ALICE, ALICE)
        links = [os.path.join(self.home, "one"), os.path.join(inner, "two")]
        for link in links:
            self.done("New-Junction", Path=link, Target="C:\\nowhere")
        for switches in self.combinations("Get-Junction"):
            _, entry = self.done("Get-Junction", Path=links[0], **switches)
            self.assertEqual((text(entry, "path"), text(entry, "type"), text(entry, "kind")), (links[0], "junction", "directory"))
            self.assertEqual(text(entry, "state") is not None, bool(switches.get("Check")))
            # As [datetime]::TryParse takes it.
            self.assertRegex(text(entry, "created"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$")
        self.failed("NOT_A_REPARSE_POINT", "Get-Junction", Path=inner)
        for switches in self.combinations("Find-Junction"):
            for types in (None, ["junction"], ["symlink", "mountPoint"]):
                entries, result = self.done("Find-Junction", Path=self.home, Type=types, **switches)
                found = {text(entry, "path") for entry in entries if "=error" not in entry}
                if types and "junction" not in types:
                    self.assertEqual(found, set())
                elif switches.get("Volume"):
                    self.assertLessEqual(set(links), found)
                else:
                    self.assertEqual(found, set(links if switches.get("Recurse") else links[:1]))
                self.assertEqual(len(found), result["=count"])
                for member in ("directories", "skipped", "elapsedMs"):
                    self.assertIsInstance(result["=" + member], int)
                self.assertIs(result["=truncated"], False)
                self.assertEqual(text(result, "source"), "walk")
        self.failed("NOT_FOUND", "Find-Junction", Path=os.path.join(self.home, "nothing"))

    def test_a_place_that_cannot_be_read(self):
        closed = os.path.join(self.home, "closed")
        os.mkdir(closed, 0o700)
        entries, result = self.done("Find-Junction", Path=self.home, Recurse=True)
        self.assertEqual(result["=skipped"], 1)
        self.assertEqual([(text(entry, "path"), text(entry["=error"]["=data"], "name")) for entry in entries], [(closed, "ACCESS_DENIED")])

    def test_names_that_are_no_unicode(self):
        """What Find-Junction finds goes through the pipeline as a .NET string, and comes back as the same name."""
        for name in ("half\ud800", "2026-01-02T03:04:05Z", "quote\" back", "\U0001f600", "a'b"):
            path = os.path.join(self.home, name)
            place = os.path.join(os.fsencode(self.home), on_disk(name))
            plant(place, junction_buffer("C:\\t\udc00"))
            os.chown(place, ALICE, ALICE, follow_symlinks=False)
            entries, _ = self.done("Find-Junction", Path=self.home)
            self.assertEqual([(text(entry, "path"), text(entry, "target")) for entry in entries], [(path, "C:\\t\udc00")])
            _, entry = self.done("Get-Junction", Path=text(entries[0], "path"))
            self.assertEqual(text(entry, "printName"), "C:\\t\udc00")
            self.failed("TARGET_CHANGED", "Remove-Junction", Path=path, Expect="C:\\t\ud800")
            self.done("Remove-Junction", Path=path, Expect=text(entry, "target"))
            self.assertEqual(os.listdir(self.home), [])
