#!/usr/bin/env python3
"""A training step of LeNet on images of 36 x 36, Torso and PyTorch side by side. README.md says how to read it."""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, max_pool2d, relu

ROOT = Path(__file__).resolve().parents[2]
BUILD = "cargo build --release -p torso-tape --example lenet_step"
BATCH = 256
TASKS = 2
CLASSES = 10
BAR = 0.50
WARM_UP = 5
# Both sides start from the same weights and images; after this many steps their losses may differ by so much.
CHECK_STEPS = 10
TOLERANCES = {"first": 1e-5, "last": 1e-3}


@dataclass(frozen=True)
class Sample:
    """CPU time and time of one step in ms, and the summed loss at the first and the last step."""

    cpu_ms: float
    wall_ms: float
    first: float
    last: float


def hashes(n):
    """The same numbers as in the example."""
    at = np.arange(n, dtype=np.uint32) * np.uint32(0x9E3779B1)
    at = (at ^ (at >> np.uint32(16))) * np.uint32(0x85EBCA77)
    return at ^ (at >> np.uint32(13))


def draws(shape, scale):
    uniform = hashes(math.prod(shape)) / 2.0**32 - 0.5
    return torch.from_numpy((uniform * scale).astype(np.float32)).reshape(shape)


class LeNet(nn.Module):
    """Two convolutions with pools, a dense layer, and a head for each task."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.dense = nn.Linear(720, 50)
        self.heads = nn.ModuleList(nn.Linear(50, CLASSES) for _ in range(TASKS))
        # Torso has channels last, and inputs before outputs.
        with torch.no_grad():
            for conv in (self.conv1, self.conv2):
                filters, channels, side, _ = conv.weight.shape
                fan_in = side * side * channels
                start = draws((side, side, channels, filters), 2 / math.sqrt(fan_in))
                conv.weight.copy_(start.permute(3, 2, 0, 1))
            start = draws((6, 6, 20, 50), 2 / math.sqrt(720))
            self.dense.weight.copy_(start.permute(3, 2, 0, 1).reshape(50, 720))
            start = draws((50, TASKS, CLASSES), 2 / math.sqrt(50))
            for task, head in enumerate(self.heads):
                head.weight.copy_(start[:, task].T)
            for layer in (self.conv1, self.conv2, self.dense, *self.heads):
                layer.bias.zero_()

    def losses(self, images, classes):
        h = max_pool2d(relu(self.conv1(images)), 2)
        h = max_pool2d(relu(self.conv2(h)), 2)
        h = relu(self.dense(h.flatten(1)))
        return [cross_entropy(head(h), y) for head, y in zip(self.heads, classes)]


def run_torch(threads, steps):
    torch.set_num_threads(threads)
    net = LeNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    images = draws((BATCH, 1, 36, 36), 2 * math.sqrt(3))
    classes = torch.from_numpy((hashes(BATCH * TASKS) % CLASSES).astype(np.int64))
    classes = [classes[task::TASKS].contiguous() for task in range(TASKS)]

    def step():
        optimizer.zero_grad()
        losses = net.losses(images, classes)
        sum(losses).backward()
        optimizer.step()
        return losses

    first = sum(loss.item() for loss in step())
    for _ in range(WARM_UP):
        step()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps - 1):
        step()
    losses = step()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    last = sum(loss.item() for loss in losses)
    return Sample(cpu * 1000 / steps, wall * 1000 / steps, first, last)


def run_torso(example, threads, steps):
    command = [example, "--batch", BATCH, "--steps", steps, "--warm-up", WARM_UP, "--threads", threads]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    done = subprocess.run([*map(str, command), "--json"], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    record = json.loads(done.stdout)
    keys = ("cpu_ms_per_step", "wall_ms_per_step", "loss_first", "loss_last")
    return Sample(*(record[key] for key in keys))


def check_losses(example):
    """Ends the run if the two sides do not compute the same; gives the differences of their losses."""
    ours, theirs = run_torso(example, 1, CHECK_STEPS), run_torch(1, CHECK_STEPS)
    differences = {}
    for key, tolerance in TOLERANCES.items():
        a, b = getattr(ours, key), getattr(theirs, key)
        differences[key] = abs(a - b) / abs(b)
        if not differences[key] <= tolerance:
            sys.exit(f"the {key} losses differ: {a} and {b}")
    if not ours.last < ours.first:
        sys.exit(f"the loss did not fall: {ours.first} to {ours.last}")
    return differences


def measure(example, threads, rounds, seconds):
    """One line of the table. The side that begins changes with each round."""
    # With more threads CPU time counts waiting too.
    time_of = (lambda sample: sample.cpu_ms) if threads == 1 else (lambda sample: sample.wall_ms)
    sides = {
        "torso": lambda steps: run_torso(example, threads, steps),
        "torch": lambda steps: run_torch(threads, steps),
    }
    steps = {side: max(2, round(seconds * 1000 / run(5).wall_ms)) for side, run in sides.items()}
    samples = {side: [] for side in sides}
    for i in range(rounds):
        for side in sorted(sides, reverse=i % 2 == 0):
            samples[side].append(time_of(sides[side](steps[side])))
    ratios = [ours / theirs for ours, theirs in zip(samples["torso"], samples["torch"])]
    ratio = statistics.median(ratios)
    return {
        "threads": threads,
        "time": "CPU" if threads == 1 else "wall",
        "torch_ms": statistics.median(samples["torch"]),
        "torso_ms": statistics.median(samples["torso"]),
        "ratio": ratio,
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "bar": BAR,
        "ok": ratio <= BAR,
    }


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    default = ROOT / "target/release/examples/lenet_step"
    parser.add_argument("--torso", type=Path, default=default, help=f"the program that `{BUILD}` makes")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each side in a round")
    parser.add_argument("--json", action="store_true", help="one JSON document, no table")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    if not args.torso.is_file():
        parser.error(f"no {args.torso}; build it with `{BUILD}`")
    args.torso = args.torso.resolve()
    return args


def main():
    args = arguments()
    torch.set_num_interop_threads(1)
    load = round(os.getloadavg()[0], 2)
    differences = check_losses(args.torso)
    about = {"torch": torch.__version__, "load_average": load, "rounds": args.rounds}
    about |= {f"loss_difference_{key}": value for key, value in differences.items()}
    if not args.json:
        print(", ".join(f"{key} {value:.2g}" if isinstance(value, float) else f"{key} {value}"
                        for key, value in about.items()))
        print(f"{'threads':<9}{'time':<6}{'torch ms':>10}{'torso ms':>10}{'ratio':>7} {'[min, max]':<14}{'bar':>5}")
    rows = []
    for threads in (1, 2):
        row = measure(args.torso, threads, args.rounds, args.seconds)
        rows.append(row)
        if not args.json:
            span = f"[{row['ratio_min']:.2f}, {row['ratio_max']:.2f}]"
            print(
                f"{threads:<9}{row['time']:<6}{row['torch_ms']:>10.2f}{row['torso_ms']:>10.2f}"
                f"{row['ratio']:>7.2f} {span:<14}{row['bar']:>5.2f}  {'ok' if row['ok'] else 'missed'}",
                flush=True,
            )
    if args.json:
        print(json.dumps({**about, "cases": rows}, indent=2))
    sys.exit(0 if all(row["ok"] for row in rows) else 1)


if __name__ == "__main__":
    main()
