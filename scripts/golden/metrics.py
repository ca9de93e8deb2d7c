"""Golden values of jingwei-train's metrics, from scikit-learn 1.9 and NumPy.

Run from the repository root:  python scripts/golden/metrics.py
Writes crates/metrics/tests/golden/metrics.json.
"""

import json
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics as sk

warnings.filterwarnings("ignore")
OUT = Path("crates/metrics/tests/golden/metrics.json")
AVERAGES = ("macro", "micro", "weighted")


def defined(value):
    return None if value is None or not np.isfinite(value) else float(value)


def calibration(p, y, w):
    """Expected calibration error, 15 bins (lower, upper] of the highest probability (Guo et al., 2017)."""
    confidence = p.max(1).astype(np.float64)
    right = (p.argmax(1) == y).astype(np.float64)
    edges = np.linspace(0, 1, 16)
    error, bins = 0.0, []
    for lower, upper in zip(edges[:-1], edges[1:]):
        inside = (confidence > lower) & (confidence <= upper)
        weight = w[inside].sum()
        if weight == 0:
            bins.append([0.0, 0.0, 0.0])
            continue
        mean, accuracy = np.average(confidence[inside], weights=w[inside]), np.average(right[inside], weights=w[inside])
        bins.append([float(weight), float(mean), float(accuracy)])
        error += weight * abs(mean - accuracy)
    return float(error / w.sum()), bins


def one_against_rest(p, y, w):
    roc, average_precision = [], []
    for k in range(p.shape[1]):
        truth = y == k
        sides = w[truth].sum() > 0, w[~truth].sum() > 0
        roc.append(float(sk.roc_auc_score(truth, p[:, k], sample_weight=w)) if all(sides) else None)
        average_precision.append(float(sk.average_precision_score(truth, p[:, k], sample_weight=w)) if sides[0] else None)
    return roc, average_precision


def classification(name, p, y, w=None):
    p, y = np.asarray(p, np.float32), np.asarray(y)
    weights = np.ones(len(y)) if w is None else np.asarray(w, np.float32).astype(np.float64)
    classes, labels = p.shape[1], np.arange(p.shape[1])
    predicted = p.argmax(1)
    expected = {
        "accuracy": sk.accuracy_score(y, predicted, sample_weight=weights),
        "balanced_accuracy": sk.balanced_accuracy_score(y, predicted, sample_weight=weights),
        "confusion": sk.confusion_matrix(y, predicted, labels=labels, sample_weight=weights).tolist(),
        "log_loss": sk.log_loss(y, p, labels=labels, sample_weight=weights) if classes > 1 else None,
    }
    if classes > 2:
        for k in (1, 2, 3):
            expected[f"top_{k}_accuracy"] = sk.top_k_accuracy_score(y, p, k=k, labels=labels, sample_weight=weights)
    for metric, score in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        each = score(y, predicted, labels=labels, average=None, zero_division=0, sample_weight=weights)
        expected[f"{metric}_classes"] = each.tolist()
        for average in AVERAGES:
            expected[f"{metric}_{average}"] = score(y, predicted, average=average, zero_division=0, sample_weight=weights)
        if classes == 2:
            expected[metric] = score(y, predicted, zero_division=0, sample_weight=weights)
    roc, average_precision = one_against_rest(p, y, weights)
    expected["roc_auc_classes"], expected["pr_auc_classes"] = roc, average_precision
    everywhere = all(value is not None for value in roc)
    if classes == 2:
        expected["roc_auc"] = roc[1]
        expected["pr_auc"] = average_precision[1]
    elif everywhere:
        for suffix, average in (("", "macro"), ("_weighted", "weighted")):
            # roc_auc_score takes no weights with multi_class="ovr" unless they go through one-hot labels.
            truth = np.eye(classes)[y]
            expected["roc_auc" + suffix] = sk.roc_auc_score(truth, p, average=average, sample_weight=weights)
            expected["pr_auc" + suffix] = sk.average_precision_score(truth, p, average=average, sample_weight=weights)
        if w is None and np.allclose(p.sum(1), 1):
            ovr = sk.roc_auc_score(y, p, multi_class="ovr", labels=labels)
            assert abs(ovr - expected["roc_auc"]) < 1e-12
    expected["calibration_error"], bins = calibration(p, y, weights)
    for key, value in expected.items():
        if isinstance(value, (float, np.floating)):
            expected[key] = defined(value)
    return {
        "name": name,
        "classes": classes,
        "probabilities": [float(v) for v in p.ravel()],
        "labels": y.tolist(),
        "weights": None if w is None else [float(v) for v in np.asarray(w, np.float32)],
        "expected": expected,
        "reliability": bins,
    }


