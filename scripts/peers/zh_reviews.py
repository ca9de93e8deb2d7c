"""The recipe that `jingwei init` writes for the Chinese reviews against scikit-learn, on the same fifths.

    python scripts/peers/zh_reviews.py --jingwei target/release/jingwei

Seven fifths: those of `train_test_split` with `random_state` 0, 1 and 42, plain and stratified, and the last one of the
file; the mean of the seeds on each. Needs scikit-learn.
"""

import argparse
import csv
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

REVIEWS = Path(__file__).parents[2] / "examples/zh_reviews/zh_reviews.csv"


def fifths(rows):
    """Name, training rows and test rows of each."""
    labels = [row[1] for row in rows]
    for state in (0, 1, 42):
        for name, stratify in (("plain", None), ("stratified", labels)):
            train, test = train_test_split(rows, test_size=0.2, random_state=state, stratify=stratify)
            yield f"random_state {state}, {name}", train, test
    cut = int(len(rows) * 0.8)
    yield "the file's last", rows[:cut], rows[cut:]


def tfidf(train, test):
    """Accuracy of logistic regression on TF-IDF of 1 to 3 characters, in percent."""
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
    texts, labels = zip(*train)
    model = LogisticRegression(max_iter=300).fit(vectors.fit_transform(texts), labels)
    texts, labels = zip(*test)
    return 100 * model.score(vectors.transform(texts), labels)


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def jingwei(binary, train, test, seeds):
    """Accuracy for each seed, in percent."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "train.csv", train)
        write(folder / "test.csv", test)
        run = lambda *words: subprocess.run([binary, *words], cwd=folder, check=True, capture_output=True, text=True)
        run("init", "train.csv")
        recipe = (folder / "recipe.toml").read_text(encoding="utf-8")
        recipe = re.sub("(?m)^test = .*", 'test = "test.csv"', recipe)
        found = []
        for seed in range(seeds):
            own = re.sub("(?m)^seed = .*", f"seed = {seed}", recipe)
            (folder / "own.toml").write_text(own, encoding="utf-8")
            told = run("train", "own.toml", "--run", f"run{seed}", "-q").stdout
            found.append(100 * float(re.search(r"(?m)^test +accuracy ([\d.]+)", told)[1]))
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jingwei", default="target/release/jingwei")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fifths", type=int, default=7, help="how many of them")
    options = parser.parse_args()
    binary = Path(options.jingwei).resolve()
    with REVIEWS.open(encoding="utf-8") as file:
        rows = [tuple(row) for row in csv.reader(file)][1:]
    means, others = [], []
    print(f"{'fifth':<28}{'TF-IDF':>8}{'Jingwei':>9}  by seed")
    for name, train, test in list(fifths(rows))[: options.fifths]:
        own = jingwei(binary, train, test, options.seeds)
        means.append(statistics.mean(own))
        others.append(tfidf(train, test))
        seeds = " ".join(f"{accuracy:.1f}" for accuracy in own)
        print(f"{name:<28}{others[-1]:>8.2f}{means[-1]:>9.2f}  {seeds}", flush=True)
    print(f"{'mean':<28}{statistics.mean(others):>8.2f}{statistics.mean(means):>9.2f}")


if __name__ == "__main__":
    main()
