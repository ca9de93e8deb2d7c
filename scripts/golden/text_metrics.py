"""Golden values of jingwei-train's metrics of labels and tags, from scikit-learn 1.9 and seqeval 1.2.

Run from the repository root:  python scripts/golden/text_metrics.py
Writes crates/metrics/tests/golden/text_metrics.json.
"""

import json
import warnings
from pathlib import Path

import numpy as np
from seqeval import metrics as seq
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, IOBES, Entities
from sklearn import metrics as sk

warnings.filterwarnings("ignore")
OUT = Path("crates/metrics/tests/golden/text_metrics.json")
SCORES = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}


def defined(value):
    return float(value) if np.isfinite(value) else None


def labels(name, p, y):
    """Several labels a row: p and y are rows × labels."""
    p, y = np.asarray(p, np.float32), np.asarray(y)
    said = (p > 0.5).astype(int)
    each = lambda score: [defined(score(y[:, k], p[:, k])) for k in range(y.shape[1])]
    expected = {
        "exact_match": sk.accuracy_score(y, said),
        "hamming_loss": sk.hamming_loss(y, said),
        "log_loss": np.mean([sk.log_loss(y[:, k], p[:, k], labels=[0, 1]) for k in range(y.shape[1])]),
    }
    for metric, score in SCORES.items():
        expected[f"{metric}_labels"] = score(y, said, average=None, zero_division=0).tolist()
        for average in ("macro", "micro", "weighted"):
            expected[f"{metric}_{average}"] = score(y, said, average=average, zero_division=0)
    both = [len(set(y[:, k])) == 2 for k in range(y.shape[1])]
    if all(both):
        for suffix, average in (("", "macro"), ("_weighted", "weighted")):
            expected["roc_auc" + suffix] = sk.roc_auc_score(y, p, average=average)
            expected["pr_auc" + suffix] = sk.average_precision_score(y, p, average=average)
        expected["roc_auc_labels"] = each(sk.roc_auc_score)
        expected["pr_auc_labels"] = each(sk.average_precision_score)
    return {
        "name": name,
        "classes": y.shape[1],
        "probabilities": [float(v) for v in p.ravel()],
        "labels": [np.flatnonzero(row).tolist() for row in y],
        "expected": expected,
    }


def tags(name, names, truth, said, scheme=None):
    """A tag a token: truth and said are lists of texts, each a list of numbers of names."""
    filler = names.index("O") if "O" in names else None
    full = [s + [filler] * (len(t) - len(s)) for t, s in zip(truth, said)]
    flat_truth = [names[tag] for text in truth for tag in text]
    flat_said = ["none" if tag is None else names[tag] for text in full for tag in text]
    expected = {"accuracy": float(np.mean([t == s for t, s in zip(flat_truth, flat_said)]))}
    occurring = sorted(set(flat_truth) | set(flat_said) - {"none"})
    for metric, score in SCORES.items():
        each = score(flat_truth, flat_said, labels=names, average=None, zero_division=0)
        expected[f"{metric}_tags"] = each.tolist()
        for average in ("macro", "micro", "weighted"):
            expected[f"{metric}_{average}"] = score(
                flat_truth, flat_said, labels=occurring, average=average, zero_division=0
            )
    case = {"name": name, "names": names, "truth": truth, "said": said, "expected": expected}
    if scheme is None:
        return case
    truth_names = [[names[tag] for tag in text] for text in truth]
    said_names = [[names[tag] for tag in text] for text in full]
    for metric in ("precision", "recall", "f1"):
        score = getattr(seq, f"{metric}_score")
        expected[f"span_{metric}"] = score(truth_names, said_names, zero_division=0)
        expected[f"strict_{metric}"] = score(truth_names, said_names, zero_division=0, mode="strict", scheme=scheme)
    report = seq.classification_report(truth_names, said_names, output_dict=True, zero_division=0)
    expected["types"] = {
        kind: [scores["precision"], scores["recall"], scores["f1-score"], scores["support"]]
        for kind, scores in report.items()
        if "avg" not in kind
    }
    expected["spans"] = [[[s, e + 1, kind] for kind, s, e in get_entities(text)] for text in said_names]
    expected["strict_spans"] = [
        [[entity.start, entity.end, entity.tag] for entity in entities]
        for entities in Entities(said_names, scheme).entities
    ]
    return case


def main():
    rng = np.random.default_rng(33)

    def rows(count, classes, decimals=4, share=0.3):
        y = (rng.random((count, classes)) < share).astype(int)
        y[0], y[1] = 0, 1
        p = 1 / (1 + np.exp(-(3 * y - 1.5 + rng.normal(0, 1.4, y.shape))))
        return p.round(decimals), y

    bio = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
    bioes = ["O"] + [f"{place}-{kind}" for kind in ("PER", "LOC") for place in "BIES"]
    parts = ["n", "v", "a", "w", "x"]

    def texts(count, tags, lengths=(0, 14), noise=0.4):
        truth = [rng.integers(0, tags, rng.integers(*lengths)).tolist() for _ in range(count)]
        said = [[int(rng.integers(0, tags)) if rng.random() < noise else tag for tag in text] for text in truth]
        return truth, said

    def cut(said):
        return [text[: max(len(text) - 3, 0)] for text in said]

    clean = [[0, 1, 2, 2, 0, 3, 4], [5, 6, 0, 0, 1], [], [0, 0]]
    wrong = [[0, 1, 2, 0, 0, 5, 6], [5, 6, 0, 3, 0], [], [0, 0]]
    absent_p, absent = rows(30, 4)
    absent[:, 2] = 0
    random_bio, random_bioes, random_parts = texts(60, 7), texts(60, 9), texts(40, 5)
    cases = {
        "labels": [
            labels("five labels", *rows(60, 5)),
            labels("with ties", *rows(50, 3, decimals=1)),
            labels("two labels", *rows(20, 2)),
            labels("a label that no row has", absent_p, absent),
            labels("nothing true, nothing said", np.full((4, 2), 0.25), np.zeros((4, 2), int)),
        ],
        "tags": [
            tags("names", bio, clean, wrong, IOB2),
            tags("all right", bio, clean, clean, IOB2),
            tags("nothing found", bio, clean, [[0] * len(text) for text in clean], IOB2),
            tags("random BIO", bio, *random_bio, IOB2),
            tags("random BIOES", bioes, *random_bioes, IOBES),
            tags("random BIO, texts cut", bio, random_bio[0], cut(random_bio[1]), IOB2),
            tags("parts of speech", parts, *random_parts),
            tags("parts of speech, texts cut", parts, random_parts[0], cut(random_parts[1])),
        ],
    }
    OUT.write_text(json.dumps(cases, separators=(",", ":"), default=float).replace('{"name"', '\n{"name"') + "\n")


main()
