#!/bin/sh
# PyTorch 2.13.0's torch.onnx.export (its default exporter): AvgPool2d's divisor_override is left out of the file, with no warning.
# Expected: the divisor in the file, as a factor behind the pool, or an error: ONNX's AveragePool divides by the window's places alone.
# Seen: windows of 2 x 2 ones with divisor_override 1 (a sum over each window) are 4 in PyTorch and 1 in ONNX Runtime 1.30.0.
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
x = torch.ones(1, 1, 2, 2)
print(f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}: one window of four ones")
same = True
for divisor, found in [(None, 1.0), (3, 1.0), (1, 1.0)]:
    pool = torch.nn.AvgPool2d(2, divisor_override=divisor)
    program = torch.onnx.export(pool, (x,), dynamo=True, verbose=False)
    nodes = [n.op_type for n in program.model_proto.graph.node]
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    wanted, seen = pool(x).item(), session.run(None, {session.get_inputs()[0].name: x.numpy()})[0].item()
    print(f"divisor_override {divisor}: nodes {' '.join(nodes)}, {seen:.3f} (expected {wanted:.3f}, as in torch)")
    same = same and nodes == ["AveragePool"] and abs(seen - found) < 1e-6 and abs(wanted - 4 / (divisor or 4)) < 1e-6
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
env/bin/python -W ignore check.py 2>/dev/null
