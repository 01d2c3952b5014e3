#!/bin/sh
# onnx 1.23.1 (pip), ReferenceEvaluator: LpNormalization with p = 1 divides by the sum of the values, not of their sizes.
# Expected (ONNX Runtime 1.30.0, PyTorch's normalize, scikit-learn): 3 and -1 become 0.75 and -0.25.
# Seen: 1.5 and -0.5; values that add up to 0 become infinite. With p = 2 it is right, and the standard's own test cases for p = 1 have only values from 0 on.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet onnx==1.23.1 onnxruntime==1.30.0 numpy >/dev/null
cat >check.py <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

onnxruntime.set_default_logger_severity(4)
x = np.array([[3, -1], [3, 1]], np.float32)
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: rows of length 1 of 3 -1 and 3 1")
seen = []
for p in [1, 2]:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape) for n in "xy"]
    graph = helper.make_graph([helper.make_node("LpNormalization", ["x"], ["y"], p=p, axis=1)], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for name, r in {"reference": ReferenceEvaluator(model), "runtime": onnxruntime.InferenceSession(model.SerializeToString())}.items():
        seen.append(" ".join(f"{v:.3f}" for v in r.run(None, {"x": x})[0].ravel()))
        print(f"p {p}, {name:9} {seen[-1]}")
print("expected: each row's sizes add up to 1 for p 1, its squares for p 2")
same = seen == ["1.500 -0.500 0.750 0.250", "0.750 -0.250 0.750 0.250", "0.949 -0.316 0.949 0.316", "0.949 -0.316 0.949 0.316"]
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
env/bin/python -W ignore check.py
