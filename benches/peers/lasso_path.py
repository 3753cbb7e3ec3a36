"""The group lasso over features along a path: Torso beside celer, skglm and scikit-learn.

    python lasso_path.py BINARY [--rounds 3]

BINARY is `cargo build --release -p torso-linear --example lasso_path`. Each solves 30 strengths from
the largest down to a tenth of it, warm-started, to a relative duality gap of 1e-6, in one thread;
the rounds are interleaved, and the medians of the ratios are printed with their range. The data has
2,000 rows, 5,000 features and 50 tasks, of which 50 rows of coefficients are true, and noise of
five times a coefficient's standard deviation.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import pathlib
import subprocess
import tempfile
import time
import warnings

import numpy as np
from celer.homotopy import mtl_path
from skglm.datafits import QuadraticMultiTask
from skglm.penalties import L2_1
from skglm.solvers import MultiTaskBCD
from sklearn.linear_model import MultiTaskLasso

N, D, TASKS, TRUE, POINTS, GAP = 2000, 5000, 50, 50, 30, 1e-6


def data():
    rng = np.random.default_rng(7)
    x = np.asfortranarray(rng.standard_normal((N, D)))
    w = np.zeros((D, TASKS))
    w[rng.choice(D, TRUE, replace=False)] = rng.standard_normal((TRUE, TASKS))
    y = np.asfortranarray(x @ w + 5.0 * rng.standard_normal((N, TASKS)))
    return x, y


def objective(x, y, w, alpha):
    """1/2 SSE + alpha n sum of row norms: Torso's units."""
    return 0.5 * ((y - x @ w) ** 2).sum() + alpha * N * np.linalg.norm(w, axis=1).sum()


def gap(x, y, w, alpha):
    residual = y - x @ w
    dual = np.linalg.norm(x.T @ residual, axis=1).max() / (alpha * N)
    tau = np.clip((residual * y).sum() / (residual**2).sum(), -1 / dual, 1 / dual)
    bound = tau * (residual * y).sum() - 0.5 * tau**2 * (residual**2).sum()
    primal = objective(x, y, w, alpha)
    return (primal - bound) / primal


def celer(x, y, alphas):
    _, coefs, _ = mtl_path(x, y, alphas=alphas, tol=TOLERANCE["celer"], max_iter=1000)
    return [coefs[:, :, k].T for k in range(len(alphas))]


def skglm(x, y, alphas):
    datafit = QuadraticMultiTask()
    solver = MultiTaskBCD(tol=TOLERANCE["skglm"], max_iter=1000, max_epochs=50_000, fit_intercept=False, warm_start=True)
    w = np.zeros((D, TASKS))
    xw = np.zeros((N, TASKS), order="F")
    out = []
    for alpha in alphas:
        w, _, _ = solver.solve(x, y, datafit, L2_1(alpha), w, xw)
        xw = np.asfortranarray(x @ w)
        out.append(w.copy())
    return out


def sklearn(x, y, alphas):
    model = MultiTaskLasso(fit_intercept=False, warm_start=True, max_iter=100_000, tol=TOLERANCE["sklearn"])
    out = []
    for alpha in alphas:
        model.set_params(alpha=alpha).fit(x, y)
        out.append(model.coef_.T.copy())
    return out


# Each peer's own stopping value: the largest power of ten tried with a gap of at most GAP on all points
# (celer at 1e-3 and skglm at 1e-1 leave 4e-3 and 2e-2).
TOLERANCE = {"celer": 1e-4, "skglm": 1e-2, "sklearn": 1e-5}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="celer,skglm,sklearn")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    x, y = data()
    most = np.linalg.norm(x.T @ y, axis=1).max() / N
    alphas = most * 0.1 ** (np.arange(POINTS) / (POINTS - 1))
    peers = {name: globals()[name] for name in options.peers.split(",")}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        x.ravel(order="F").tofile(folder / "x.f64")
        y.ravel(order="F").tofile(folder / "y.f64")
        (folder / "sizes.txt").write_text(f"{N} {D} {TASKS}")
        for name, peer in peers.items():
            w = peer(x, y, alphas)  # compiles, and shows the gaps
            gaps = [gap(x, y, w, alpha) for w, alpha in zip(w, alphas)]
            print(f"{name}: largest gap {max(gaps):.1e} last objective {objective(x, y, w[-1], alphas[-1]):.9e}", flush=True)
        ratios = {name: [] for name in peers}
        for _ in range(options.rounds):
            text = subprocess.run([options.binary, folder], capture_output=True, text=True, check=True)
            ours = float(text.stdout.split()[1])
            print(text.stdout.replace("\n", "  "), flush=True)
            for name, peer in peers.items():
                started = time.perf_counter()
                peer(x, y, alphas)
                seconds = time.perf_counter() - started
                ratios[name].append(ours / seconds)
                print(f"  {name} {seconds:.2f} s, ratio {ours / seconds:.3f}", flush=True)
    for name, of in ratios.items():
        print(f"{name}: {np.median(of):.3f} [{min(of):.3f}, {max(of):.3f}] of its time")


main()
