"""Golden values of jingwei-graph's operators and their gradients, from PyTorch in double precision.

Run from the repository root:  python scripts/golden/graph_ops.py
Writes crates/graph/tests/golden/operators.json and dropout.json.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

OUT = Path("crates/graph/tests/golden")
rng = np.random.default_rng(20240229)
cases = []


def random(*shape, low=-2.0, high=2.0):
    return torch.tensor(np.round(rng.uniform(low, high, shape), 3), dtype=torch.float64)


def whole(high, *shape):
    return torch.tensor(rng.integers(0, high, shape), dtype=torch.float64)


def pack(tensor):
    values = [float(f"{value:.7g}") for value in tensor.detach().reshape(-1).tolist()]
    return {"shape": list(tensor.shape), "data": values}


def case(name, op, inputs, function, differentiate=None):
    """One operator: `differentiate` lists the inputs that have a gradient, all of them by default."""
    chosen = range(len(inputs)) if differentiate is None else differentiate
    inputs = [x.clone().requires_grad_(i in chosen) for i, x in enumerate(inputs)]
    output = function(*inputs)
    upstream = random(*output.shape, low=-1.0, high=1.0)
    gradients = [None] * len(inputs)
    if len(chosen):
        output.backward(upstream)
        gradients = [pack(x.grad) if x.requires_grad else None for x in inputs]
    cases.append(
        {
            "name": name,
            "op": op,
            "inputs": [pack(x) for x in inputs],
            "output": pack(output),
            "upstream": pack(upstream),
            "gradients": gradients,
        }
    )


def nchw(function):
    """A function of NHWC images (and HWIO filters) from one of NCHW images (and OIHW filters)."""

    def wrapped(x, *filters):
        filters = [w.permute(3, 2, 0, 1) for w in filters]
        return function(x.permute(0, 3, 1, 2), *filters).permute(0, 2, 3, 1)

    return wrapped


def unary():
    kinds = {
        "relu": F.relu,
        "gelu": F.gelu,
        "silu": F.silu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softplus": F.softplus,
        "exp": torch.exp,
        "square": torch.square,
        "neg": torch.neg,
        "abs": torch.abs,
    }
    for kind, function in kinds.items():
        case(kind, {"unary": {"kind": kind}}, [random(2, 5, low=-4.0, high=4.0)], function)
    for kind, function in {"log": torch.log, "sqrt": torch.sqrt, "reciprocal": torch.reciprocal}.items():
        case(kind, {"unary": {"kind": kind}}, [random(6, low=0.1, high=3.0)], function)
    leaky = {"unary": {"kind": {"leaky_relu": 0.25}}}
    case("leaky_relu", leaky, [random(7)], lambda x: F.leaky_relu(x, 0.25))


def binary():
    kinds = {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "max": torch.maximum,
        "min": torch.minimum,
        "pow": torch.pow,
    }
    for kind, function in kinds.items():
        inputs = [random(2, 3, low=0.2), random(2, 1, 3, low=0.2)]
        case(f"binary {kind}", {"binary": {"kind": kind}}, inputs, function)
    kinds = {
        "equal": torch.eq,
        "not_equal": torch.ne,
        "less": torch.lt,
        "less_equal": torch.le,
        "greater": torch.gt,
        "greater_equal": torch.ge,
    }
    for kind, function in kinds.items():
        op = {"compare": {"kind": kind}}
        case(kind, op, [whole(3, 4, 3), whole(3, 3)], lambda a, b, f=function: f(a, b).double(), [])
    choose = lambda c, a, b: torch.where(c != 0, a, b)
    case("where", {"where": {}}, [whole(2, 4, 3), random(3), random(4, 1)], choose, [1, 2])


def matmul():
    for a in (False, True):
        for b in (False, True):
            op = {"matmul": {"transpose_a": a, "transpose_b": b}}
            inputs = [random(*((4, 3) if a else (3, 4))), random(*((2, 4) if b else (4, 2)))]
            name = f"matmul {a} {b}"
            case(name, op, inputs, lambda x, y, a=a, b=b: (x.T if a else x) @ (y.T if b else y))


def attributes(stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


def convolution(x, w, stride, padding, dilation, groups):
    top, bottom, left, right = padding
    return F.conv2d(F.pad(x, (left, right, top, bottom)), w, None, stride, 0, dilation, groups)


def conv2d():
    variants = {
        "plain": ((2, 5, 4, 2), (3, 3, 2, 3), {}),
        "stride and padding": ((2, 6, 5, 2), (3, 2, 2, 2), dict(stride=(2, 1), padding=(1, 0, 2, 1))),
        "dilation": ((1, 6, 7, 2), (2, 3, 2, 2), dict(dilation=(3, 2), padding=(1, 1, 1, 1))),
        "groups": ((2, 4, 4, 4), (3, 3, 2, 6), dict(groups=2)),
        "depthwise": ((1, 4, 5, 3), (2, 2, 1, 6), dict(groups=3, stride=(1, 2))),
    }
    for name, (x, w, given) in variants.items():
        settings = attributes(**given)
        function = nchw(lambda x, w, s=settings: convolution(x, w, **s))
        case(f"conv2d {name}", {"conv2d": {"attributes": settings}}, [random(*x), random(*w)], function)

    settings = attributes(stride=(2, 2), padding=(1, 1, 1, 1))
    shape = (2, 7, 5, 2)

    def transposed(w, y):
        result = F.conv_transpose2d(y.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), None, 2, 1)
        return result.permute(0, 2, 3, 1)

    op = {"conv2d_grad_input": {"attributes": settings, "shape": shape}}
    case("conv2d_transpose", op, [random(3, 3, 2, 3), random(2, 4, 3, 3)], transposed)


def pooling():
    def window(size, stride, padding=(0, 0, 0, 0)):
        return {"size": size, "stride": stride, "padding": padding}

    settings = {"window": window((2, 3), (2, 1))}
    case("max_pool2d", {"max_pool2d": settings}, [random(2, 5, 5, 2)], nchw(lambda x: F.max_pool2d(x, (2, 3), (2, 1))))
    settings = {"window": window((3, 3), (2, 2), (1, 1, 1, 1))}
    function = nchw(lambda x: F.max_pool2d(x, 3, 2, 1))
    case("max_pool2d padded", {"max_pool2d": settings}, [random(1, 5, 6, 2) - 5.0], function)
    ties = torch.tensor([[1.0, 1, 0, 2], [1, 0, 2, 2], [0, 0, 3, 1], [0, 0, 1, 3]], dtype=torch.float64)
    settings = {"window": window((2, 2), (2, 2))}
    case("max_pool2d ties", {"max_pool2d": settings}, [ties.reshape(1, 4, 4, 1)], nchw(lambda x: F.max_pool2d(x, 2)))
    for include in (False, True):
        settings = {"window": window((3, 2), (2, 2), (1, 1, 1, 1)), "include_padding": include}
        function = nchw(lambda x, i=include: F.avg_pool2d(x, (3, 2), 2, (1, 1), count_include_pad=i))
        case(f"avg_pool2d {include}", {"avg_pool2d": settings}, [random(2, 5, 4, 2)], function)


def norms():
    last = lambda x: x.reshape(-1, x.shape[-1])
    x, gamma, beta = random(2, 3, 2, 3), random(3), random(3)
    moments = lambda x: torch.stack([last(x).mean(0), last(x).var(0, unbiased=False)])
    case("batch_statistics", {"batch_statistics": {}}, [x], moments, [])
    statistics = moments(x)
    epsilon = 1e-3

    def training(x, _, gamma, beta):
        return F.batch_norm(last(x), None, None, gamma, beta, True, 0.1, epsilon).reshape(x.shape)

    op = {"batch_norm": {"epsilon": epsilon, "batch_statistics": True}}
    case("batch_norm training", op, [x, statistics, gamma, beta], training, [0, 2, 3])

    def inference(x, s, gamma, beta):
        return F.batch_norm(last(x), s[0], s[1], gamma, beta, False, 0.1, epsilon).reshape(x.shape)

    statistics = torch.stack([random(3), random(3, low=0.5)])
    op = {"batch_norm": {"epsilon": epsilon, "batch_statistics": False}}
    case("batch_norm inference", op, [x, statistics, gamma, beta], inference, [0, 2, 3])
    function = lambda x, gamma, beta: F.layer_norm(x, (4,), gamma, beta, 1e-5)
    case("layer_norm", {"layer_norm": {"epsilon": 1e-5}}, [random(2, 3, 4), random(4), random(4)], function)


def moving():
    for kind, function in {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}.items():
        for keep in (False, True):
            op = {"reduce": {"kind": kind, "axes": [0, 2], "keep": keep}}
            case(f"reduce {kind} {keep}", op, [random(2, 3, 4)], lambda x, f=function, k=keep: f(x, (0, 2), k))
    op = {"broadcast_to": {"shape": (2, 3, 4), "average": False}}
    case("broadcast_to", op, [random(2, 1, 4)], lambda x: x.expand(2, 3, 4))
    case("reshape", {"reshape": {"shape": (3, 4)}}, [random(2, 6)], lambda x: x.reshape(3, 4))
    case("transpose", {"transpose": {"permutation": [2, 0, 1]}}, [random(2, 3, 4)], lambda x: x.permute(2, 0, 1))
    case("slice", {"slice": {"axis": 1, "start": 1, "len": 2}}, [random(2, 4, 3)], lambda x: x[:, 1:3])
    inputs = [random(2, 1, 2), random(2, 3, 2), random(2, 2, 2)]
    case("concat", {"concat": {"axis": 1}}, inputs, lambda *x: torch.cat(x, 1))
    op = {"pad": {"before": [1, 0], "after": [0, 2], "value": 1.5}}
    case("pad", op, [random(2, 3)], lambda x: F.pad(x, (0, 2, 1, 0), value=1.5))
    case("gather", {"gather": {}}, [random(5, 3), whole(5, 2, 3)], lambda t, i: t[i.long()], [0])
    case("stop_gradient", {"stop_gradient": {}}, [random(3)], lambda x: x.detach().clone(), [])


def losses():
    case("softmax", {"softmax": {}}, [random(2, 3, 4)], lambda x: x.softmax(-1))
    case("log_softmax", {"log_softmax": {}}, [random(2, 4, high=40.0)], lambda x: x.log_softmax(-1))
    for smoothing in (0.0, 0.1):
        settings = {"label_smoothing": smoothing}
        sparse = lambda x, y, s=smoothing: F.cross_entropy(x, y.long(), reduction="none", label_smoothing=s)
        case(f"sparse_cross_entropy {smoothing}", {"sparse_cross_entropy": settings}, [random(4, 5), whole(5, 4)], sparse, [0])
        soft = lambda x, y, s=smoothing: F.cross_entropy(x, y, reduction="none", label_smoothing=s)
        inputs = [random(3, 4), random(3, 4).softmax(-1)]
        case(f"soft_cross_entropy {smoothing}", {"soft_cross_entropy": settings}, inputs, soft)


def attention():
    mask = torch.tensor([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], dtype=torch.float64)

    def sdpa(q, k, v, mask=None, causal=False):
        seen = torch.ones(q.shape[0], 1, q.shape[1], k.shape[1], dtype=torch.bool)
        seen = seen & (mask[:, None, None] != 0) if mask is not None else seen
        seen = seen.tril() if causal else seen
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=True).transpose(1, 2)

    for heads, kv_heads, time, depth in [(2, 2, 5, 4), (4, 2, 3, 2), (3, 1, 7, 4)]:
        inputs = [random(2, time, heads, depth), random(2, 5, kv_heads, depth), random(2, 5, kv_heads, depth)]
        op = {"attention": {"causal": False, "scale": depth**-0.5}}
        case(f"attention {heads}/{kv_heads}", op, inputs, sdpa)
        case(f"attention masked {heads}/{kv_heads}", op, [*inputs, mask], sdpa, [0, 1, 2])
        op = {"attention": {"causal": True, "scale": depth**-0.5}}
        case(f"attention causal {heads}/{kv_heads}", op, inputs, lambda q, k, v: sdpa(q, k, v, causal=True))

    def rotary(x):
        half = x.shape[-1] // 2
        powers = torch.arange(half, dtype=torch.float64) * -2 / x.shape[-1]
        angles = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * 10000**powers
        pairs = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)[:, None]
        return torch.cat([pairs.real, pairs.imag], -1)

    case("rotary_embedding", {"rotary_embedding": {"base": 10000.0, "inverse": False}}, [random(2, 5, 2, 6)], rotary)
    norm = lambda x, g: F.rms_norm(x, g.shape, g, 1e-3)
    case("rms_norm", {"rms_norm": {"epsilon": 1e-3}}, [random(2, 3, 5), random(5)], norm)


def philox(key, counter):
    """Philox4x32-10 (Salmon et al. 2011)."""
    mask = 0xFFFFFFFF
    for _ in range(10):
        left, right = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [
            (right >> 32) ^ counter[1] ^ key[0],
            right & mask,
            (left >> 32) ^ counter[3] ^ key[1],
            left & mask,
        ]
        key = [(key[0] + 0x9E3779B9) & mask, (key[1] + 0xBB67AE85) & mask]
    return counter


def dropout():
    mask, seed, step, stream, rate = 0xFFFFFFFF, 0x0123456789ABCDEF, 0x100000007, 0xCBF29CE484222325, 0.3
    words = []
    for place in range(200):
        key = [seed & mask, seed >> 32]
        block = 16 * (place // 64) + place % 16
        counter = [block, step & mask, stream & mask, stream >> 32]
        words.append(philox(key, counter)[place % 64 // 16])
    kept = "".join(str(int(word >= rate * 2**32)) for word in words)
    return {"seed": seed, "step": step, "stream": stream, "rate": rate, "kept": kept}


if __name__ == "__main__":
    for group in (unary, binary, matmul, conv2d, pooling, norms, moving, losses, attention):
        group()
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    (OUT / "operators.json").write_text(f"[\n{lines}\n]\n")
    (OUT / "dropout.json").write_text(json.dumps(dropout(), indent=1) + "\n")
    print(len(cases), "cases")
