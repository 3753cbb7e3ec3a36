#!/usr/bin/env bash
# Makes target/readers, or the folder in TORSO_READERS, with TensorBoard from PyPI. PYTHON names
# another interpreter. Where the versions asked for are there already, nothing is fetched.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${TORSO_READERS:-$here/../../../../target/readers}

[ -x "$folder/bin/python" ] || "${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
"$folder/bin/python" -c 'import tensorboard; print("TensorBoard", tensorboard.__version__)'
