"""Trainings that are killed, changed or asked for too much."""

import json
import random
import shutil
import signal
import subprocess
import time

from machine import check, run


def attack(jingwei, models, home, rounds):
    kills(jingwei, models, home, rounds)
    changed_files(jingwei, models, home)
    extremes(jingwei, models, home)


def weights(folder):
    return json.loads((folder / "jingwei.json").read_text())["weights"]["parameters_sha256"]


def kills(jingwei, models, home, rounds):
    """A training that is killed anywhere ends in the same weights."""
    choice = random.Random(1)
    for model in models:
        whole = weights(model.bundle)
        folder = home / f"{model.name}-killed"
        for _ in range(rounds):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns("runs"))
            recipe = next(folder.glob("*.toml"))
            process = subprocess.Popen([jingwei, "train", recipe, "-q"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(choice.uniform(0.01, 1.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            status, output = run(jingwei, "train", recipe, "-q", folder=folder)
            check(status == 0, f"{model.name}: a training after a kill: status {status}", output)
            found = weights(folder / "runs" / recipe.stem / "bundle")
            check(found == whole, f"{model.name}: the weights after a kill")


def changed_files(jingwei, models, home):
    """Whatever file changes, a finished bundle stays as it is or is trained anew."""
    model = next(model for model in models if model.name == "texts")
    folder = home / "changed"
    shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns("runs"))
    recipe = folder / "texts.toml"
    text = recipe.read_text()
    own = 'tokenizer = { word = { dictionary = "words.txt" } }\nstop_words = { file = "stop.txt" }'
    recipe.write_text(text.replace("tokenizer = { bpe = { max_vocabulary = 300 } }", own))
    (folder / "words.txt").write_text("下次还来 100 n\n", encoding="utf-8")
    (folder / "stop.txt").write_text("的\n", encoding="utf-8")
    status, output = run(jingwei, "train", recipe, "-q", folder=folder)
    check(status == 0, f"texts with a dictionary: status {status}", output)
    if status != 0:
        return
    bundle = folder / "runs/texts/bundle"
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    for name, content in (("words.txt", "房间很 100000 n\n"), ("stop.txt", "酒店\n房间\n不\n"), ("few.csv", "text,label\na,neg\nb,pos\n")):
        old = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(content, encoding="utf-8")
        status, output = run(jingwei, "train", recipe, "-q", folder=folder)
        after = {path.name: path.read_bytes() for path in bundle.iterdir()}
        check(after == before, f"the finished bundle after {name} has changed: status {status}", output)
        check(status == 1 and name in output or name == "few.csv" and status == 1, f"a message that names {name}: status {status}", output)
        (folder / name).write_text(old, encoding="utf-8")


def extremes(jingwei, models, home):
    """`check`, `estimate` and `train` refuse alike what no machine can hold."""
    model = next(model for model in models if model.name == "table")
    text = (model.folder / "table.toml").read_text()
    folder = home / "extremes"
    shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns("runs"))
    recipe = folder / "extreme.toml"
    for old, key in (("units = 8", "units"), ("epochs = 2", "epochs"), ("epochs = 2", "batch_size")):
        for value in ("0", "-1", "1000000", "1000000000000", str(2**62), str(2**63 - 1), "1e308", "nan"):
            new = text.replace(old, f"{key} = {value}") if key != "batch_size" else text + f"batch_size = {value}\n"
            recipe.write_text(new)
            checked, output = run(jingwei, "check", recipe, folder=folder)
            check(checked in (0, 1, 2), f"check with {key} = {value}: {checked}", output)
            if key == "epochs" and checked == 0:
                continue  # a long training is no wrong one
            estimated, output = run(jingwei, "estimate", recipe, folder=folder, seconds=120)
            check(estimated in (0, 1, 2), f"estimate with {key} = {value}: {estimated}", output)
            check((checked == 0) == (estimated == 0), f"check ({checked}) and estimate ({estimated}) agree on {key} = {value}", output)
