#!/bin/sh
# onnx 1.23.1 (pip), ReferenceEvaluator: Softmax and LogSoftmax of a file of opset 11 are worked out as opset 13 has them.
# Expected (ONNX's text of those versions, ONNX Runtime 1.30.0, and this package's version_converter, which writes Flatten and Reshape around it): before 13, all axes from the given one on (1 unless said) are one, so that each row of [2, 2, 2] adds up to 1.
# Seen: along the one axis alone, so that a row's numbers add up to 2.
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
from onnx import TensorProto, helper, version_converter
from onnx.reference import ReferenceEvaluator

onnxruntime.set_default_logger_severity(4)
x = np.zeros((2, 2, 2), np.float32)
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: softmax of zeros [2, 2, 2], opset 11, axis 1")
same = True
for op in ["Softmax", "LogSoftmax"]:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape) for n in "xy"]
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"], axis=1)], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    newer = version_converter.convert_version(model, 13)
    run = {
        "reference": ReferenceEvaluator(model),
        "reference, converted to 13": ReferenceEvaluator(newer),
        "runtime": onnxruntime.InferenceSession(model.SerializeToString()),
    }
    seen = {name: round(float(r.run(None, {"x": x})[0][0, 0, 0]), 4) for name, r in run.items()}
    wanted = 0.25 if op == "Softmax" else -1.3863
    for name, value in seen.items():
        print(f"{op:10} {name:27} {value} (expected {wanted})")
    same = same and list(seen.values()) == [0.5 if op == "Softmax" else -0.6931, wanted, wanted]
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
env/bin/python -W ignore check.py
