#!/usr/bin/env python3
"""Writes upcase_table.h: upper case as NTFS volumes have it in their $UpCase file.

    upcase.py > upcase_table.h
    upcase.py --compare FILE      FILE: 65536 little-endian units (ntfscat -i 10 IMAGE)

Source: Unicode's simple upper-case mappings as Python knows them, and what was found by comparing them
with the table of a volume:
  - one 16-bit unit maps to one 16-bit unit, each surrogate to itself;
  - only pairs that lead back: where the capital's small letter is another one (dotless i, long s, final
    sigma, micro sign, the title-case digraphs ...), the unit stays as it is;
  - the table is that of Unicode 5.1: letters encoded later, small or capital, have no mapping.
"""
import struct
import sys

# Cased letters of the BMP that came after Unicode 5.1, by the places they were put in.
LATER = [
    (0x037F, 0x037F),  # capital yot
    (0x0524, 0x052F),  # Cyrillic supplement
    (0x10C7, 0x10CD),  # Georgian capitals yn and aen
    (0x13F0, 0x13FD),  # Cherokee
    (0x1C80, 0x1CBF),  # Cyrillic extended C, Georgian Mtavruli
    (0x2C2F, 0x2C2F),  # Glagolitic caudate chrivi
    (0x2C5F, 0x2C5F),
    (0x2C70, 0x2C70),  # Latin turned alpha
    (0x2C7E, 0x2C7F),  # Latin with swash tail
    (0x2CEB, 0x2CF3),  # Coptic
    (0x2D27, 0x2D2D),  # Georgian small yn and aen
    (0xA660, 0xA661),  # Cyrillic reversed tse
    (0xA698, 0xA69F),  # Cyrillic extended B
    (0xA78D, 0xA7FF),  # Latin extended D
    (0xAB30, 0xABBF),  # Latin extended E, small Cherokee
]


def later(unit):
    return any(first <= unit <= last for first, last in LATER)


def simple_upper(unit):
    """The simple mapping; str.upper() gives the full one, which is longer where Greek has an iota below."""
    for full in (chr(unit).upper(), chr(unit).title()):
        if len(full) == 1 and ord(full) <= 0xFFFF:
            return ord(full)
    return unit


def upcase(unit):
    if 0xD800 <= unit <= 0xDFFF:
        return unit
    upper = simple_upper(unit)
    if chr(upper).lower() != chr(unit) or later(unit) or later(upper):
        return unit
    return upper


def ranges():
    """(first, last, step, delta): every step-th unit from first to last maps to itself + delta."""
    out = []
    for unit in range(0x10000):
        delta = upcase(unit) - unit
        if delta == 0:
            continue
        if out:
            first, last, step, known = out[-1]
            gap = unit - last
            if known == delta and gap <= 2 and (first == last or gap == step):
                out[-1] = (first, unit, gap, delta)
                continue
        out.append((unit, unit, 1, delta))
    return out


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--compare":
        with open(sys.argv[2], "rb") as file:
            volume = struct.unpack("<65536H", file.read(131072))
        differences = [unit for unit in range(0x10000) if volume[unit] != upcase(unit)]
        for unit in differences:
            print(f"{unit:04X}: volume {volume[unit]:04X}, here {upcase(unit):04X}")
        sys.exit(1 if differences else 0)
    print("/* Made by upcase.py; not to be edited. Sorted, without overlaps. */")
    print("/* clang-format off */")
    for first, last, step, delta in ranges():
        print(f"{{0x{first:04X}, 0x{last:04X}, {step}, {delta}}},")
    print("/* clang-format on */")


main()
