#!/bin/sh
# PyTorch 2.13.0's torch.onnx.export (its default exporter), run by ONNX Runtime 1.30.0: scatter_reduce with "mean" keeps the last value instead.
# Expected: what PyTorch computes, or an error: ONNX's ScatterElements has no mean.
# Seen: of 2, 4 and 9 that meet in one place, the mean with the 0 that is there should be 3.75 and is 9, with no warning. "sum" and "amax" are right; so a mean over neighbours, as graph nets take, can be exported as a sum over a count.
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


class Of(torch.nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, *x):
        return self.f(*x)


def both(f, *x):
    program = torch.onnx.export(Of(f), x, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    out = session.run(None, {i.name: v.numpy() for i, v in zip(session.get_inputs(), x)})[0]
    return [[round(float(v), 3) for v in values.ravel()] for values in [f(*x), torch.tensor(out)]]


def scatter(how):
    place = torch.zeros(3, dtype=torch.int64)
    return lambda x: torch.zeros(1).scatter_reduce(0, place, x, how, include_self=True)


met = torch.tensor([2.0, 4.0, 9.0])
print(f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}: torch; exported (expected the same)")
seen = {how: both(scatter(how), met) for how in ["sum", "amax", "mean"]}
for name, (wanted, exported) in seen.items():
    print(f"{name:6} {wanted}; {exported}")
same = all(seen[how][0] == seen[how][1] for how in ["sum", "amax"])
same = same and seen["mean"] == [[3.75], [9.0]]
print("as found" if same else "CHANGED")
sys.exit(0 if same else 1)
PY
env/bin/python -W ignore check.py 2>/dev/null
