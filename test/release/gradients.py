"""Loss and gradients of an export's first rows in PyTorch, for pytorch.ts: python3 gradients.py EXPORT ROWS OUT.

Dropout draws the masks of step 0.
"""

import os
import sys

import torch

folder, count, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sys.path.insert(0, folder)
from model import build, loss_of  # noqa: E402
from rows import SeededDropout  # noqa: E402
from tensors import read_safetensors, write_safetensors  # noqa: E402

net = build()
net.load_state_dict(read_safetensors(os.path.join(folder, "model.safetensors"))[0])
seed = int(sys.argv[4])
for i, layer in enumerate(net):
    if isinstance(layer, torch.nn.Dropout):
        net[i] = SeededDropout(layer.p, seed, i)
data, _ = read_safetensors(os.path.join(folder, "data.safetensors"))
x, y = data["x"][:count], data["y"][:count]
loss = loss_of(net(x), y if y.is_floating_point() else y.long())
loss.backward()
write_safetensors(out, {"loss": loss, **{name: p.grad for name, p in net.named_parameters()}})
