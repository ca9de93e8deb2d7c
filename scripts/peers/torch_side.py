"""PyTorch's side: one JSON line a workload. usage: torch_side.py START_FOLDER WORKLOAD...

Writes START_FOLDER/WORKLOAD.safetensors with the first weights and the batches, then prints the losses of the first 20
steps and the times of a step and of a prediction: a bare loop, channels_last for images, fused Adam, medians. Jingwei
updates large tables by rows, so the losses of workloads with one come from SparseAdam for the table, which differs in that it
moves a row by a share of its gradient; the times are those of fused Adam everywhere, as people run it. So do the losses of the LSTM come from one bias in place of PyTorch's two.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import workloads


def median_ms(call, seconds, least=3):
    for _ in range(5):
        call()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < least:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e3


def tensor(name, batch):
    x = torch.from_numpy(batch)
    if name in workloads.TOKENS or name in workloads.GPTS:
        return x.long()
    if x.ndim == 4:
        x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return x


def run(folder, name):
    torch.manual_seed(0)
    model = workloads.torch_model(name)
    batches, labels = workloads.batches(name)
    start = {**workloads.torch_weights(model), "batches/x": batches, "batches/labels": labels}
    workloads.write_safetensors(f"{folder}/{name}.safetensors", start)
    if name.startswith("cnn"):
        model = model.to(memory_format=torch.channels_last)
    xs = [tensor(name, batch) for batch in batches]
    ys = [torch.from_numpy(batch).flatten() for batch in labels]

    def step(model, optimizers, x, y):
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss

    adam = torch.optim.Adam(model.parameters(), 1e-3, eps=1e-7, fused=True)
    watched, optimizers = model, [adam]
    if name == "lstm":
        watched = workloads.torch_model(name)
        watched.load_state_dict(model.state_dict())
        workloads.with_one_bias(watched)
        optimizers = [torch.optim.Adam([p for p in watched.parameters() if p.requires_grad], 1e-3, eps=1e-7)]
    if name in workloads.ROW_SPARSE:
        watched = workloads.torch_model(name, row_sparse=True)
        watched.load_state_dict(model.state_dict())
        table, *rest = watched.parameters()
        optimizers = [torch.optim.SparseAdam([table], 1e-3, eps=1e-9), torch.optim.Adam(rest, 1e-3, eps=1e-7)]
    losses = [step(watched, optimizers, x, y).item() for x, y in zip(xs, ys)]
    train = median_ms(lambda: step(model, [adam], xs[0], ys[0]), 3.0)
    model.eval()
    with torch.inference_mode():
        infer = median_ms(lambda: model(xs[0]), 1.5)
        one = median_ms(lambda: model(xs[0][:1]), 1.5)
    print(json.dumps(dict(peer=f"PyTorch {torch.__version__}", workload=name, train_ms=train, infer_ms=infer, infer_one_ms=one, losses=losses)), flush=True)


for workload in sys.argv[2:]:
    run(sys.argv[1], workload)
