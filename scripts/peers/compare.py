"""Runs the peers and Jingwei in turn on the same machine and prints the ratios.

usage: python scripts/peers/compare.py [--jingwei target/release/jingwei] [--rounds 3] [--exact] [WORKLOAD...]

Needs numpy, torch and tensorflow-cpu, and a release build of Jingwei. Each round runs PyTorch, Keras and Jingwei one after
the other; the median of the rounds is printed, how many times faster Jingwei is than each, and than the best of them. From
PyTorch's first weights and on the same batches, 20 losses in a row must agree to 1e-3.

With AMX, Jingwei's gradients are wrong by some 4e-6 unless --exact asks for those of f32; predictions and losses are
always as exact as f32.

Burn and candle take part in the convolutional workloads where they have been built:
cargo build --release --manifest-path scripts/peers/rust/Cargo.toml
"""

import argparse
import json
import pathlib
import platform
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
MEASURES = [("train_ms", "training step"), ("infer_ms", "inference, whole batch"), ("infer_one_ms", "inference, one")]


def lines(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def processor():
    try:
        names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
        return f"{names[0]}, {len(names)} cores"
    except (OSError, IndexError):
        return platform.processor()


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jingwei", default="target/release/jingwei")
    parser.add_argument("--rust", default=HERE / "rust/target/release/rust-peers", help="Burn's and candle's side")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--exact", action="store_true", help="gradients as exact as f32")
    parser.add_argument("workloads", nargs="*", default=["mlp", "cnn_mnist", "cnn_cifar", "textcnn", "lstm"])
    options = parser.parse_args()
    precision = ["--gradient-precision", "highest" if options.exact else "high"]
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for name in options.workloads:
                start = f"{folder}/{name}.safetensors"
                sides = lines([sys.executable, HERE / "torch_side.py", folder, name])
                if not name.startswith("gpt"):
                    sides += lines([sys.executable, HERE / "keras_side.py", name])
                if name.startswith("cnn") and pathlib.Path(options.rust).exists():
                    sides += lines([options.rust, folder, name])
                sides += lines([options.jingwei, "bench", name, "--start", start, "--json", *precision])
                for side in sides:
                    runs.setdefault(name, {}).setdefault(side["peer"], []).append(side)
    print(processor())
    failed = False
    for name, peers in runs.items():
        ours = next(peer for peer in peers if peer.startswith("Jingwei"))
        theirs = [peer for peer in peers if peer != ours]
        print(f"\n{name:24}" + "".join(f"{peer.split('+')[0]:>26}" for peer in peers) + f"{'ratio':>10}")
        for key, text in MEASURES:
            medians = {peer: median([run[key] for run in side]) for peer, side in peers.items()}
            ratios = {peer: medians[peer] / medians[ours] for peer in peers}
            cells = [f"{medians[peer]:14.4f} ms {ratios[peer]:7.2f}x" for peer in theirs] + [f"{medians[ours]:23.4f} ms"]
            print(f"{text:24}" + "".join(cells) + f"{min(ratios[peer] for peer in theirs):9.2f}x")
        for peer in theirs:
            if "losses" not in peers[peer][-1]:
                continue
            pairs = zip(peers[peer][-1]["losses"], peers[ours][-1]["losses"], strict=True)
            difference = max(abs(a - b) for a, b in pairs)
            failed |= not difference < 1e-3
            print(f"20 losses differ from those of {peer.split('+')[0]} by {difference:.1e} at most")
    sys.exit("losses disagree: the comparison does not count" if failed else 0)


main()
