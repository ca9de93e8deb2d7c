"""Golden values of jingwei-train's baseline, from scikit-learn 1.9.

Run from the repository root:  python scripts/golden/baseline.py
Writes crates/tasks/tests/golden/baseline.json.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

OUT = Path("crates/tasks/tests/golden/baseline.json")


def grams(text):
    return [str(token) for token in text] + [f"{left} {right}" for left, right in zip(text, text[1:])]


def texts(rng, count, classes):
    """Texts in which some tokens are more frequent in some classes."""
    labels = rng.integers(0, classes, count)
    text = lambda label: (rng.zipf(1.6, rng.integers(0, 12)) % 20 + 1 + 3 * label * (rng.random() < 0.6)).tolist()
    return [[int(token) for token in text(label)] for label in labels], labels


def case(name, train, labels, test, classes, several=False):
    vectorizer = TfidfVectorizer(analyzer=grams, sublinear_tf=True)
    rows, others = vectorizer.fit_transform(train), vectorizer.transform(test)
    fit = lambda y: LogisticRegression(tol=1e-10, max_iter=10000).fit(rows, y)
    probabilities = np.zeros((len(test), classes))
    if several:
        for k in range(classes):
            truth = np.array([k in row for row in labels])
            only = len(set(truth)) == 1
            probabilities[:, k] = float(truth[0]) if only else fit(truth).predict_proba(others)[:, 1]
    else:
        model = fit(labels)
        probabilities[:, model.classes_] = model.predict_proba(others)
    return {
        "name": name,
        "classes": classes,
        "train": train,
        "labels": labels if several else [int(label) for label in labels],
        "test": test,
        "features": len(vectorizer.vocabulary_),
        "probabilities": [round(float(p), 7) for p in probabilities.ravel()],
    }


def main():
    rng = np.random.default_rng(11)
    two, two_labels = texts(rng, 40, 2)
    four, four_labels = texts(rng, 60, 4)
    gap_labels = np.where(four_labels == 2, 3, four_labels)
    several = [sorted({int(label), int(rng.integers(0, 4))}) if rng.random() < 0.8 else [] for label in four_labels]
    test, _ = texts(rng, 15, 4)
    cases = [
        case("two classes", two, two_labels, test, 2),
        case("four classes", four, four_labels, test, 4),
        case("a class without texts", four, gap_labels, test, 4),
        case("labels", four, several, test, 5, several=True),
    ]
    OUT.write_text(json.dumps(cases, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


main()
