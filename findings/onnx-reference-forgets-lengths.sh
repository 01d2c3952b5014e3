#!/bin/sh
# onnx 1.23.1 (pip), ReferenceEvaluator: LSTM, GRU and RNN leave sequence_lens and clip out of account, with no error.
# Expected (ONNX's text, and ONNX Runtime 1.30.0): a row that ends early has zeros behind its end in Y, and in Y_h and Y_c the state of its last step that counts; what activations are given is held to -clip to clip.
# Seen: padding is gone through like steps, and clip changes nothing. Values of ragged batches that tests take from the reference are of other sentences.
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
steps, rows, size = 3, 1, 1
x = np.full((steps, rows, size), 0.5, np.float32)


def both(op, gates, lengths, **attributes):
    weights = np.full((1, gates * size, size), 0.5, np.float32)
    names = ["x", "w", "r", "", "lengths"][: 5 if lengths else 3]
    node = helper.make_node(op, names, ["y", "last"], hidden_size=size, **attributes)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)]
    inputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, weights.shape) for n in "wr"]
    if lengths:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [rows]))
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ["y", "last"]]
    model = helper.make_model(helper.make_graph([node], "g", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    feed = {"x": x, "w": weights, "r": weights}
    if lengths:
        feed["lengths"] = np.array([lengths], np.int32)
    reference = ReferenceEvaluator(model).run(None, feed)
    runtime = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
    return [[" ".join(f"{v:.3f}" for v in out.ravel()) for out in outs] for outs in [reference, runtime]]


print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: three steps, every step's state; the last")
same = True
for op, gates in [("LSTM", 4), ("GRU", 3), ("RNN", 1)]:
    plain, runtime = both(op, gates, None)
    same = same and plain == runtime
    for what, lengths, attributes in [("of which 2 count", 2, {}), ("clip 0.1", None, {"clip": 0.1})]:
        reference, runtime = both(op, gates, lengths, **attributes)
        print(f"{op:4}, {what:16}: reference {reference[0]}; {reference[1]}   runtime {runtime[0]}; {runtime[1]} (expected)")
        same = same and reference == plain and runtime != plain
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
env/bin/python -W ignore check.py
