#!/bin/sh
# keras 3.15.1 (pip, on tensorflow-cpu 2.21.0): predict() turns off a layer that was called with training=True.
# Expected (Keras 2, and its guides on Monte Carlo dropout): Dropout(0.5)(x, training=True) in a functional model drops in
# every prediction, since the argument of the call comes before all else; uncertainty is the spread of predict()'s answers.
# Seen: model(x) drops, model.predict(x) drops nothing: its training=False is passed down over the recorded True. So the
# spread of predict() is exactly 0, and a file that says training: true does not say what the model predicts.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 >/dev/null 2>&1
cat >"$folder/check.py" <<'PY'
import sys

import keras
import numpy as np

x = keras.Input((1000,))
dropout = keras.layers.Dropout(0.5)
model = keras.Model(x, dropout(x, training=True))
ones = np.ones((1, 1000), "float32")
recorded = dropout._inbound_nodes[0].arguments.kwargs
called = [float((np.asarray(model(ones)) == 0).mean()) for _ in range(3)]
predicted = [float((model.predict(ones, verbose=0) == 0).mean()) for _ in range(3)]
print(f"keras {keras.__version__} ({keras.backend.backend()}); the call is recorded with {recorded}")
print(f"share dropped by model(x)          {called}")
print(f"share dropped by model.predict(x)  {predicted} (expected about 0.5, as training=True says)")
same = recorded == {"training": True} and min(called) > 0.4 and max(predicted) == 0
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
CUDA_VISIBLE_DEVICES=-1 TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/check.py"
