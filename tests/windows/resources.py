#!/usr/bin/env python3
"""What a Windows program carries besides its code, read from the file itself: version, manifest, messages.

    resources.py PROGRAM.exe VERSION [MESSAGES.h]

MESSAGES.h: the X table of event.h; the program must hold exactly those, and each text must insert no more than the program gives.
Prints what is wrong, and exits 1; or one line of what was found.
"""
import re
import struct
import sys
import xml.etree.ElementTree as ElementTree

ASM1 = "{urn:schemas-microsoft-com:asm.v1}"
ASM3 = "{urn:schemas-microsoft-com:asm.v3}"
COMPATIBILITY = "{urn:schemas-microsoft-com:compatibility.v1}"
WS2016 = "{http://schemas.microsoft.com/SMI/2016/WindowsSettings}"
VERSION, MESSAGES, MANIFEST = 16, 11, 24
SEVERITIES = {"LOG_INFO": 0x40000000, "LOG_WARNING": 0x80000000, "LOG_ERROR": 0xC0000000}


def resources(image):
    """{type: [bytes]} of a PE file (PE/COFF specification, "The .rsrc Section")."""
    pe = struct.unpack_from("<I", image, 0x3C)[0]
    assert image[pe:pe + 4] == b"PE\0\0"
    sections, = struct.unpack_from("<H", image, pe + 6)
    optional_size, = struct.unpack_from("<H", image, pe + 20)
    assert struct.unpack_from("<H", image, pe + 24)[0] == 0x20B, "a 64-bit program"
    directory, _ = struct.unpack_from("<II", image, pe + 24 + 112 + 2 * 8)

    def offset(address):
        for i in range(sections):
            at = pe + 24 + optional_size + 40 * i
            size, virtual, raw_size, raw = struct.unpack_from("<IIII", image, at + 8)
            if virtual <= address < virtual + max(size, raw_size):
                return address - virtual + raw
        raise ValueError("an address outside of all sections")

    base = offset(directory)

    def walk(at, depth, kind, found):
        named, numbered = struct.unpack_from("<HH", image, base + at + 12)
        for i in range(named + numbered):
            name, child = struct.unpack_from("<II", image, base + at + 16 + 8 * i)
            if child & 0x80000000:
                walk(child & 0x7FFFFFFF, depth + 1, name if depth == 0 else kind, found)
            else:
                address, size = struct.unpack_from("<II", image, base + child)
                found.setdefault(kind, []).append(image[offset(address):offset(address) + size])
        return found

    return walk(0, 0, None, {})


def messages(data):
    """{identifier: text} of an RT_MESSAGETABLE (MESSAGE_RESOURCE_DATA)."""
    found = {}
    blocks, = struct.unpack_from("<I", data)
    for i in range(blocks):
        low, high, at = struct.unpack_from("<III", data, 4 + 12 * i)
        for identifier in range(low, high + 1):
            length, flags = struct.unpack_from("<HH", data, at)
            text = data[at + 4:at + length]
            found[identifier] = text.decode("utf-16-le" if flags & 1 else "ascii").rstrip("\0")
            at += length
    return found


def check(program, version, header, wrong):
    with open(program, "rb") as file:
        found = resources(file.read())

    numbers = [int(part) for part in version.split(".")] + [0]
    fixed = found.get(VERSION, [b""])[0]
    at = fixed.find(struct.pack("<I", 0xFEEF04BD))
    if at < 0:
        wrong.append("there is no version resource")
    else:
        high, low = struct.unpack_from("<II", fixed, at + 8)
        if [high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF] != numbers:
            wrong.append(f"the version is {high:#x} {low:#x}")
        text = fixed.decode("utf-16-le", "replace")
        for value in ("FileDescription", "ProductVersion", version, "MIT License", "ProductName"):
            if value not in text:
                wrong.append(f"the version resource has no {value}")

    if len(found.get(MANIFEST, [])) != 1:
        wrong.append(f"there are {len(found.get(MANIFEST, []))} manifests")
    else:
        root = ElementTree.fromstring(found[MANIFEST][0].decode("utf-8"))
        level = root.find(f"{ASM1}trustInfo/{ASM3}security/{ASM3}requestedPrivileges/{ASM3}requestedExecutionLevel")
        if level is None:
            level = root.find(f".//{ASM3}requestedExecutionLevel")
        if level is None or level.get("level") != "asInvoker" or level.get("uiAccess") != "false":
            wrong.append("the manifest does not say asInvoker")
        long_paths = root.find(f".//{WS2016}longPathAware")
        if long_paths is None or long_paths.text != "true":
            wrong.append("the manifest does not say longPathAware")
        if root.find(f".//{COMPATIBILITY}supportedOS") is None:
            wrong.append("the manifest names no system")
        if b"activeCodePage" in found[MANIFEST][0]:
            wrong.append("the manifest changes the code page, which classic output hangs on")

    if header is None:
        return "version and manifest"
    expected = {}
    with open(header, encoding="utf-8") as file:
        for row in re.finditer(r"X\((\w+), (\d+), (LOG_\w+)\)", file.read()):
            expected[SEVERITIES[row[3]] | int(row[2])] = row[1]
    texts = messages(found[MESSAGES][0]) if MESSAGES in found else {}
    if set(texts) != set(expected) or not expected:
        wrong.append(f"messages: {sorted(map(hex, texts))} instead of {sorted(map(hex, expected))}")
    for identifier, text in texts.items():
        inserts = sorted({int(number) for number in re.findall(r"%(\d)", text)})
        if not text.strip() or inserts != list(range(1, len(inserts) + 1)) or len(inserts) > 5:
            wrong.append(f"the text of {identifier & 0xFFFF} inserts {inserts}: {text!r}")
    return f"version, manifest and {len(texts)} messages"


def main():
    wrong = []
    said = check(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None, wrong)
    print("\n".join(wrong) if wrong else said)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
