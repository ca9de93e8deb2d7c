"""Hostile bundles: whatever is in the two files, a command refuses them or predicts what the sound ones predict."""

import copy
import hashlib
import json
import os
import random
import shutil

from machine import check, run

NUMBERS = [0, -1, 1, 2**16 + 1, 2**31, 2**32 - 1, 2**40, 2**60, 2**62, 2**63 - 1, 2**63 + 5, 2**64 - 1, 10**30, 1e308, -0.5]
STRINGS = ["", "\0", "../../etc/passwd", "x" * 100_000, "time"]


def attack(jingwei, models, home, rounds):
    random_choice = random.Random(0)
    for model in models:
        status, sound = run(jingwei, "predict", model.bundle, *model.good, "-q")
        check(status == 0, f"{model.name}: the sound bundle predicts", sound)
        target = home / f"{model.name}-hostile"
        shutil.copytree(model.bundle, target)
        hostile = Hostile(jingwei, model, target, sound)
        flips(hostile, random_choice, rounds)
        values(hostile, random_choice, rounds)
        structure(hostile)
        files(hostile)


class Hostile:
    """A bundle whose files are replaced, one attempt after another."""

    def __init__(self, jingwei, model, folder, sound):
        self.jingwei, self.model, self.folder, self.sound = jingwei, model, folder, sound
        self.manifest = (model.bundle / "jingwei.json").read_bytes()
        self.weights = (model.bundle / "model.safetensors").read_bytes()

    def attempt(self, what, manifest=None, weights=None, may_answer=False):
        """Predicts from changed files; `may_answer` with other numbers where the digest covers what was changed."""
        for name, content in (("jingwei.json", manifest or self.manifest), ("model.safetensors", weights or self.weights)):
            path = self.folder / name
            if path.is_symlink() or path.exists():
                path.unlink()
            path.write_bytes(content)
        self.judge(what, may_answer)

    def judge(self, what, may_answer=False):
        status, output = run(self.jingwei, "predict", self.folder, *self.model.good, "-q")
        answers = status == 0 and "NaN" not in output and (may_answer or output == self.sound)
        check(status in (1, 2) or answers, f"{self.model.name}: {what}: status {status}", output)


def flips(hostile, choice, rounds):
    for _ in range(rounds):
        bit = choice.randrange(8 * len(hostile.manifest))
        changed = bytearray(hostile.manifest)
        changed[bit // 8] ^= 1 << bit % 8
        hostile.attempt(f"bit {bit} of the manifest", bytes(changed))
    for _ in range(rounds // 10):
        bit = choice.randrange(8 * len(hostile.weights))
        changed = bytearray(hostile.weights)
        changed[bit // 8] ^= 1 << bit % 8
        hostile.attempt(f"bit {bit} of the weights", weights=bytes(changed))


def places(value, path=()):
    """The paths to all numbers, strings and lists of a manifest."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        yield path
        # Of a long list, such as a vocabulary, the ends stand for the rest.
        for index in sorted({*range(min(len(value), 60)), len(value) - 1} & {*range(len(value))}):
            yield from places(value[index], (*path, index))
    else:
        yield path


def replaced(manifest, path, value):
    changed = copy.deepcopy(manifest)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value(inner[path[-1]])
    return changed


def values(hostile, choice, rounds):
    """Numbers, strings and lists out of range, under a digest that is right."""
    manifest = json.loads(hostile.manifest)
    paths = [path for path in places(manifest) if path and path[0] != "metrics"]
    # Attributes and shapes of the graph are few among the values; they get half of the attempts.
    graph = [path for path in paths if path[0] in ("graph", "inputs", "outputs", "recorded")]
    for number in range(rounds):
        path = choice.choice(graph if number % 2 else paths)

        def other(old):
            if isinstance(old, list):
                return choice.choice([[], old + old, old[:1] * 20, old[::-1]])
            return choice.choice(STRINGS if isinstance(old, str) else NUMBERS)

        changed = replaced(manifest, path, other)
        hostile.attempt(f"{path} changed", sign(changed), may_answer=True)


def structure(hostile):
    manifest = json.loads(hostile.manifest)
    nodes = manifest["graph"]["nodes"]
    unused = copy.deepcopy(manifest)
    unused["graph"]["nodes"].append(copy.deepcopy(nodes[-1]))
    doubled = copy.deepcopy(manifest)
    doubled["outputs"] += doubled["outputs"]
    for what, changed in (("an unused node", unused), ("an output twice", doubled)):
        hostile.attempt(what, sign(changed))
    hostile.attempt("a key twice", seal(sign(manifest)[77:-1] + b',"task":"x"}'))
    hostile.attempt("deep lists", b'{"format":' + b"[" * 1_000_000)
    hostile.attempt("an endless number", b'{"format":' + b"9" * 10_000_000)


def files(hostile):
    for share in (0, 1, 8, 100):
        hostile.attempt("a cut manifest", hostile.manifest[: len(hostile.manifest) * share // 101] or b" ")
        hostile.attempt("cut weights", weights=hostile.weights[: len(hostile.weights) * share // 101] or b" ")
    header = b"\xff" * 8 + hostile.weights[8:]
    hostile.attempt("a header of 2^64 bytes", weights=header)
    for name in ("jingwei.json", "model.safetensors"):
        hostile.attempt("nothing changed")
        path = hostile.folder / name
        for what, make in (("a link", lambda: path.symlink_to("/dev/zero")), ("a pipe", lambda: os.mkfifo(path))):
            path.unlink()
            make()
            hostile.judge(f"{what} as {name}")


def sign(manifest):
    """The bytes of a manifest with the digest that fits them, as docs/bundle-format.md says."""
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    return seal(json.dumps(content, ensure_ascii=False).encode(errors="replace")[1:])


def seal(rest):
    return b'{"sha256":"' + hashlib.sha256(rest).hexdigest().encode() + b'",' + rest
