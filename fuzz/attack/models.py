"""Small models of every kind to attack, trained by the binary itself."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from machine import ROOT, run

TABLE = """task = "tabular-classification"
[data]
train = "breast_cancer.csv"
target = "diagnosis"
[model]
layers = [{ dense = { units = 8, activation = "relu" } }, { dropout = { rate = 0.1 } }]
[train]
epochs = 2
"""
TEXTS = """task = "text-classification"
[data]
train = "few.csv"
[prepare.text]
tokenizer = { bpe = { max_vocabulary = 300 } }
[model]
layers = [{ embedding = { units = 8 } }, { conv1d = { filters = 8, kernel = 3, padding = "same", activation = "relu" } },
          { global_max_pool1d = {} }]
[train]
epochs = 2
"""


@dataclass
class Model:
    name: str
    folder: Path
    bundle: Path
    good: list
    """Arguments of `predict`, after the bundle, that a sound bundle answers."""
    body: tuple
    """A body and its type that a sound server answers."""


def make(jingwei, home):
    """Trains the models in a folder; ends the program where that fails."""
    models = []
    for name, prepare in (("digits", digits), ("table", table), ("texts", texts)):
        folder = home / name
        folder.mkdir()
        recipe, good, body = prepare(folder)
        status, output = run(jingwei, "train", recipe, "-q", folder=folder, seconds=300)
        if status != 0:
            raise SystemExit(f"{name}: the model to attack cannot be trained ({status}): {output}")
        models.append(Model(name, folder, folder / "runs" / recipe.stem / "bundle", good, body))
    return models


def digits(folder):
    shutil.copytree(ROOT / "examples/digits", folder / "digits")
    recipe = folder / "digits.toml"
    recipe.write_text(shorter((ROOT / "examples/digits.toml").read_text()))
    pixels = [[float(row * column % 17) for column in range(8)] for row in range(8)]
    return recipe, [folder / "digits/digits-images-idx3-ubyte.gz"], (f'{{"instances": [{pixels}]}}'.encode(), "application/json")


def table(folder):
    rows = (ROOT / "examples/breast_cancer/breast_cancer.csv").read_text().splitlines()
    (folder / "breast_cancer.csv").write_text("\n".join(rows) + "\n")
    (folder / "good.csv").write_text("\n".join(rows[:40]) + "\n")
    recipe = folder / "table.toml"
    recipe.write_text(TABLE)
    return recipe, [folder / "good.csv"], (("\n".join(rows[:4]) + "\n").encode(), "text/csv")


def texts(folder):
    rows = (ROOT / "examples/zh_reviews/zh_reviews.csv").read_text(encoding="utf-8").splitlines()
    (folder / "few.csv").write_text("\n".join(rows[:400]) + "\n", encoding="utf-8")
    (folder / "good.csv").write_text("\n".join(rows[:40]) + "\n", encoding="utf-8")
    recipe = folder / "texts.toml"
    recipe.write_text(TEXTS)
    return recipe, [folder / "good.csv"], ("房间很干净，下次还来".encode(), "text/plain")


def shorter(recipe):
    lines = recipe.splitlines()
    return "\n".join("epochs = 2" if line.startswith("epochs") else line for line in lines) + "\n"
