"""Golden values for the attention layers of crates/nn, from PyTorch. Writes crates/nn/tests/golden/transformers.json."""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

OUT = Path(__file__).resolve().parents[2] / "crates/nn/tests/golden/transformers.json"
torch.manual_seed(7)
cases = []


def numbers(values):
    return [float(f"{value:.7g}") for value in values.detach().reshape(-1).tolist()]


def case(recipe, xs, weights, y):
    cases.append(
        {
            "recipe": recipe,
            "sizes": [list(x.shape[1:]) for x in xs],
            "xs": [numbers(x) for x in xs],
            "weights": [numbers(w) for w in weights],
            "y": numbers(y),
        }
    )


def randomise(module):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn_like(p) * 0.4)
    return module.double().eval()


def attention_weights(a, cross=False):
    """In our order: kernels are [in, out], the columns of queries, keys and values next to one another."""
    w, b, d = a.in_proj_weight, a.in_proj_bias, a.embed_dim
    end = [a.out_proj.weight.t(), a.out_proj.bias]
    if cross:
        return [w[:d].t(), b[:d], w[d:].t(), b[d:], *end]
    return [w.t(), b, *end]


def dense_weights(layer):
    return [layer.linear1.weight.t(), layer.linear1.bias, layer.linear2.weight.t(), layer.linear2.bias]


def norm_weights(n):
    return [n.weight, n.bias]


def attention():
    x, z = torch.randn(2, 5, 8, dtype=torch.double), torch.randn(2, 3, 8, dtype=torch.double)
    later = torch.ones(5, 5, dtype=torch.bool).triu(1)
    a = randomise(nn.MultiheadAttention(8, 2, batch_first=True))
    case("multi_head_attention = { num_heads = 2, key_dim = 4 }", [x], attention_weights(a), a(x, x, x)[0])
    recipe = "multi_head_attention = { num_heads = 2, key_dim = 4, causal = true }"
    case(recipe, [x], attention_weights(a), a(x, x, x, attn_mask=later)[0])
    case("multi_head_attention = { num_heads = 2, key_dim = 4 }", [x, z], attention_weights(a, True), a(x, z, z)[0])
    kernel, out = torch.randn(8, 6 * 3, dtype=torch.double), torch.randn(12, 8, dtype=torch.double)
    q, k, v = (part.unflatten(-1, (-1, 3)).transpose(1, 2) for part in (x @ kernel).split([12, 3, 3], -1))
    y = F.scaled_dot_product_attention(q, k, v, enable_gqa=True).transpose(1, 2).flatten(2) @ out
    recipe = "multi_head_attention = { num_heads = 4, num_kv_heads = 1, key_dim = 3, use_bias = false }"
    case(recipe, [x], [kernel, out], y)


def blocks():
    x, z = torch.randn(2, 4, 6, dtype=torch.double), torch.randn(2, 3, 6, dtype=torch.double)
    for first in (False, True):
        settings = dict(dropout=0.0, batch_first=True, norm_first=first)
        end = "normalize_first = true" if first else "normalize_first = false"

        def ordered(*parts):
            pairs = [norm + inner if first else inner + norm for inner, norm in parts]
            return sum(pairs, [])

        e = randomise(nn.TransformerEncoderLayer(6, 2, 10, activation="gelu", **settings))
        weights = ordered((attention_weights(e.self_attn), norm_weights(e.norm1)), (dense_weights(e), norm_weights(e.norm2)))
        recipe = f"transformer_encoder = {{ num_heads = 2, intermediate_dim = 10, activation = 'gelu', {end} }}"
        case(recipe, [x], weights, e(x))
        d = randomise(nn.TransformerDecoderLayer(6, 3, 10, activation="relu", **settings))
        weights = ordered(
            (attention_weights(d.self_attn), norm_weights(d.norm1)),
            (attention_weights(d.multihead_attn, True), norm_weights(d.norm2)),
            (dense_weights(d), norm_weights(d.norm3)),
        )
        recipe = f"transformer_decoder = {{ num_heads = 3, intermediate_dim = 10, {end} }}"
        later = torch.ones(4, 4, dtype=torch.bool).triu(1)
        case(recipe, [x, z], weights, d(x, z, tgt_mask=later))


def others():
    x, scale = torch.randn(2, 4, 6, dtype=torch.double), torch.randn(6, dtype=torch.double)
    case("rms_norm = {}", [x], [scale], F.rms_norm(x, (6,), scale, 1e-6))
    table = torch.randn(9, 6, dtype=torch.double)
    case("positional_embedding = { max_length = 9 }", [x], [table], x + table[:4])
    angles = torch.arange(4.0, dtype=torch.double)[:, None] * 10000 ** (-torch.arange(0, 6, 2, dtype=torch.double) / 6)
    waves = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
    case("sinusoidal_positions = {}", [x], [], x + waves)


for group in (attention, blocks, others):
    group()
lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
OUT.write_text(f"[\n{lines}\n]\n")
print(len(cases), "cases")
