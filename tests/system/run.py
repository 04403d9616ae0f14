#!/usr/bin/python3
"""Runs the system tests against one build: tests/system/run.py [--build build/native] [test_name ...].

The last line is `N passed, N failed, N skipped`."""

import argparse
import importlib
import os
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/native")
    parser.add_argument("names", nargs="*", help="modules, or module.Class.method")
    options = parser.parse_args()

    os.environ["JUNCTION_BUILD"] = options.build
    traffic = tempfile.NamedTemporaryFile(prefix="junction-traffic-", suffix=".jsonl", delete=False)
    traffic.close()
    os.environ["JUNCTION_TRAFFIC"] = traffic.name
    sys.path.insert(0, HERE)

    # The contract last: it judges what the others have recorded.
    names = options.names or sorted(
        (name[:-3] for name in os.listdir(HERE) if name.startswith("test_") and name.endswith(".py")),
        key=lambda name: (name == "test_contract", name))
    suite = unittest.TestSuite()
    for name in names:
        importlib.import_module(name.split(".")[0])
        suite.addTest(unittest.defaultTestLoader.loadTestsFromName(name))
    begun = time.monotonic()
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, buffer=False).run(suite)
    os.unlink(traffic.name)
    # Several subtests of one test may fail: that is one failed test.
    failed = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors})
    failed += len(result.unexpectedSuccesses)
    # A class that is skipped as a whole, or fails to set up, is no test that was run.
    skipped = len(result.skipped)
    run = [test for test, _ in result.skipped if isinstance(test, unittest.TestCase)]
    ended = {getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors
             if isinstance(getattr(test, "test_case", test), unittest.TestCase)}
    print("%.1f s" % (time.monotonic() - begun))
    print("%d passed, %d failed, %d skipped" % (
        result.testsRun - len(run) - len(ended) - len(result.unexpectedSuccesses), failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
