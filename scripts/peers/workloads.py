"""The workloads that Jingwei is measured on, in PyTorch and in Keras.

Images are random, 20 batches of them; the classes go round. What PyTorch draws as first weights is exported in the layout
of Jingwei (NHWC images, HWIO filters, dense weights [in, out], values flattened in NHWC order), so that all sides can
start from the same place.
"""

import json
import struct

import numpy as np

BATCHES = 20

# name: (sizes of a sample, classes, batch)
SHAPES = {
    "mlp": ((30,), 2, 32),
    "cnn_mnist": ((28, 28, 1), 10, 64),
    "cnn_cifar": ((32, 32, 3), 10, 64),
    "textcnn": ((200,), 2, 32),
    "gpt_small": ((64,), 65, 12),
    "gpt_10m": ((256,), 65, 16),
    "lstm": ((100,), 3, 32),
}

# name: (layers, heads, channels)
GPTS = {"gpt_small": (4, 4, 128), "gpt_10m": (6, 6, 384)}

# Texts are random tokens.
TOKENS = {"textcnn": 20000, "lstm": 10000}

# Those with tables so large that Jingwei updates them by rows.
ROW_SPARSE = {"textcnn"}


def samples(name, *shape):
    random = np.random.default_rng(0)
    if name in TOKENS:
        return random.integers(0, TOKENS[name], shape).astype(np.float32)
    return random.random(shape, dtype=np.float32)


def batches(name):
    sizes, classes, batch = SHAPES[name]
    if name in GPTS:
        return np.random.default_rng(0).integers(0, classes, (2, BATCHES, batch, *sizes))
    x = samples(name, BATCHES, batch, *sizes)
    y = np.arange(BATCHES * batch).reshape(BATCHES, batch) % classes
    return x, y


def text_model(name, row_sparse):
    import torch.nn as nn

    class Rows(nn.Module):
        def forward(self, x):
            return x.transpose(1, 2)

    class Maximum(nn.Module):
        def forward(self, x):
            return x.amax(-1)

    class LastState(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(128, 128, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0][:, -1]

    embedding = nn.Embedding(TOKENS[name], 128, sparse=row_sparse)
    if name == "lstm":
        return nn.Sequential(embedding, LastState(), nn.Linear(128, 3))
    return nn.Sequential(embedding, Rows(), nn.Conv1d(128, 128, 5), nn.ReLU(), Maximum(), nn.Linear(128, 2))


def torch_model(name, row_sparse=False):
    import torch.nn as nn

    if name in GPTS:
        return gpt(*GPTS[name], *SHAPES[name][0], SHAPES[name][1])
    if name in TOKENS:
        return text_model(name, row_sparse)
    if name == "mlp":
        return nn.Sequential(nn.Linear(30, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 2))
    if name == "cnn_mnist":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10),
        )
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10),
    )


def gpt(layers, heads, channels, length, classes):
    """GPT-2's blocks with learned positions, and logits by a matrix of their own."""
    import torch.nn as nn
    import torch.nn.functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.n1, self.qkv, self.o = nn.LayerNorm(channels), nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
            self.n2, self.u, self.w = nn.LayerNorm(channels), nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

        def forward(self, x):
            b, t, c = x.shape
            q, k, v = self.qkv(self.n1(x)).view(b, t, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
            x = x + self.o(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, c))
            return x + self.w(F.gelu(self.u(self.n2(x))))

    class Gpt(nn.Module):
        def __init__(self):
            super().__init__()
            self.e, self.p = nn.Embedding(classes, channels), nn.Embedding(length, channels)
            self.b = nn.Sequential(*[Block() for _ in range(layers)])
            self.n, self.f = nn.LayerNorm(channels), nn.Linear(channels, classes, bias=False)

        def forward(self, x):
            return self.f(self.n(self.b(self.e(x) + self.p.weight[: x.shape[1]]))).flatten(0, 1)

    return Gpt()


