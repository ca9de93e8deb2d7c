"""Writes examples/breast_cancer/breast_cancer.csv from scikit-learn's copy: 569 rows of 30 measurements and a diagnosis.

usage: python scripts/make_breast_cancer.py        (needs scikit-learn; writes the same bytes every time)
"""

import csv
import pathlib

from sklearn.datasets import load_breast_cancer

folder = pathlib.Path(__file__).parent.parent / "examples" / "breast_cancer"
data = load_breast_cancer()
with open(folder / "breast_cancer.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*data.feature_names, "diagnosis"])
    writer.writerows([*(f"{value:g}" for value in row), data.target_names[label]] for row, label in zip(data.data, data.target))
