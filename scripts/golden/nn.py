"""Golden values for crates/nn, from Keras (layers, losses, some schedules) and PyTorch (optimisers, other schedules).

Needs tensorflow-cpu, torch and numpy. TensorFlow and PyTorch do not load into one process, so the script calls itself
with `torch` for the second half. Writes crates/nn/tests/golden/nn.json.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HALF = sys.argv[1] if len(sys.argv) > 1 else "keras"
if HALF == "torch":
    import torch
else:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    from keras import layers as L

OUT = Path(__file__).resolve().parents[2] / "crates/nn/tests/golden/nn.json"
rng = np.random.default_rng(7)


def numbers(array):
    array = np.asarray(array)
    return [float(f"{value:.9g}") for value in array.astype(np.float32).ravel()]


def draw(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


def layer_case(recipe, sizes, layer):
    """What one layer makes of two samples, with its parameters in our order."""
    x = draw(2, *sizes)
    y = layer(x)
    layer.set_weights([draw(*w.shape) if "variance" not in w.path else np.abs(draw(*w.shape)) + 0.1 for w in layer.weights])
    y = layer(x)
    weights = layer.get_weights()
    if isinstance(layer, L.BatchNormalization):
        gamma, beta, mean, variance = weights
        weights = [gamma, beta, np.stack([mean, variance])]
    return {
        "recipe": recipe,
        "sizes": list(sizes),
        "output": list(y.shape[1:]),
        "parameters": int(sum(np.prod(w.shape) for w in layer.trainable_weights)),
        "x": numbers(x),
        "weights": [numbers(w) for w in weights],
        "y": numbers(y),
    }


def layers():
    return [layer_case(*case) for case in [
        ("dense = { units = 4, activation = 'tanh' }", (3,), L.Dense(4, "tanh")),
        ("dense = { units = 2 }", (3, 4), L.Dense(2)),
        ("dense = { units = 2, use_bias = false }", (2, 3, 2), L.Dense(2, use_bias=False)),
        ("conv1d = { filters = 2, kernel = 3, activation = 'relu' }", (6, 2), L.Conv1D(2, 3, activation="relu")),
        ("conv1d = { filters = 2, kernel = 2, stride = 3, padding = 'same' }", (7, 2), L.Conv1D(2, 2, 3, "same")),
        ("conv1d = { filters = 2, kernel = 2, dilation = 2, groups = 2 }", (6, 4), L.Conv1D(2, 2, dilation_rate=2, groups=2)),
        ("conv2d = { filters = 3, kernel = [2, 3] }", (4, 5, 2), L.Conv2D(3, (2, 3))),
        ("conv2d = { filters = 2, kernel = 3, stride = 2, padding = 'same' }", (6, 5, 2), L.Conv2D(2, 3, 2, "same")),
        ("conv2d = { filters = 2, kernel = 2, padding = 'same', dilation = [1, 2] }", (4, 5, 1), L.Conv2D(2, 2, padding="same", dilation_rate=(1, 2))),
        ("conv2d = { filters = 4, kernel = 3, groups = 2, use_bias = false, activation = 'silu' }", (4, 4, 4), L.Conv2D(4, 3, groups=2, use_bias=False, activation="silu")),
        ("max_pool1d = { size = 3, stride = 2, padding = 'same' }", (6, 2), L.MaxPooling1D(3, 2, "same")),
        ("max_pool2d = {}", (5, 4, 2), L.MaxPooling2D()),
        ("max_pool2d = { size = [2, 3], stride = 1, padding = 'same' }", (3, 4, 2), L.MaxPooling2D((2, 3), 1, "same")),
        ("avg_pool1d = { size = 2 }", (5, 2), L.AveragePooling1D(2)),
        ("avg_pool2d = { size = 3, stride = 2, padding = 'same' }", (4, 5, 1), L.AveragePooling2D(3, 2, "same")),
        ("global_max_pool1d = {}", (4, 3), L.GlobalMaxPooling1D()),
        ("global_max_pool2d = {}", (3, 2, 3), L.GlobalMaxPooling2D()),
        ("global_avg_pool1d = {}", (4, 3), L.GlobalAveragePooling1D()),
        ("global_avg_pool2d = {}", (3, 2, 3), L.GlobalAveragePooling2D()),
        ("flatten = {}", (2, 3, 2), L.Flatten()),
        ("reshape = { sizes = [3, 4] }", (2, 3, 2), L.Reshape((3, 4))),
        ("dropout = { rate = 0.5 }", (4,), L.Dropout(0.5)),
        ("batch_norm = {}", (3, 2), L.BatchNormalization()),
        ("layer_norm = {}", (3, 4), L.LayerNormalization()),
        ("activation = 'softmax'", (4,), L.Softmax()),
        ("activation = 'gelu'", (4,), L.Activation("gelu")),
        ("activation = 'leaky_relu'", (4,), L.Activation("leaky_relu")),
        ("activation = { leaky_relu = { negative_slope = 0.1 } }", (4,), L.LeakyReLU(0.1)),
        ("activation = 'sigmoid'", (4,), L.Activation("sigmoid")),
    ]]


def batch_norm_training():
    x = draw(4, 2)
    layer = L.BatchNormalization()
    y = layer(x, training=True)
    return {"x": numbers(x), "y": numbers(y), "statistics": numbers(np.stack([layer.moving_mean, layer.moving_variance]))}


def loss_case(recipe, loss, output, targets, weights):
    output = keras.ops.convert_to_tensor(output)
    each = keras.ops.convert_to_numpy(loss.call(targets, output))
    return {
        "recipe": recipe,
        "output": numbers(output),
        "columns": int(output.shape[1]),
        "targets": numbers(targets),
        "each": numbers(each),
        "mean": float(loss(targets, output)),
        "weights": numbers(weights),
        "weighted": float(loss(targets, output, sample_weight=weights)),
    }


def losses():
    n, k = 4, 3
    weights = np.array([0.5, 2.0, 1.0, 0.0], np.float32)
    values, targets = 2 * draw(n, k), 2 * draw(n, k)
    logits = 4 * draw(n, k)
    soft = np.abs(draw(n, k))
    soft /= soft.sum(1, keepdims=True)
    labels = np.array([0, 2, 1, 2], np.float32)
    bits = (draw(n, k) > 0).astype(np.float32)
    K = keras.losses
    return [
        loss_case('"mse"', K.MeanSquaredError(), values, targets, weights),
        loss_case('"mae"', K.MeanAbsoluteError(), values, targets, weights),
        loss_case('{ huber = { delta = 0.7 } }', K.Huber(0.7), values, targets, weights),
        loss_case('"binary_crossentropy"', K.BinaryCrossentropy(from_logits=True), logits, bits, weights),
        loss_case('{ binary_cross_entropy = { label_smoothing = 0.2 } }', K.BinaryCrossentropy(from_logits=True, label_smoothing=0.2), logits, bits, weights),
        loss_case('"categorical_crossentropy"', K.CategoricalCrossentropy(from_logits=True), logits, soft, weights),
        loss_case('{ categorical_cross_entropy = { label_smoothing = 0.1 } }', K.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), logits, soft, weights),
        loss_case('"sparse_categorical_cross_entropy"', K.SparseCategoricalCrossentropy(from_logits=True), logits, labels, weights),
    ]


def torch_rates(make, total, base=0.1):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], base)
    schedule = make(optimizer)
    rates = []
    for step in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < total:
            schedule.step()
    return rates


def keras_schedules():
    S = keras.optimizers.schedules
    case = lambda recipe, schedule, total: {"recipe": recipe, "rates": [float(schedule(step)) for step in range(total)]}
    return [
        case("{ exponential = { every = 4, factor = 0.9 } }", S.ExponentialDecay(0.1, 4, 0.9), 10),
        case("{ cosine = { final_share = 0.1 } }", S.CosineDecay(0.1, 12, 0.1), 12),
    ]


def torch_schedules():
    T = torch.optim.lr_scheduler
    case = lambda recipe, make, total: {"recipe": recipe, "rates": torch_rates(make, total)}
    cycle = dict(pct_start=0.4, div_factor=10, final_div_factor=100)
    text = "{ one_cycle = { rise = 0.4, start_divisor = 10, final_divisor = 100 } }"
    return [
        case("{ step = { every = 3, factor = 0.5 } }", lambda o: T.StepLR(o, 3, 0.5), 10),
        case('"cosine"', lambda o: T.CosineAnnealingLR(o, 10), 10),
        case('"one_cycle"', lambda o: T.OneCycleLR(o, 0.1, total_steps=20), 20),
        case(text, lambda o: T.OneCycleLR(o, 0.1, total_steps=15, **cycle), 15),
    ]


def plateau():
    """Keras's callback on a made-up run; rates after each epoch."""
    values = [1.0, 0.8, 0.8, 0.79995, 0.9, 0.7, 0.71, 0.72, 0.73, 0.74, 0.75, 0.76, 0.6, 0.61, 0.62]
    model = keras.Sequential([L.Input((1,)), L.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0))
    callback = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2, cooldown=2, min_lr=0.2)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"loss": value})
        rates.append(float(model.optimizer.learning_rate))
    return {"values": values, "rates": rates}


