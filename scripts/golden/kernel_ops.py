"""Writes crates/kernels/tests/golden/ops.txt: operators and optimisers as PyTorch computes them.

Run from the root of the repository with PyTorch installed: python scripts/golden/kernel_ops.py
Each line is a name and numbers, computed in double precision unless it says otherwise.
"""

import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20)
lines = []


def put(name, tensor):
    numbers = " ".join(f"{x:.9g}" for x in tensor.detach().reshape(-1).tolist())
    lines.append(f"{name} {numbers}")


def randn(*shape):
    # Numbers that are exact in single precision, so that both sides start from the same.
    return torch.randn(*shape).float().double()


def gradient(y, x, dy):
    return torch.autograd.grad(y, x, dy)[0]


def case(name, x, dy, f):
    x = x.clone().requires_grad_()
    y = f(x)
    put(f"{name}.y", y)
    put(f"{name}.dx", gradient(y, x, dy))


def softmax_cases():
    x, dy, dloss = 3 * randn(5, 7), randn(5, 7), randn(5)
    labels = torch.tensor([0, 6, 3, 2, 2])
    shares = torch.softmax(randn(5, 7), -1).float().double()
    put("softmax.x", x), put("softmax.grad", dy), put("softmax.dloss", dloss)
    put("softmax.labels", labels.double()), put("softmax.shares", shares)
    case("softmax", x, dy, lambda x: torch.softmax(x, -1))
    case("log_softmax", x, dy, lambda x: torch.log_softmax(x, -1))
    for targets, target in [("labels", labels), ("shares", shares)]:
        for smoothing in (0.0, 0.1):
            case(
                f"cross_entropy.{targets}.{smoothing}",
                x,
                dloss,
                lambda x: F.cross_entropy(x, target, reduction="none", label_smoothing=smoothing),
            )


def unary_cases():
    x = torch.cat([torch.linspace(-6, 6, 41), torch.tensor([-20.0, 20.0])]).float().double()
    dy = randn(x.numel())
    put("unary.x", x), put("unary.grad", dy)
    functions = {
        "relu": F.relu,
        "leaky_relu": lambda x: F.leaky_relu(x, 0.125),
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "silu": F.silu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softplus": F.softplus,
        "exp": torch.exp,
        "square": torch.square,
        "erf": torch.erf,
    }
    for name, f in functions.items():
        case(name, x, dy, f)


def norm_cases():
    x, dy = 2 * randn(2, 3, 2, 5) + 1, randn(2, 3, 2, 5)
    gamma, beta = randn(5), randn(5)
    for name, value in [("x", x), ("grad", dy), ("gamma", gamma), ("beta", beta)]:
        put(f"norm.{name}", value)

    def run(name, f):
        leaves = [t.clone().requires_grad_() for t in (x, gamma, beta)]
        y = f(*leaves)
        put(f"{name}.y", y)
        for part, g in zip(("dx", "dgamma", "dbeta"), torch.autograd.grad(y, leaves, dy)):
            put(f"{name}.{part}", g)

    def batch(x, gamma, beta):
        nchw = x.permute(0, 3, 1, 2)
        return F.batch_norm(nchw, None, None, gamma, beta, True, 0.1, 1e-3).permute(0, 2, 3, 1)

    run("batch_norm", batch)
    run("layer_norm", lambda x, g, b: F.layer_norm(x, (5,), g, b, 1e-5))


def pooling_cases():
    x = randn(2, 7, 6, 3)
    put("pool.x", x)
    for name, f in {
        "max": lambda n: F.max_pool2d(n, (3, 2), (2, 1), (1, 0)),
        "average": lambda n: F.avg_pool2d(n, (3, 2), (2, 1), (1, 1), count_include_pad=False),
        "average_padded": lambda n: F.avg_pool2d(n, (3, 2), (2, 1), (1, 1), count_include_pad=True),
    }.items():
        leaf = x.clone().requires_grad_()
        y = f(leaf.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        dy = randn(*y.shape)
        put(f"pool.{name}.y", y), put(f"pool.{name}.grad", dy)
        put(f"pool.{name}.dx", gradient(y, leaf, dy))


def optimiser_cases():
    steps, n = 10, 19
    start, gradients = randn(n), randn(steps, n)
    put("optimiser.start", start), put("optimiser.gradients", gradients)
    o = torch.optim
    makers = {
        "sgd": lambda p: o.SGD(p, 0.1),
        "sgd_l2": lambda p: o.SGD(p, 0.1, weight_decay=0.05),
        "momentum": lambda p: o.SGD(p, 0.1, momentum=0.9),
        "nesterov": lambda p: o.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.05),
        "rms_prop": lambda p: o.RMSprop(p, 0.01, alpha=0.9, eps=1e-7),
        "rms_prop_momentum": lambda p: o.RMSprop(p, 0.01, alpha=0.9, eps=1e-7, momentum=0.5),
        "adam": lambda p: o.Adam(p, 0.01, betas=(0.9, 0.999), eps=1e-7),
        "adam_l2": lambda p: o.Adam(p, 0.01, betas=(0.8, 0.99), eps=1e-7, weight_decay=0.05),
        "adam_w": lambda p: o.AdamW(p, 0.01, betas=(0.9, 0.999), eps=1e-7, weight_decay=0.05),
    }
    for name, maker in makers.items():
        parameter = start.clone().requires_grad_()
        optimiser = maker([parameter])
        for g in gradients:
            parameter.grad = g.clone()
            optimiser.step()
        put(f"optimiser.{name}", parameter)


softmax_cases()
unary_cases()
norm_cases()
pooling_cases()
optimiser_cases()
target = pathlib.Path(__file__).parents[2] / "crates/kernels/tests/golden/ops.txt"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text("\n".join(lines) + "\n")
