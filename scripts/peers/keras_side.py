"""Keras's side, through model.fit as people run it: one JSON line a workload. usage: keras_side.py WORKLOAD..."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import json
import sys
import time

import numpy as np
import tensorflow as tf

import workloads


def median_ms(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call().numpy()
        times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2] * 1e3


def run(name):
    sizes, classes, batch = workloads.SHAPES[name]
    model = workloads.keras_model(name)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    steps = 300
    x = workloads.samples(name, steps * batch, *sizes)
    y = np.arange(len(x)) % classes
    model.fit(x[: 20 * batch], y[: 20 * batch], batch_size=batch, verbose=0)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        model.fit(x, y, batch_size=batch, verbose=0)
        times.append((time.perf_counter() - start) / steps * 1e3)
    predict = tf.function(lambda values: model(values, training=False))
    many, one = tf.constant(x[:batch]), tf.constant(x[:1])
    predict(many), predict(one)
    infer, single = median_ms(lambda: predict(many), 200), median_ms(lambda: predict(one), 500)
    print(json.dumps(dict(peer=f"Keras {tf.keras.__version__}", workload=name, train_ms=sorted(times)[1], infer_ms=infer, infer_one_ms=single)), flush=True)


for workload in sys.argv[1:]:
    run(workload)
