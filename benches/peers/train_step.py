#!/usr/bin/env python3
"""Training steps and task gradients, Torso and its rivals side by side. README.md says how to read it."""

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

import torch
from torch import nn
from torch.nn.functional import mse_loss

ROOT = Path(__file__).resolve().parents[2]
BUILD = "cargo build --release --example train_step --example balanced_step"
NETS = {"mlp": (64, 256, 256), "mlp-large": (512, 1024, 1024, 1024)}
TASKS = 8
WARM_UP = 2
ROUND_MS = 1000.0


@dataclass(frozen=True)
class Case:
    """Work that both sides do, and the most that Torso may need of it, as a share of the rival's time.

    The rival is PyTorch, with TorchJD for `upgrad`; for `representation` it is Torso's own step with
    equal weights.
    """

    work: str
    net: str
    batch: int
    bar: float

    @property
    def name(self):
        return f"{self.work}-{self.net}-b{self.batch}"


CASES = [
    Case("train", "mlp", 32, 0.25),
    Case("train", "mlp", 256, 0.65),
    Case("train", "mlp-large", 512, 1.05),
    Case("grads", "mlp", 32, 0.40),
    Case("grads", "mlp", 256, 0.80),
    Case("grads", "mlp-large", 512, 1.10),
    Case("upgrad", "mlp", 32, 0.15),
    Case("upgrad", "mlp", 256, 0.50),
    Case("representation", "mlp", 32, 1.30),
    Case("representation", "mlp", 256, 1.30),
]


@dataclass(frozen=True)
class Sample:
    """CPU time of one step in ms, and the summed loss at the first and the last step."""

    ms: float
    first: float
    last: float


class Net(nn.Module):
    """A ReLU trunk that all tasks share, and a linear head for each."""

    def __init__(self, widths):
        super().__init__()
        layers = []
        for n_in, n_out in zip(widths, widths[1:]):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleList(nn.Linear(widths[-1], 1) for _ in range(TASKS))

    def losses(self, x, targets):
        shared = self.trunk(x)
        return [mse_loss(head(shared), y) for head, y in zip(self.heads, targets)]


def training(net, x, targets):
    """A function that trains for one step and gives the losses before it."""
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def step():
        optimizer.zero_grad()
        losses = net.losses(x, targets)
        sum(losses).backward()
        optimizer.step()
        return losses

    return step


def balanced(net, x, targets):
    """A function that trains for one step along UPGrad's direction and gives the losses before it."""
    from torchjd.aggregation import UPGrad
    from torchjd.autojac import jac_to_grad, mtl_backward

    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    aggregator = UPGrad()

    def step():
        optimizer.zero_grad()
        shared = net.trunk(x)
        losses = [mse_loss(head(shared), y) for head, y in zip(net.heads, targets)]
        mtl_backward(losses, features=shared)
        jac_to_grad(net.trunk.parameters(), aggregator)
        optimizer.step()
        return losses

    return step


def task_gradients(net, x, targets):
    """A function that takes each loss's gradient for the trunk and gives the losses."""
    shared = list(net.trunk.parameters())

    def step():
        losses = net.losses(x, targets)
        # Kept until all are there, as a balancer needs them.
        _rows = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in losses]
        return losses

    return step


def total(losses):
    return sum(loss.item() for loss in losses)


def run_torch(case, steps):
    # A new network for each sample, as on Torso's side, where each is a new process.
    torch.manual_seed(0)
    widths = NETS[case.net]
    net = Net(widths)
    x = torch.randn(case.batch, widths[0])
    targets = [torch.randn(case.batch, 1) for _ in range(TASKS)]
    works = {"train": training, "grads": task_gradients, "upgrad": balanced}
    step = works[case.work](net, x, targets)

    first = total(step())
    for _ in range(WARM_UP):
        step()
    start = time.process_time()
    # Not kept in the loop: that would hold each step's graph through the next.
    for _ in range(steps - 1):
        step()
    losses = step()
    ms = (time.process_time() - start) * 1000 / steps
    return Sample(ms, first, total(losses))