def regression(name, predicted, target, w=None):
    predicted, target = (np.asarray(a, np.float32) for a in (predicted, target))
    arguments = {"sample_weight": None if w is None else np.asarray(w, np.float32).astype(np.float64)}
    pair = target.astype(np.float64), predicted.astype(np.float64)
    return {
        "name": name,
        "outputs": 1 if target.ndim == 1 else target.shape[1],
        "predicted": [float(v) for v in predicted.ravel()],
        "targets": [float(v) for v in target.ravel()],
        "weights": None if w is None else [float(v) for v in np.asarray(w, np.float32)],
        "expected": {
            "mse": float(sk.mean_squared_error(*pair, **arguments)),
            "rmse": float(sk.root_mean_squared_error(*pair, **arguments)),
            "mae": float(sk.mean_absolute_error(*pair, **arguments)),
            "r2": defined(sk.r2_score(*pair, **arguments)) if len(target) > 1 else None,
        },
    }


def softmax(logits):
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


def main():
    rng = np.random.default_rng(20)

    def rows(count, classes, skill=1.5, decimals=4):
        y = rng.integers(0, classes, count)
        y[:classes] = np.arange(classes)
        return softmax(rng.normal(0, 1, (count, classes)) + skill * np.eye(classes)[y]).round(decimals), y

    four, four_labels = rows(48, 4)
    two, two_labels = rows(40, 2, 1.0)
    tied, tied_labels = rows(40, 3, 1.0, decimals=1)
    tied = tied / tied.sum(1, keepdims=True)
    binary_ties, binary_tie_labels = rows(30, 2, 0.8, decimals=1)
    absent, absent_labels = rows(30, 5)
    absent_labels[absent_labels == 3] = 1
    rare_labels = np.where(absent_labels == 4, 0, absent_labels)
    confident = np.eye(3)[rng.integers(0, 3, 20)]
    x = rng.normal(10, 4, 40)
    y = x + rng.normal(0, 1.5, 40)
    cases = {
        "classification": [
            classification("four classes", four, four_labels),
            classification("four classes, weighted", four, four_labels, rng.uniform(0, 3, 48)),
            classification("four classes, some rows without weight", four, four_labels, rng.integers(0, 3, 48)),
            classification("two classes", two, two_labels),
            classification("two classes, weighted", two, two_labels, rng.uniform(0, 2, 40)),
            classification("ties", tied, tied_labels),
            classification("two classes with ties", binary_ties, binary_tie_labels, rng.uniform(0, 2, 30)),
            classification("a class that no row has", absent, absent_labels),
            classification("two classes that no row has", absent, rare_labels, rng.uniform(0, 2, 30)),
            classification("certain and often wrong", confident, rng.permutation(np.arange(20) % 3)),
            classification("all alike", np.full((12, 4), 0.25), np.arange(12) % 4),
            classification("two classes, all rows of one", [[0.3, 0.7], [0.6, 0.4], [0.1, 0.9]], [1, 1, 1]),
            classification("two classes, always right", [[0.9, 0.1], [0.2, 0.8]], [0, 1]),
            classification("one row", [[0.2, 0.5, 0.3]], [2]),
        ],
        "regression": [
            regression("plain", y, x),
            regression("weighted", y, x, rng.uniform(0, 2, 40)),
            regression("two outputs", np.stack([y, 3 * x], 1), np.stack([x, 3 * y + 1], 1), rng.uniform(0, 2, 40)),
            regression("perfect", x, x),
            regression("constant target", y, np.full(40, 10.0)),
            regression("constant target, met", np.full(5, 2.5), np.full(5, 2.5)),
            regression("worse than the mean", -x, x),
            regression("one row", [1.5], [1.0]),
        ],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(cases, separators=(",", ":"), default=float).replace('{"name"', '\n{"name"') + "\n")


main()
