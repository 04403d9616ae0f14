#!/usr/bin/python3
"""The reader of raw volumes against other ways to find every reparse point: tests/bench/scan.py [--build build/native] [--files N] [--rounds N].

Needs what the system tests need. One volume; junctions are added to it step by step. Warm: the image is in the page cache, and for `find` the mount's
own caches are, too. Cold: caches dropped before each run, for `find` the volume mounted anew, programs read beforehand."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time

from run import HERE, table

sys.path.insert(0, os.path.join(HERE, "..", "system"))

STEPS = (1, 100, 1000, 10000)


def furnish(volume, files):
    """Ten files in each directory, a hundred directories in each of their parents."""
    for number in range(files // 10):
        directory = volume.path("d%d" % (number // 100), "s%d" % (number % 100))
        os.makedirs(directory)
        for name in range(10):
            os.close(os.open(os.path.join(directory, "f%d" % name), os.O_CREAT | os.O_WRONLY))


def scatter(h, volume, files, first, count):
    """Junctions `first` up to `count`, far apart from each other."""
    directories = files // 10
    for number in range(first, count):
        at = number * 7919 % directories
        h.plant(volume.path("d%d" % (at // 100), "s%d" % (at % 100), "link-%d" % number), h.junction_buffer("C:\\target"))


def drop():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3\n")


def timed(command, rounds, before):
    times = []
    for _ in range(rounds):
        before()
        begun = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.monotonic() - begun)
    return statistics.median(times)


def show(seconds):
    return "%.1f ms" % (seconds * 1000) if seconds < 1 else "%.2f s" % seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/native")
    parser.add_argument("--files", type=int, default=500000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ["JUNCTION_BUILD"] = options.build
    import harness as h

    program = os.path.join(options.build, "junctiond")
    rows = {"warm": [], "cold": []}
    with h.Volume(size="8G") as volume:
        begun = time.monotonic()
        furnish(volume, options.files)
        print("%d files made in %.0f s\n" % (options.files, time.monotonic() - begun), flush=True)
        made = 0
        for step in STEPS:
            scatter(h, volume, options.files, made, step)
            made = step
            ways = {"index": [program, "scan", volume.image], "scan": [program, "scan", "--source", "scan", volume.image],
                    "7zz": [shutil.which("7zz"), "l", volume.image], "find": [shutil.which("find"), volume.root, "-type", "l"]}
            for kind in ("warm", "cold"):
                times = {}
                for way, command in ways.items():
                    rounds = 1 if way == "find" else options.rounds

                    def before(way=way, kind=kind):
                        if kind == "warm":
                            return
                        if way == "find":
                            volume.unmount()
                            drop()
                            volume.mount()
                        else:
                            drop()
                        # What is measured is the volume, not the program on its own disk.
                        subprocess.run([ways[way][0], "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

                    if kind == "warm":
                        timed(command, 1, lambda: None)
                    times[way] = timed(command, rounds, before)
                rows[kind].append(["{:,}".format(step).replace(",", " ")] + [show(times[way]) for way in ways] +
                                  ["%.0f ×" % (times["7zz"] / times["index"]), "%.0f ×" % (times["find"] / times["index"])])
                print(kind, rows[kind][-1], file=sys.stderr, flush=True)
    for kind, body in rows.items():
        print("Every reparse point of %d files, %s, medians of %d rounds (`find`: one)\n" % (options.files, kind, options.rounds))
        table(["junctions", "`junctiond scan`", "`--source scan`", "`7zz l`", "`find -type l` on the mount", "7zz : index", "find : index"], body)


if __name__ == "__main__":
    main()
