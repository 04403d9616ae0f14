"""What a test can know of PowerShell source without a PowerShell: its tokens, and what follows from them."""

import re

# What the sources use of PowerShell itself; a function that is neither here nor defined is a misspelt one.
CMDLETS = set("""
    Add-Type Compare-Object ConvertFrom-Json ConvertTo-Json ConvertTo-SecureString Copy-Item Export-ModuleMember ForEach-Object Get-Acl
    Get-ChildItem Get-CimInstance Get-Command Get-Content Get-Date Get-Item Get-ItemProperty Get-Module Get-ProcessMitigation Get-Service
    Get-WinEvent Import-Csv Import-Module Invoke-Command Join-Path Measure-Object New-Item New-PSSession Out-Null Remove-CimInstance Remove-Item
    Remove-PSSession Rename-Item Resolve-Path Select-Object Set-Content Set-Location Set-StrictMode Sort-Object Split-Path Start-Service
    Start-Sleep Stop-Service Test-Path Test-WSMan Where-Object Write-Error Write-Host Write-Progress Write-Verbose
    Write-Warning""".split())

CLOSES = {"(": ")", "{": "}", "[": "]"}


class Malformed(Exception):
    pass


class Source:
    """One file: `.code` is the text with strings and comments blanked, `.comments`, `.strings` and `.expanded` what they held.

    Knows 'single' and "double" strings (with $( ) inside), here-strings, the backtick, # and <# #>. Raises Malformed when something is not closed."""

    def __init__(self, text):
        self.text = text
        self.code = []
        self.comments = []
        self.strings = []
        self.expanded = []  # those strings in which $name is replaced
        self.at = 0
        self.run(None)
        self.code = "".join(self.code)

    @classmethod
    def some(cls, text):
        """The code of a text that begins well and perhaps goes on beyond what encloses it."""
        source = cls.__new__(cls)
        source.text, source.code, source.comments, source.strings, source.expanded, source.at = text, [], [], [], [], 0
        try:
            source.run(None)
        except Malformed:
            pass
        return "".join(source.code)

    def line(self, at=None):
        return self.text.count("\n", 0, self.at if at is None else at) + 1

    def fail(self, what, at):
        raise Malformed("line %d: %s" % (self.line(at), what))

    def blank(self, end):
        """Lines stay where they are."""
        self.code.append(re.sub(r"[^\n]", " ", self.text[self.at:end]))
        self.at = end

    def find(self, what, begin, opened, name):
        end = self.text.find(what, begin)
        if end < 0:
            self.fail(name + " is not closed", opened)
        return end

    def run(self, until):
        """Up to the bracket that closes what is open, or to the end."""
        text, opened = self.text, self.at
        while self.at < len(text):
            c = text[self.at]
            if text.startswith("<#", self.at):
                end = self.find("#>", self.at + 2, self.at, "a comment")
                self.comments.append(text[self.at + 2:end])
                self.blank(end + 2)
            elif c == "#" and (self.at == 0 or text[self.at - 1] in " \t\n;({"):
                end = text.find("\n", self.at)
                end = len(text) if end < 0 else end
                self.comments.append(text[self.at + 1:end])
                self.blank(end)
            elif text.startswith("@'\n", self.at) or text.startswith('@"\n', self.at):
                end = self.find("\n" + text[self.at + 1] + "@", self.at + 2, self.at, "a here-string")
                (self.expanded if text[self.at + 1] == '"' else self.strings).append(text[self.at + 3:end])
                self.blank(end + 3)
            elif c == "'":
                self.single()
            elif c == '"':
                self.double()
            elif c == "`":
                self.blank(self.at + 2)
            elif c in CLOSES:
                self.code.append(c)
                self.at += 1
                self.run(CLOSES[c])
            elif c in CLOSES.values():
                if c != until:
                    self.fail("%s where %s was expected" % (c, until or "the end"), self.at)
                self.code.append(c)
                self.at += 1
                return
            else:
                self.code.append(c)
                self.at += 1
        if until:
            self.fail("no %s" % until, opened)

    def single(self):
        begin = at = self.at
        while True:
            at = self.find("'", at + 1, begin, "a string")
            if not self.text.startswith("''", at):
                break
            at += 1
        self.strings.append(self.text[begin + 1:at].replace("''", "'"))
        self.blank(at + 1)

    def double(self):
        begin = self.at
        self.blank(begin + 1)
        while True:
            if self.at >= len(self.text):
                self.fail("a string is not closed", begin)
            if self.text.startswith('""', self.at) or self.text[self.at] == "`":
                self.blank(self.at + 2)
            elif self.text[self.at] == '"':
                self.expanded.append(self.text[begin + 1:self.at])
                self.blank(self.at + 1)
                return
            elif self.text.startswith("$(", self.at):
                self.code.append(" (")
                self.at += 2
                self.run(")")
            else:
                self.blank(self.at + 1)

    # ---- what is in it ----

    def calls(self):
        """{Verb-Noun: first line}; members and the names of definitions are none."""
        found = {}
        for match in re.finditer(r"(?<![\w.$:-])([A-Z][a-z]+-[A-Z]\w+)", self.code):
            if not re.search(r"function\s+$", self.code[:match.start()]):
                found.setdefault(match[1], self.line(match.start()))
        return found

    def functions(self):
        """{name: body text}, the body as it is in the file."""
        found = {}
        for match in re.finditer(r"^function ([\w-]+) \{\n(.*?)^\}$", self.text, re.MULTILINE | re.DOTALL):
            found[match[1]] = match[2]
        return found


    def units(self):
        """The text at the top, and that of each function or check."""
        inner = re.compile(r"^(?:function|Prove) (?:.*\}$|.*\{\n(?:.*\n)*?\}$)", re.MULTILINE)
        return inner.sub("", self.text), inner.findall(self.text)

    def variables(self):
        """({made}, {used}), in lower case; not those of the environment."""
        code = self.code
        made = set(re.findall(r"\$(?:script:)?(\w+)\s*(?:[+]?=(?!=)|\+\+|\sin\b)", code))
        made |= set(re.findall(r"\[ref\]\$(\w+)", code))
        for begin in re.finditer(r"\bparam\(", code):
            made |= set(parameters(self.text[begin.start():]))
        used = set(re.findall(r"\$(?:script:)?(\w+)(?!\w*:)", code))
        for string in self.expanded:
            used |= set(re.findall(r"(?<!`)\$\{?(?:script:)?(\w+)(?![\w:])", string))
        return {name.lower() for name in made}, {name.lower() for name in used}


def parameters(body):
    """The names of the parameters of a function."""
    begin = body.find("param(")
    code = body if begin < 0 else Source.some(body[begin:])
    begin = code.find("param(")
    if begin < 0:
        return []
    depth, at = 0, begin + 5
    for at in range(begin + 5, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            break
    block = code[begin + 6:at]
    names, depth = [], 0
    for match in re.finditer(r"[(\[{]|[)\]}]|\$(\w+)", block):
        if match[1] is None:
            depth += 1 if match[0] in CLOSES else -1
        elif depth == 0:
            names.append(match[1])
    return names
