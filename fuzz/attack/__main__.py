"""Attacks a built jingwei: hostile bundles, requests, connections, kills, changed files, extreme recipes.

usage: python3 fuzz/attack JINGWEI [ROUNDS] [SECTION ...], where JINGWEI is the binary (a release build is quicker), ROUNDS the
number of random attempts of a kind (100 by default), and a section one of bundles, requests, connections, trainings.
Needs Linux and Python's standard library. Exits with 1 if anything panicked, aborted, hung or answered wrongly.
"""

import pathlib
import sys
import tempfile

import asking
import bundles
import connections
import machine
import models
import trainings


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    jingwei = str(pathlib.Path(sys.argv[1]).resolve())
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    wanted = sys.argv[3:] or ["bundles", "requests", "connections", "trainings"]
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        made = models.make(jingwei, home)
        sections = {
            "bundles": lambda: bundles.attack(jingwei, made, home, rounds),
            "requests": lambda: asking.attack(jingwei, made),
            "connections": lambda: connections.attack(jingwei, made),
            "trainings": lambda: trainings.attack(jingwei, made, home, max(1, rounds // 8)),
        }
        for name in wanted:
            before = machine.tried
            sections[name]()
            print(f"{name}: {machine.tried - before} attempts", flush=True)
    print(f"{machine.tried} attempts, {len(machine.failures)} failed")
    sys.exit(1 if machine.failures else 0)


main()