def gpt_weights(model):
    parts = {"attention/qkv": "qkv", "attention/output": "o", "up": "u", "down": "w"}
    tensors = {
        "embedding_1/embeddings": model.e.weight,
        "positional_embedding_1/embeddings": model.p.weight,
        "layer_norm_1/gamma": model.n.weight,
        "layer_norm_1/beta": model.n.bias,
        "dense_1/kernel": model.f.weight.t(),
    }
    for number, block in enumerate(model.b, 1):
        place = f"transformer_decoder_{number}"
        for ours, theirs in parts.items():
            join = "_" if "/" in ours else "/"
            layer = getattr(block, theirs)
            tensors[f"{place}/{ours}{join}kernel"] = layer.weight.t()
            tensors[f"{place}/{ours}{join}bias"] = layer.bias
        for ours, norm in [("attention", block.n1), ("feed_forward", block.n2)]:
            tensors[f"{place}/{ours}_norm/gamma"] = norm.weight
            tensors[f"{place}/{ours}_norm/beta"] = norm.bias
    return {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}


def keras_model(name):
    from tensorflow.keras import Sequential, layers as L

    sizes, classes, _ = SHAPES[name]
    if name == "mlp":
        hidden = [L.Dense(128, "relu"), L.Dense(64, "relu")]
    elif name == "lstm":
        hidden = [L.Embedding(TOKENS[name], 128), L.LSTM(128)]
    elif name in TOKENS:
        hidden = [L.Embedding(TOKENS[name], 128), L.Conv1D(128, 5, activation="relu"), L.GlobalMaxPooling1D()]
    else:
        hidden = [L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(2), L.Conv2D(64, 3, activation="relu"), L.MaxPooling2D(2)]
        hidden += [] if name == "cnn_mnist" else [L.Conv2D(64, 3, activation="relu")]
        hidden += [L.Flatten(), L.Dense(128 if name == "cnn_mnist" else 64, "relu")]
    return Sequential([L.Input(sizes), *hidden, L.Dense(classes, "softmax")])


def torch_weights(model):
    """The weights of a model by name, in the layout of Jingwei."""
    import torch.nn as nn

    if not isinstance(model, nn.Sequential):
        return gpt_weights(model)
    tensors, convolutions, dense, channels = {}, 0, 0, 0
    for layer in model:
        if isinstance(layer, nn.Conv2d):
            convolutions += 1
            channels = layer.out_channels
            tensors[f"conv2d_{convolutions}/kernel"] = layer.weight.detach().permute(2, 3, 1, 0).numpy()
            tensors[f"conv2d_{convolutions}/bias"] = layer.bias.detach().numpy()
        elif isinstance(layer, nn.Embedding):
            tensors["embedding_1/embeddings"] = layer.weight.detach().numpy()
        elif hasattr(layer, "lstm"):
            lstm = layer.lstm
            tensors["lstm_1/kernel"] = lstm.weight_ih_l0.detach().t().numpy()
            tensors["lstm_1/recurrent_kernel"] = lstm.weight_hh_l0.detach().t().numpy()
            tensors["lstm_1/bias"] = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().numpy()
        elif isinstance(layer, nn.Conv1d):
            tensors["conv1d_1/kernel"] = layer.weight.detach().permute(2, 1, 0).numpy()
            tensors["conv1d_1/bias"] = layer.bias.detach().numpy()
        elif isinstance(layer, nn.Linear):
            dense += 1
            kernel = layer.weight.detach().t().numpy()
            if channels:
                # The first dense layer after the convolutions reads [channels, height, width] there.
                side = round((kernel.shape[0] / channels) ** 0.5)
                kernel = kernel.reshape(channels, side, side, -1).transpose(1, 2, 0, 3).reshape(kernel.shape)
                channels = 0
            tensors[f"dense_{dense}/kernel"] = kernel
            tensors[f"dense_{dense}/bias"] = layer.bias.detach().numpy()
    return tensors


def with_one_bias(model):
    """An LSTM of PyTorch has two biases that do the same, and Adam would move their sum twice as far as Keras's and
    Jingwei's one: the first becomes the sum, the second stays zero."""
    import torch

    lstm = model[1].lstm
    with torch.no_grad():
        lstm.bias_ih_l0 += lstm.bias_hh_l0
        lstm.bias_hh_l0.zero_()
    lstm.bias_hh_l0.requires_grad_(False)


def write_safetensors(path, tensors):
    header, data, offset = {}, [], 0
    for name, values in tensors.items():
        values = np.ascontiguousarray(values, dtype="<f4")
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        data.append(values.tobytes())
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))
