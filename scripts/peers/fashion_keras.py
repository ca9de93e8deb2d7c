"""Keras on Fashion-MNIST: the articles' CNN, Adam 1e-3, batch 64, 10 epochs; one JSON line a seed.

usage: python scripts/peers/fashion_keras.py FOLDER [--seeds 1 2 3] [--epochs 10] [--threads 2]

FOLDER holds the four IDX files of Fashion-MNIST as they are distributed (.gz, or unpacked). Our side of the comparison, one
run a seed: jingwei train examples/cnn_28x28.toml --seed SEED. Seconds are those of fitting alone.
"""

import argparse
import gzip
import json
import os
import pathlib
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

import workloads


def idx(folder, name):
    path = pathlib.Path(folder) / name
    if not path.exists():
        path = path.with_name(f"{name}.gz")
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    dimensions = content[3]
    sizes = np.frombuffer(content, ">u4", dimensions, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(sizes)


def part(folder, name):
    images = idx(folder, f"{name}-images-idx3-ubyte")[..., None].astype(np.float32) / 255
    return images, idx(folder, f"{name}-labels-idx1-ubyte").astype(np.int64)


def run(train, test, seed, epochs):
    tf.keras.utils.set_random_seed(seed)
    model = workloads.keras_model("cnn_mnist")
    model.compile(tf.keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    start = time.perf_counter()
    model.fit(*train, batch_size=64, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start
    loss, accuracy = model.evaluate(*test, batch_size=1000, verbose=0)
    line = dict(peer=f"Keras {tf.keras.__version__}", seed=seed, epochs=epochs, seconds=round(seconds, 1))
    print(json.dumps({**line, "test_accuracy": round(accuracy, 4), "test_loss": round(loss, 4)}), flush=True)
    return accuracy, seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0, help="as many as there are processors if 0")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    train, test = part(options.folder, "train"), part(options.folder, "t10k")
    accuracies, seconds = zip(*[run(train, test, seed, options.epochs) for seed in options.seeds])
    print(f"test accuracy {np.mean(accuracies):.4f} (spread {np.ptp(accuracies):.4f}), {np.mean(seconds):.1f} s of fitting")


main()
