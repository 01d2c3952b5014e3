#!/bin/sh
# PyTorch 2.13.0, torch.onnx.export(dynamo=True), which is its default: nn.RNN becomes one set of nodes a time step.
# Expected: ONNX's op RNN, as nn.LSTM and nn.GRU become LSTM and GRU, and as the exporter before made it.
# Seen: two products, two sums with biases, a Tanh and a Slice for each step of the example, so that the file holds for
# sequences of that length alone and grows with it. LSTM and GRU of the same sizes are one node each.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet torch==2.13.0 onnx==1.23.1 onnxscript==0.7.2 numpy >/dev/null
cat >check.py <<'PY'
import collections
import sys

import torch


class First(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cell = getattr(torch.nn, kind)(3, 4, batch_first=True)

    def forward(self, x):
        return self.cell(x)[0]


def nodes(kind, steps):
    program = torch.onnx.export(First(kind), (torch.zeros(2, steps, 3),), dynamo=True, verbose=False)
    return collections.Counter(n.op_type for n in program.model_proto.graph.node)


seen = {(kind, steps): nodes(kind, steps) for kind in ["RNN", "GRU", "LSTM"] for steps in [5, 9]}
print("torch", torch.__version__)
for (kind, steps), found in seen.items():
    print(f"nn.{kind}, {steps} steps: {sum(found.values())} nodes, {found[kind]} of them {kind}, {found['Tanh']} Tanh")
unrolled = [seen["RNN", steps]["Tanh"] for steps in [5, 9]] == [5, 9] and seen["RNN", 5]["RNN"] == 0
whole = all(seen[kind, steps][kind] == 1 for kind in ["GRU", "LSTM"] for steps in [5, 9])
sys.exit(0 if unrolled and whole else 1)
PY
env/bin/python -W ignore check.py 2>/dev/null