def optimizer_case(recipe, clip, make, clipper=None):
    """Five steps on two parameters, only the first of which decays."""
    sizes = [5, 3]
    first = [draw(n) for n in sizes]
    gradients = [[3 * draw(n) for n in sizes] for _ in range(5)]
    parameters = [torch.tensor(p, requires_grad=True) for p in first]
    optimizer = make(parameters)
    for step in gradients:
        for p, g in zip(parameters, step):
            p.grad = torch.tensor(g)
        if clipper:
            clipper(parameters)
        optimizer.step()
    return {
        "recipe": recipe,
        "clip": clip,
        "first": [numbers(p) for p in first],
        "gradients": [[numbers(g) for g in step] for step in gradients],
        "last": [numbers(p.detach()) for p in parameters],
    }


def optimizers():
    O = torch.optim
    def split(factory, decay, **settings):
        return lambda p: factory([{"params": [p[0]], "weight_decay": decay}, {"params": [p[1]], "weight_decay": 0.0}], **settings)
    C = torch.nn.utils
    each = lambda ps: [C.clip_grad_norm_([p], 1.0) for p in ps]
    return [
        optimizer_case('"sgd"', "{}", split(O.SGD, 0, lr=0.01)),
        optimizer_case("{ sgd = { learning_rate = 0.1, momentum = 0.9, weight_decay = 0.01 } }", "{}", split(O.SGD, 0.01, lr=0.1, momentum=0.9)),
        optimizer_case("{ sgd = { learning_rate = 0.1, momentum = 0.9, nesterov = true } }", "{}", split(O.SGD, 0, lr=0.1, momentum=0.9, nesterov=True)),
        optimizer_case("{ rmsprop = { learning_rate = 0.01, momentum = 0.5 } }", "{}", split(O.RMSprop, 0, lr=0.01, alpha=0.9, eps=1e-7, momentum=0.5)),
        optimizer_case('"adam"', "{}", split(O.Adam, 0, lr=1e-3, eps=1e-7)),
        optimizer_case("{ adam = { learning_rate = 0.01, weight_decay = 0.1 } }", "{ value = 1.0 }", split(O.Adam, 0.1, lr=0.01, eps=1e-7), lambda ps: C.clip_grad_value_(ps, 1.0)),
        optimizer_case("{ adamw = { learning_rate = 0.01, weight_decay = 0.1 } }", "{ global_norm = 1.0 }", split(O.AdamW, 0.1, lr=0.01, eps=1e-7), lambda ps: C.clip_grad_norm_(ps, 1.0)),
        optimizer_case("{ sgd = { learning_rate = 0.1 } }", "{ norm = 1.0 }", split(O.SGD, 0, lr=0.1), each),
    ]


def write(golden):
    entries = []
    for key, value in golden.items():
        if isinstance(value, list):
            rows = ",\n".join(json.dumps(row) for row in value)
            entries.append(f'"{key}": [\n{rows}\n]')
        else:
            entries.append(f'"{key}": {json.dumps(value)}')
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("{\n" + ",\n".join(entries) + "\n}\n")


if HALF == "torch":
    print(json.dumps({"torch_schedules": torch_schedules(), "optimizers": optimizers()}))
else:
    golden = {
        "layers": layers(),
        "batch_norm_training": batch_norm_training(),
        "losses": losses(),
        "keras_schedules": keras_schedules(),
        "plateau": plateau(),
    }
    golden |= json.loads(subprocess.check_output([sys.executable, __file__, "torch"]))
    write(golden)
