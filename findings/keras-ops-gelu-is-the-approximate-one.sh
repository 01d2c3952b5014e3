#!/bin/sh
# keras 3.15.1 (pip, on tensorflow-cpu 2.21.0): keras.ops.gelu and keras.activations.gelu are two functions.
# Expected: one gelu, as there is one relu, silu and elu. PyTorch, ONNX and Keras's own layers take the exact one, x Phi(x),
# unless they are asked for the tanh form (jax.nn alone begins from that).
# Seen: ops.gelu(x) is the tanh form (approximate=True by default), activations.gelu(x) and Activation("gelu") the exact one
# (approximate=False). They are up to 4.7e-4 apart, so a net whose activation is moved from a layer to keras.ops changes its
# outputs in the fourth digit; the other activations of the two modules agree to the bit.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 >/dev/null 2>&1
cat >"$folder/check.py" <<'PY'
import math
import sys

import keras
import numpy as np

x = np.linspace(-4, 4, 8001).astype("float32")
exact = np.array([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x.tolist()])
tanh = np.array([0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) for v in x.tolist()])
found = {
    "ops.gelu": np.asarray(keras.ops.gelu(x)),
    "activations.gelu": np.asarray(keras.activations.gelu(x)),
    'Activation("gelu")': np.asarray(keras.layers.Activation("gelu")(x)),
}
print(f"keras {keras.__version__} ({keras.backend.backend()}), largest distance on [-4, 4]")
far = {}
for name, y in found.items():
    far[name] = (float(np.abs(y - exact).max()), float(np.abs(y - tanh).max()))
    print(f"{name:20} from x Phi(x) {far[name][0]:.1e}, from the tanh form {far[name][1]:.1e}")
others = ["relu", "silu", "elu", "selu", "softplus", "sigmoid"]
agree = all(
    np.array_equal(np.asarray(getattr(keras.ops, n)(x)), np.asarray(getattr(keras.activations, n)(x))) for n in others
)
print(f"{', '.join(others)}: the two modules agree to the bit: {agree} (expected of gelu too)")
near, apart = 1e-5, 4e-4
same = (
    far["ops.gelu"][0] > apart
    and far["ops.gelu"][1] < near
    and all(far[n][0] < near and far[n][1] > apart for n in ["activations.gelu", 'Activation("gelu")'])
    and agree
)
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
CUDA_VISIBLE_DEVICES=-1 TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/check.py"
