"""PyTorch's side of `cargo bench -p jingwei-kernels --bench kernels -- attention`: causal, forward and both passes, ms.

usage: attention.py [THREADS]
"""

import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)


def least_ms(call):
    times, end = [], time.perf_counter() + 3
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


for batch, length, heads, depth in [(1, 8192, 6, 64), (16, 256, 6, 64), (12, 64, 4, 32)]:
    q, k, v, dy = (torch.randn(batch, length, heads, depth).transpose(1, 2) for _ in range(4))
    inputs = [x.requires_grad_() for x in (q, k, v)]

    def both():
        F.scaled_dot_product_attention(*inputs, is_causal=True).backward(dy)
        for x in inputs:
            x.grad = None

    with torch.inference_mode():
        forward = least_ms(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True))
    print(f"PyTorch {torch.__version__}: {batch} x {length}, {heads} x {depth}: forward {forward:.3f} ms, both {least_ms(both):.3f} ms")
