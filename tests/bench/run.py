#!/usr/bin/python3
"""Prints the table of RESULTS.md: tests/bench/run.py [--build build/native] [--rounds N] [--entries N].

Needs what the system tests need (root, /dev/fuse, ntfs-3g). Everything is measured within one run on one mount; quote the medians and the ratios, the
absolute times belong to the machine."""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))


def memory(pid, key):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    raise RuntimeError(key)


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def operations(h, tool, volume, service, rounds):
    directory = volume.mkdir("bench")
    out = subprocess.run([tool, service.socket, directory, "300", str(rounds)], check=True,
                         capture_output=True, text=True).stdout
    times = {}
    for line in out.splitlines():
        row = json.loads(line)
        times[row["kind"], row["way"]] = row["us"]
    cycle = {}
    for way in ("bare", "single", "pipelined"):
        cycle[way] = [a + b for a, b in zip(times["create", way], times["delete", way])]
        times["create + delete", way] = cycle[way]
    rows = []
    for kind in ("create", "show", "delete", "create + delete"):
        bare = statistics.median(times[kind, "bare"])
        single = statistics.median(times[kind, "single"])
        pipelined = statistics.median(times[kind, "pipelined"])
        rate = statistics.median(b / p for b, p in zip(times[kind, "bare"], times[kind, "pipelined"]))
        rows.append([kind, "%.0f" % bare, "%.0f" % single, "+%.0f" % (single - bare),
                     "%.0f" % pipelined, "%.0f %%" % (100 * rate)])
    print("One operation, median µs of %d rounds of 300\n" % rounds)
    table(["", "bare system calls", "service, one at a time", "adds", "service, pipelined",
           "rate, pipelined : bare"], rows)


def processes(h, tool, volume, service, rounds):
    link = volume.path("bench-link")
    h.plant(link, h.junction_buffer("C:\\bench"))
    client = os.path.join(h.work_directory(), "junction")
    out = subprocess.run([tool, "spawn", str(rounds), client, "--pipe", service.socket, "show", link,
                          "--", shutil.which("readlink"), link], check=True, capture_output=True,
                         text=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    ours = [row["us"] for row in rows if row["which"] == 0]
    theirs = [row["us"] for row in rows if row["which"] == 1]
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print("Whole processes, median µs of %d pairs\n" % rounds)
    table(["`junction show`", "`readlink`", "ratio", "client's peak resident"],
          [["%.0f" % statistics.median(ours), "%.0f" % statistics.median(theirs), "%.2f" % ratio,
            "%d KiB" % max(row["residentKiB"] for row in rows if row["which"] == 0)]])


def lists(h, tool, volume, entries):
    per = 500
    begun = time.monotonic()
    buffer = h.junction_buffer("C:\\bench")
    for number in range(entries):
        if number % per == 0:
            directory = volume.mkdir("list-%d" % (number // per))
        path = os.path.join(directory, "l%d" % number)
        os.mkdir(path)
        os.setxattr(path, h.ATTRIBUTE, buffer)
    made = time.monotonic() - begun
    with h.Service() as service:
        idle = memory(service.process.pid, "VmRSS")
        # Through the small program: a child of Python would be charged with Python's memory.
        out = subprocess.run([tool, "spawn", "1", os.path.join(h.work_directory(), "junction"), "--pipe",
                              service.socket, "--format", "jsonl", "--quiet", "list", "-s", volume.root,
                              "--", shutil.which("find"), volume.root, "-type", "l"],
                             check=True, capture_output=True, text=True).stdout
        ours, find = (json.loads(line) for line in out.splitlines())
        peak = memory(service.process.pid, "VmHWM")
    print("Memory, and a walk over %d junctions (made in %.0f s)\n" % (entries, made))
    table(["service, idle", "service, peak of the walk", "client, peak", "walk with targets, s",
           "`find -type l` (names only), s"],
          [["%d KiB" % idle, "%d KiB" % peak, "%d KiB" % ours["residentKiB"],
            "%.2f" % (ours["us"] / 1e6), "%.2f" % (find["us"] / 1e6)]])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/native")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--entries", type=int, default=20000)
    options = parser.parse_args()
    os.environ["JUNCTION_BUILD"] = options.build
    import harness as h

    tool = os.path.join(h.work_directory(), "operations")
    subprocess.run(["gcc", "-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", tool,
                    os.path.join(HERE, "operations.c")], check=True)
    version = subprocess.run(["ntfs-3g", "--version"], capture_output=True, text=True, check=False)
    print("%s, Linux %s, %d CPUs, %s\n" % (time.strftime("%Y-%m-%d"), platform.release(), os.cpu_count(),
                                        (version.stdout + version.stderr).split("\n")[0]))
    with h.Volume(size="%dM" % max(1024, options.entries // 300)) as volume:
        with h.Service({"logLevel": "warning"}) as service:
            operations(h, tool, volume, service, options.rounds)
            processes(h, tool, volume, service, options.rounds * 10)
        lists(h, tool, volume, options.entries)


if __name__ == "__main__":
    main()
