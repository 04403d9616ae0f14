#!/usr/bin/python3
"""Counts single tests in the output of `ctest -V`: tests/count_ctest.py LOG

ctest knows programs only; most of ours are cmocka groups of many tests. Prints `N passed, N failed, N skipped`."""

import re
import sys


def main():
    programs = {}  # number -> [passed, failed, skipped]
    ended = {}     # number -> ended well
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in log:
            end = re.match(r"\s*\d+/\d+ Test\s+#(\d+): \S+ [.]*\s*(.*)", line)
            if end:
                ended[end.group(1)] = end.group(2)
                continue
            said = re.match(r"(\d+): (.*)", line)
            if not said:
                continue
            counts = programs.setdefault(said.group(1), [0, 0, 0])
            text = said.group(2)
            if text.startswith("[       OK ]"):
                counts[0] += 1
            elif match := re.match(r"\[  FAILED  \] (\d+) test\(s\), listed below", text):
                counts[1] += int(match.group(1))
            elif match := re.match(r"\[  SKIPPED \] (\d+) test\(s\), listed below", text):
                counts[2] += int(match.group(1))
    passed = failed = skipped = 0
    for number, end in ended.items():
        counts = programs.get(number, [0, 0, 0])
        if "Skipped" in end or "Not Run (Disabled)" in end:
            skipped += 1
            continue
        if not end.startswith("Passed"):
            counts[1] = max(counts[1], 1)  # a crash or a timeout names no test
        elif counts == [0, 0, 0]:
            counts[0] = 1
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))


main()