def run_torso(folder, case, steps, method="upgrad"):
    command = ["--batch", str(case.batch), "--steps", str(steps), "--json"]
    if case.work in ("train", "grads"):
        command = [folder / "train_step", *command, "--net", case.net, "--threads", "1"]
        command += ["--jacobian"] if case.work == "grads" else []
    else:
        gradients = "representation" if case.work == "representation" else "exact"
        command = [folder / "balanced_step", *command, "--method", method, "--gradients", gradients]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{case.name}: {' '.join(map(str, command))} failed:\n{done.stderr}")
    record = json.loads(done.stdout)
    return Sample(record["cpu_ms_per_step"], record["loss_first"], record["loss_last"])


def calibrated(run):
    """The number of steps that takes about `ROUND_MS`."""
    steps = 2
    while (ms := run(steps).ms) * steps < ROUND_MS / 10 and steps < 10_000:
        steps *= 4
    return max(2, round(ROUND_MS / max(ms, 1e-3)))


def check_work(case, side, sample):
    """Ends the run if a side did not learn, or had nothing to take gradients of."""
    if not (math.isfinite(sample.ms) and sample.ms > 0):
        sys.exit(f"{case.name}: {side} took {sample.ms} ms per step")
    if case.work != "grads" and not sample.last < sample.first:
        sys.exit(f"{case.name}: {side}'s loss did not fall: {sample.first} to {sample.last}")
    if case.work == "grads" and not (math.isfinite(sample.last) and sample.last > 0):
        sys.exit(f"{case.name}: {side}'s loss is {sample.last}")


def measure(case, folder, rounds):
    """One line of the table. The side that begins changes with each round."""
    sides = {"torso": lambda steps: run_torso(folder, case, steps)}
    if case.work == "representation":
        sides["rival"] = lambda steps: run_torso(folder, case, steps, method="equal")
    else:
        sides["rival"] = lambda steps: run_torch(case, steps)
    steps = {side: calibrated(run) for side, run in sides.items()}
    samples = {side: [] for side in sides}
    for i in range(rounds):
        for side in sorted(sides, reverse=i % 2 == 0):
            sample = sides[side](steps[side])
            check_work(case, side, sample)
            samples[side].append(sample.ms)

    ratios = [ours / theirs for ours, theirs in zip(samples["torso"], samples["rival"])]
    ratio = statistics.median(ratios)
    return {
        "case": case.name,
        "rival_ms": statistics.median(samples["rival"]),
        "torso_ms": statistics.median(samples["torso"]),
        "ratio": ratio,
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "bar": case.bar,
        "ok": ratio <= case.bar,
    }


def cpu_model():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, "unknown")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    default = ROOT / "target/release/examples"
    parser.add_argument("--torso", type=Path, default=default, help=f"the folder that `{BUILD}` fills")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--case", action="append", choices=[c.name for c in CASES], help="repeatable")
    parser.add_argument("--json", action="store_true", help="one JSON document, no table")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    if not all((args.torso / name).is_file() for name in ("train_step", "balanced_step")):
        parser.error(f"not all examples in {args.torso}; build them with `{BUILD}`")
    args.torso = args.torso.resolve()
    return args


def main():
    args = arguments()
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    about = {
        "torch": torch.__version__,
        "python": sys.version.split()[0],
        "cpu": cpu_model(),
        "load_average": round(os.getloadavg()[0], 2),
        "rounds": args.rounds,
    }
    if not args.json:
        print(", ".join(f"{key} {value}" for key, value in about.items()))
        print(f"{'case':<26}{'rival ms':>10}{'torso ms':>10}{'ratio':>7} {'[min, max]':<14}{'bar':>5}")

    rows = []
    for case in CASES:
        if args.case and case.name not in args.case:
            continue
        row = measure(case, args.torso, args.rounds)
        rows.append(row)
        if not args.json:
            span = f"[{row['ratio_min']:.2f}, {row['ratio_max']:.2f}]"
            print(
                f"{row['case']:<26}{row['rival_ms']:>10.3f}{row['torso_ms']:>10.3f}"
                f"{row['ratio']:>7.2f} {span:<14}{row['bar']:>5.2f}  {'ok' if row['ok'] else 'missed'}",
                flush=True,
            )
    if args.json:
        print(json.dumps({**about, "cases": rows}, indent=2))
    sys.exit(0 if all(row["ok"] for row in rows) else 1)


if __name__ == "__main__":
    main()
