#!/usr/bin/env python3
"""Predictions for a long table: `torso predict` beside scikit-learn, whole programs in turns.

Both read the same CSV, predict with a network of two layers of 64, and write a prediction a row.
README.md says how to read it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
HIDDEN = (64, 64)
LEARNED_ROWS = 2_000
CHUNK_ROWS = 100_000
BAR = 3.0
MEMORY_BAR = 200.0


def write_table(path, rows, columns, seed=0):
    """Standard normal features with six decimals, and a smooth target."""
    random = np.random.default_rng(seed)
    names = [f"x{i}" for i in range(columns)]
    with open(path, "w") as file:
        file.write(",".join([*names, "y"]) + "\n")
        for start in range(0, rows, CHUNK_ROWS):
            x = random.standard_normal((min(CHUNK_ROWS, rows - start), columns))
            y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * random.standard_normal(len(x))
            np.savetxt(file, np.column_stack([x, y]), fmt="%.6f", delimiter=",")


def rival(table, model, output):
    """What a user of scikit-learn would write: pandas in chunks, into a pipeline, into a CSV."""
    import pickle

    import pandas as pd

    with open(model, "rb") as file:
        pipeline = pickle.load(file)
    names = list(pipeline.feature_names_in_)
    with open(output, "w") as file:
        file.write("y\n")
        for chunk in pd.read_csv(table, usecols=names, chunksize=CHUNK_ROWS):
            predictions = pd.Series(pipeline.predict(chunk[names]))
            predictions.to_csv(file, header=False, index=False)


def train_rival(table, model):
    import pickle
    import warnings

    import pandas as pd
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    warnings.simplefilter("ignore")
    data = pd.read_csv(table)
    network = MLPRegressor(hidden_layer_sizes=HIDDEN, max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network).fit(data.drop(columns="y"), data["y"])
    with open(model, "wb") as file:
        pickle.dump(pipeline, file)


def train_torso(torso, table, run):
    hidden = ",".join(map(str, HIDDEN))
    options = ["--targets", "y", "--method", "hard+equal", "--set", f"hidden={hidden}"]
    options += ["--epochs", "5", "--trials", "1", "--out", run]
    subprocess.run([torso, "train", table, *options], check=True, capture_output=True)


def measured(command):
    """Wall time in s, CPU time in s and peak memory in MiB of a program."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = pid = 0
    while pid == 0:
        time.sleep(0.005)
        # Not `ru_maxrss`, which counts this program too, from before the other was loaded.
        peak = max(peak, peak_kib(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    wall = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
    return wall, usage.ru_utime + usage.ru_stime, peak / 1024


def peak_kib(pid):
    """The most memory that a running program held so far; 0 if it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()) / "torso-peers")
    parser.add_argument("--torso", type=Path, default=ROOT / "target/release/torso")
    parser.add_argument("--model", type=Path, help="a model of Torso's, instead of training one")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rival", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rival:
        return rival(*options.rival)

    # Set for other programs of this machine, they slow numpy down.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    place = options.directory
    place.mkdir(parents=True, exist_ok=True)
    small = place / f"learn-{options.columns}.csv"
    table = place / f"predict-{options.rows}x{options.columns}.csv"
    for path, rows in ((small, LEARNED_ROWS), (table, options.rows)):
        if not path.exists():
            write_table(path, rows, options.columns)
    train_rival(small, place / "rival.pickle")
    model = options.model or place / "run"
    if not options.model:
        train_torso(options.torso, small, model)

    ours, theirs = place / "torso.csv", place / "rival.csv"
    commands = {
        "torso": [options.torso, "predict", model, table, "-o", ours, "--overwrite"],
        "scikit-learn": [sys.executable, __file__, "--rival", table, place / "rival.pickle", theirs],
    }
    rounds = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            rounds[name].append(measured(command))
    ratios = [a[0] / b[0] for a, b in zip(rounds["scikit-learn"], rounds["torso"])]
    ratio = statistics.median(ratios)
    memory = max(peak for _, _, peak in rounds["torso"])
    ok = ratio >= BAR and memory < MEMORY_BAR
    if options.json:
        print(json.dumps({"rounds": rounds, "ratio": ratio, "memory_mib": memory, "ok": ok}))
        return 0 if ok else 1
    print(f"{options.rows:,} rows x {options.columns} columns, {table.stat().st_size / 1e6:.0f} MB")
    for name, times in rounds.items():
        wall, cpu, peak = (statistics.median(column) for column in zip(*times))
        rate = options.rows / wall
        print(f"{name:13} {wall:7.2f} s  {cpu:7.2f} CPU s  {rate:12,.0f} rows/s  {peak:7.0f} MiB")
    spread = f"[{min(ratios):.1f}, {max(ratios):.1f}]"
    print(f"{ratio:.1f} times the rows per second {spread}, bar {BAR:.0f}: {'ok' if ok else 'MISSED'}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
