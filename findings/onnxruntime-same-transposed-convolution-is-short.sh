#!/bin/sh
# onnxruntime 1.30.0 and onnx 1.23.1 (pip): how long a ConvTranspose with auto_pad SAME_UPPER is where its stride is larger than its kernel, three tools say in three ways.
# Expected (ONNX's text: input times stride; TensorFlow and Keras, where such nets come from): 4 places by stride 3 are 12, the last of them 0.
# Seen: the runtime and ONNX's own shape inference leave zeros behind the last value out, 11; the reference has 12, with the 0 in front, so everything moves by a place. No one says anything; with output_padding 1 and no auto_pad all agree with Keras.
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
from onnx import TensorProto, helper, shape_inference
from onnx.reference import ReferenceEvaluator

onnxruntime.set_default_logger_severity(4)
x = np.arange(1, 5, dtype=np.float32).reshape(1, 1, 4)
w = np.array([1, 10], np.float32).reshape(1, 1, 2)


def ways(**attributes):
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape) for n, a in [("x", x), ("w", w)]]
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[3], **attributes)
    graph = helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    inferred = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[2].dim_value
    run = [onnxruntime.InferenceSession(model.SerializeToString()), ReferenceEvaluator(model)]
    return [inferred, *(" ".join(f"{v:.0f}" for v in r.run(None, {"x": x, "w": w})[0].ravel()) for r in run)]


print(f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}: 1 2 3 4, kernel 1 10, stride 3")
seen = {name: ways(**a) for name, a in {"SAME_UPPER": {"auto_pad": "SAME_UPPER"}, "output_padding 1": {"output_padding": [1]}}.items()}
for name, (inferred, runtime, reference) in seen.items():
    print(f"{name}: inferred {inferred} places\n  runtime    {runtime}\n  reference  {reference}")
wanted = "1 10 0 2 20 0 3 30 0 4 40 0"
print(f"expected: {wanted}")
same = seen["SAME_UPPER"] == [11, wanted[:-2], f"0 {wanted[:-2]}"] and seen["output_padding 1"] == [12, wanted, wanted]
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
env/bin/python -W ignore check.py
