#!/bin/sh
# PyTorch 2.13.0's torch.onnx.export (its default exporter) and ONNX Runtime 1.30.0: LogSigmoid is -Infinity from -18 on down, and BCEWithLogitsLoss infinite.
# Expected: about x itself, as nn.LogSigmoid gives; both are there because log(sigmoid(x)) is not safe.
# Seen: the file has Sigmoid and Log, and the runtime's Sigmoid, twice too large at -17, is exactly 0 from -18 on, where f32 could still hold 1.5e-8 (and 1e-38). -Softplus(-x) in the same runtime is right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet torch==2.13.0 onnx==1.23.1 onnxscript==0.7.2 onnxruntime==1.30.0 numpy >/dev/null
cat >check.py <<'PY'
import sys

import onnxruntime
import torch

onnxruntime.set_default_logger_severity(4)
x = torch.tensor([-1.0, -17.0, -18.5, -50.0])


class Written(torch.nn.Module):
    def forward(self, x):
        return -torch.nn.functional.softplus(-x)


class Loss(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.binary_cross_entropy_with_logits(x, torch.ones_like(x), reduction="none")


def run(module):
    program = torch.onnx.export(module, (x,), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    out = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    return [n.op_type for n in program.model_proto.graph.node], [round(float(v), 2) for v in out]


wanted = [round(float(v), 2) for v in torch.nn.LogSigmoid()(x)]
nodes, seen = run(torch.nn.LogSigmoid())
_, written = run(Written())
_, loss = run(Loss())
print(f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}, at {x.tolist()}")
print(f"torch                       {wanted}")
print(f"exported LogSigmoid         {seen}, nodes {' '.join(nodes)} (expected the same)")
print(f"exported -softplus(-x)      {written}")
print(f"exported BCE of logits for 1 {loss} (expected the same with the other sign)")
same = wanted == written == [-1.31, -17.0, -18.5, -50.0] and seen == [-1.31, -16.23, float("-inf"), float("-inf")] and nodes == ["Sigmoid", "Log"] and loss == [-v for v in seen]
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
env/bin/python -W ignore check.py 2>/dev/null
