"""Golden values of jingwei-graph's recurrent operator and its gradients, in double precision: from PyTorch (both
directions, padding through packed sequences) and from Keras (masks of any pattern, the GRU whose reset gate comes first).

Run from the repository root:  python scripts/golden/recurrent.py
Writes crates/graph/tests/golden/recurrent.json.
"""

import json
import os
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import tensorflow as tf

OUT = Path("crates/graph/tests/golden/recurrent.json")
BATCH, TIME, UNITS = 3, 4, 3
GATES = {"simple": 1, "lstm": 4, "gru": 3}
rng = np.random.default_rng(20240301)
cases = []


def random(*shape):
    return np.round(rng.uniform(-1.5, 1.5, shape), 3)


def pack(values):
    values = np.asarray(values)
    return {"shape": list(values.shape), "data": [float(f"{value:.7g}") for value in values.reshape(-1)]}


def operator(cell, reverse, sequence, reset_after=True):
    return {
        "recurrent": {
            "cell": {"gru": {"reset_after": reset_after}} if cell == "gru" else cell,
            "activation": "tanh",
            "recurrent_activation": "sigmoid",
            "reverse": reverse,
            "sequence": sequence,
        }
    }


def add(name, op, inputs, output, upstream, gradients):
    cases.append(
        {
            "name": name,
            "op": op,
            "inputs": [pack(x) for x in inputs],
            "output": pack(output),
            "upstream": pack(upstream),
            "gradients": [None if g is None else pack(g) for g in gradients],
        }
    )


def torch_order(cell, values):
    """The last dimension from Keras's order of gates to PyTorch's: z, r, h become r, z, n."""
    if cell != "gru":
        return values
    z, r, h = values.split(UNITS, dim=-1)
    return torch.cat([r, z, h], dim=-1)


def from_torch(cell, reverse, sequence, lengths):
    columns = GATES[cell] * UNITS
    x, kernel = random(BATCH, TIME, columns), random(UNITS, columns)
    bias = [random(columns)] if cell == "gru" else []
    leaves = [torch.tensor(v, requires_grad=True) for v in [x, kernel, *bias]]
    kind = {"simple": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    layer = kind(columns, UNITS, batch_first=True, bidirectional=True).double()
    own, suffix = {}, "_l0_reverse" if reverse else "_l0"
    for name, parameter in layer.named_parameters():
        own[name] = torch.zeros_like(parameter)
    own["weight_ih" + suffix] = torch.eye(columns, dtype=torch.float64)
    own["weight_hh" + suffix] = torch_order(cell, leaves[1]).T
    if bias:
        own["bias_hh" + suffix] = torch_order(cell, leaves[2])
    inputs = torch_order(cell, leaves[0])
    if lengths is not None:
        inputs = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    states, last = torch.func.functional_call(layer, own, (inputs,))
    last = (last[0] if cell == "lstm" else last)[int(reverse)]
    if lengths is not None:
        states = pad_packed_sequence(states, batch_first=True, total_length=TIME)[0]
    states = states[..., UNITS:] if reverse else states[..., :UNITS]
    mask = None
    if lengths is not None:
        mask = (torch.arange(TIME)[None, :] < torch.tensor(lengths)[:, None]).double()
        if not reverse:
            # Behind the end the last state stays; before the beginning there is none.
            states = torch.where(mask[..., None] > 0, states, last[:, None, :])
    y = states if sequence else last
    upstream = random(*y.shape)
    y.backward(torch.tensor(upstream))
    masks = [] if mask is None else [mask.numpy()]
    gradients = [leaf.grad.numpy() for leaf in leaves] + [None] * len(masks)
    name = f"{cell} of PyTorch, reverse {reverse}, sequence {sequence}, lengths {lengths}"
    op = operator(cell, reverse, sequence)
    add(name, op, [x, kernel, *bias, *masks], y.detach().numpy(), upstream, gradients)


def from_keras(cell, reset_after, reverse, sequence):
    columns = GATES[cell] * UNITS
    x, kernel = random(BATCH, TIME, columns), random(UNITS, columns)
    bias = [random(columns)] if cell == "gru" and reset_after else []
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 0, 1]], dtype=np.float64)
    kind = {"simple": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]
    options = {"reset_after": reset_after} if cell == "gru" else {}
    layer = kind(UNITS, return_sequences=sequence, go_backwards=reverse, use_bias=bool(bias), **options)
    layer.build((BATCH, TIME, columns))
    values = [np.eye(columns), kernel]
    if bias:
        values.append(np.stack([np.zeros(columns), bias[0]]))
    layer.set_weights(values)
    inputs = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = layer(inputs, mask=tf.constant(mask > 0))
        if reverse and sequence:
            y = tf.reverse(y, [1])
        upstream = random(*y.shape)
        loss = tf.reduce_sum(y * upstream)
    weights = [w.value for w in layer.trainable_weights]
    flows = tape.gradient(loss, [inputs, *weights])
    gradients = [flows[0].numpy(), flows[2].numpy()]
    if bias:
        gradients.append(flows[3].numpy()[1])
    gradients.append(None)
    name = f"{cell} of Keras, reset_after {reset_after}, reverse {reverse}, sequence {sequence}"
    op = operator(cell, reverse, sequence, reset_after)
    add(name, op, [x, kernel, *bias, mask], y.numpy(), upstream, gradients)


if __name__ == "__main__":
    torch.set_num_threads(1)
    keras.config.set_floatx("float64")
    for cell in GATES:
        for lengths in (None, [4, 1, 3]):
            for reverse, sequence in ((False, True), (True, True), (False, False), (True, False)):
                from_torch(cell, reverse, sequence, lengths)
    for cell, reset_after in (("simple", True), ("lstm", True), ("gru", True), ("gru", False)):
        from_keras(cell, reset_after, False, True)
        from_keras(cell, reset_after, True, False)
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    OUT.write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases")
