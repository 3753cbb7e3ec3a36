#!/usr/bin/env bash
# Makes benches/peers/.venv with PyTorch, from PyPI alone. PYTHON names another interpreter.
set -euo pipefail
cd "$(dirname "$0")"

"${PYTHON:-python3}" -m venv .venv
# Without --no-deps pip adds Triton and what else only a GPU uses.
.venv/bin/pip install --quiet --no-cache-dir --no-deps -r requirements.txt
.venv/bin/python -c 'import torch; print("PyTorch", torch.__version__)'
