"""Draws nets at random, of images and signals or of sequences, and writes what PyTorch makes of them.

    python3 random_nets.py images|sequences SEED COUNT     a JSON list on the standard output

A net is what a chain of random layers comes to, with values that are read again further on. Beside what the tables of
test/fixtures/torch hold, each case has `f32`: how far PyTorch's own gradients in float32 are from those in float64, at most.
"""

import json
import pathlib
import random
import sys

import torch
from torch import nn

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "fixtures" / "torch"))
import attention
import graphs

MODULES = graphs.GRAPH_MODULES
SMOOTH = ["tanh", "gelu", "silu", "sigmoid", "geluTanh", "mish", "softplus"]
ACTIVATIONS = [*SMOOTH, "relu", "relu6", "leakyRelu", "elu", "selu", "hardSwish", "hardSigmoid", "prelu"]


def steps_of(kind):
    """A recurrence that gives every step."""

    def make(layer):
        more = {"nonlinearity": layer["nonlinearity"]} if "nonlinearity" in layer else {}
        options = {"num_layers": layer["layers"], "bias": layer["bias"], "bidirectional": layer["bidirectional"]}
        module = kind(layer["in"], layer["out"], batch_first=True, **options, **more)
        whole = module.forward
        module.forward = lambda x: whole(x)[0]
        return module

    return make


MODULES |= {"lstm": steps_of(nn.LSTM), "gru": steps_of(nn.GRU), "rnn": steps_of(nn.RNN)}
MODULES["lastStep"] = lambda layer: graphs.Shaped(lambda x: x[:, -1])
MODULES["meanSteps"] = lambda layer: graphs.Shaped(lambda x: x.mean(1))


class Chain:
    """Layers so far, the shape that the last of them gives, and the values that have names."""

    def __init__(self, shape):
        self.shape = list(shape)
        self.layers = []
        self.named = []

    def put(self, layer):
        with torch.no_grad():
            made = list(MODULES[layer["type"]](layer)(torch.zeros(2, *self.shape)).shape[1:])
        if min(made) < 1 or (len(made) > 1 and made[0] > 40):
            raise ValueError(f"{layer} gives {made}")
        self.layers.append({**layer, "name": f"n{len(self.layers)}"})
        self.shape = made
        self.named.append((self.layers[-1]["name"], made))
        return self.layers[-1]["name"]

    def join(self, kind, names, shape):
        self.layers.append({"type": kind, "from": names, "name": f"n{len(self.layers)}"})
        self.shape = list(shape)


def divisors(n):
    return [d for d in range(1, n + 1) if n % d == 0]


def image_layer(r, chain):
    """One more layer behind values [channels, places] or [channels, height, width]; raises where it does not fit."""
    channels, *places = chain.shape
    dims = f"{len(places)}d"
    kind = r.choice(["conv"] * 5 + ["activation"] * 4 + ["norm"] * 3 + ["pool"] * 2 + ["transposed", "upsample", "pad", "join", "join", "permute", "softmax"])
    several = lambda v: v if r.random() < 0.5 else [max(1, v - r.randint(0, 1)) for _ in places]
    if kind == "conv":
        groups = r.choice([1, 1, 1, *divisors(channels)])
        same = r.random() < 0.15
        more = {"stride": 1, "padding": "same"} if same else {"stride": several(r.choice([1, 1, 1, 2, 3])), "padding": r.choice([0, 1, 1, 2])}
        out = groups * r.randint(1, max(1, 8 // groups))
        chain.put({"type": f"conv{dims}", "in": channels, "out": out, "kernel": several(r.choice([1, 2, 3, 3, 3, 4, 5])), "dilation": r.choice([1, 1, 1, 2]), "groups": groups, "bias": r.random() < 0.7, **more})
    elif kind == "transposed" and max(places) < 12:
        stride = r.choice([1, 2, 3])
        more = {"outputPadding": 1} if stride > 1 and r.random() < 0.5 else {}
        chain.put({"type": f"convTranspose{dims}", "in": channels, "out": r.randint(1, 5), "kernel": r.choice([2, 3, 4]), "stride": stride, "padding": r.choice([0, 1]), **more})
    elif kind == "activation":
        word = r.choice(ACTIVATIONS)
        chain.put({"type": word, **({"size": r.choice([1, channels])} if word == "prelu" else {})})
    elif kind == "norm":
        word = r.choice(["batchNorm", "batchNorm", "groupNorm", "instanceNorm", "layerNorm", "rmsNorm"])
        values = channels * torch.tensor(places).prod().item()
        if word == "batchNorm":
            chain.put({"type": word, "size": channels, "affine": r.random() < 0.8})
        elif word == "groupNorm":
            chain.put({"type": word, "size": channels, "groups": r.choice([g for g in divisors(channels) if values // g > 2])})
        elif word == "instanceNorm" and values // channels > 2:
            chain.put({"type": word, "size": channels, "affine": r.random() < 0.5})
        elif word in ("layerNorm", "rmsNorm") and places[-1] > 2:
            chain.put({"type": word, "size": places[-1]})
    elif kind == "pool":
        word = r.choice(["maxPool", "avgPool", "adaptiveAvgPool"])
        if word == "adaptiveAvgPool":
            return chain.put({"type": f"{word}{dims}", "out": r.randint(1, 4)})
        kernel = r.choice([2, 3])
        more = {"dilation": r.choice([1, 1, 2])} if word == "maxPool" else {"countPadding": r.random() < 0.5}
        chain.put({"type": f"{word}{dims}", "kernel": kernel, "stride": r.choice([1, 2, kernel]), "padding": r.choice([0, 1]), "ceil": r.random() < 0.4, **more})
    elif kind == "upsample" and max(places) < 7:
        chain.put({"type": "upsample", "scale": 2, "mode": r.choice(["nearest", "bilinear"]) if len(places) == 2 else "nearest"})
    elif kind == "pad":
        mode = r.choice(["zeros", "reflect"])
        least = -1 if mode == "zeros" and min(places) > 2 else 0
        chain.put({"type": "pad", "amounts": [[r.randint(least, 2), r.randint(least, 2)] for _ in places], "mode": mode})
    elif kind == "permute" and len(places) == 2 and r.random() < 0.4:
        chain.put({"type": "permute", "order": r.sample([0, 1, 2], 3)})
    elif kind == "softmax" and channels > 1 and r.random() < 0.4:
        chain.put({"type": r.choice(["softmax", "logSoftmax"]), "axis": 0})
    elif kind == "join" and len(chain.named) > 1:
        name, shape = r.choice(chain.named[:-1])
        last, here = chain.layers[-1]["name"], chain.shape
        if shape == here:
            chain.join(r.choice(["add", "multiply"]), r.sample([name, last], 2), here)
        elif shape[1:] == here[1:] and shape[0] + here[0] < 20:
            chain.join("concat", [name, last], [shape[0] + here[0], *here[1:]])


def image_net(r):
    two = r.random() < 0.7
    shape = [r.choice([1, 2, 3, 4, 6]), *([r.randint(5, 12), r.randint(4, 11)] if two else [r.randint(8, 20)])]
    chain = Chain(shape)
    for _ in range(r.randint(3, 9)):
        try:
            image_layer(r, chain)
        except (ValueError, RuntimeError, IndexError):
            continue
    values = torch.tensor(chain.shape).prod().item()
    if values > 400 or not any("kernel" in layer for layer in chain.layers):
        return None
    loss = r.choice(["mse", "crossEntropy", "huber"])
    end = [{"type": "flatten"}]
    if loss == "crossEntropy" or r.random() < 0.6:
        end.append({"type": "linear", "in": values, "out": r.randint(2, 6)})
    return shape, [*chain.layers, *end], loss


def sequence_layer(r, chain):
    steps, size = chain.shape
    last = chain.layers[-1]["name"] if chain.layers else "input"
    norm = {"type": r.choice(["layerNorm", "rmsNorm"]), "size": size}
    kind = r.choice(["attention", "block", "block", "hidden", "recurrence", "recurrence", "activation", "norm", "linear", "positions", "conv"])
    if kind in ("attention", "block"):
        heads = r.choice(divisors(size))
        layer = {"type": "attention", "size": size, "heads": heads, "causal": r.random() < 0.6, "bias": r.random() < 0.7}
        if r.random() < 0.4:
            layer["keyHeads"] = r.choice(divisors(heads))
        if (size // heads) % 2 == 0 and r.random() < 0.4:
            layer |= {"rotary": True, "base": r.choice([100, 10000])}
        if kind == "block" and size > 2 and r.random() < 0.8:
            chain.put(norm)
        name = chain.put(layer)
        if kind == "block":
            chain.join("add", [last, name], chain.shape)
    elif kind == "hidden":
        chain.put({"type": "linear", "in": size, "out": 2 * size})
        chain.put({"type": r.choice(SMOOTH)})
        chain.join("add", [last, chain.put({"type": "linear", "in": 2 * size, "out": size})], chain.shape)
    elif kind == "recurrence":
        word = r.choice(["lstm", "gru", "rnn"])
        more = {"nonlinearity": r.choice(["tanh", "relu"])} if word == "rnn" else {}
        chain.put({"type": word, "in": size, "out": r.choice([1, 2, 3, 5, 8]), "layers": r.choice([1, 1, 2, 3]), "bidirectional": r.random() < 0.35, "bias": r.random() < 0.8, **more})
    elif kind == "activation":
        chain.put({"type": r.choice(SMOOTH)})
    elif kind == "norm" and size > 2:
        chain.put(norm)
    elif kind == "linear":
        chain.put({"type": "linear", "in": size, "out": r.choice([2, 3, 4, 6, 8]), "bias": r.random() < 0.7})
    elif kind == "positions":
        chain.put({"type": "positionEmbedding", "length": steps + r.choice([0, 3]), "size": size})
    elif kind == "conv" and steps > 2:
        chain.put({"type": "permute", "order": [1, 0]})
        chain.put({"type": "conv1d", "in": size, "out": r.choice([2, 4, 6]), "kernel": 3, "padding": 1})
        chain.put({"type": "permute", "order": [1, 0]})


def sequence_net(r):
    shape = [r.choice([1, 2, 3, 5, 8, 13, 17, 33]), r.choice([1, 2, 4, 6, 8, 12])]
    chain = Chain(shape)
    for _ in range(r.randint(1, 5)):
        sequence_layer(r, chain)
    if not any(layer["type"] in ("attention", "lstm", "gru", "rnn") for layer in chain.layers):
        return None
    loss = r.choice(["mse", "crossEntropy", "huber"])
    if r.random() < 0.7:
        chain.put({"type": r.choice(["lastStep", "meanSteps"])})
    else:
        chain.put({"type": "flatten"})
    if loss == "crossEntropy" or r.random() < 0.6:
        chain.put({"type": "linear", "in": chain.shape[0], "out": r.randint(2, 5)})
    return shape, chain.layers, loss


def array(a):
    return torch.tensor(a["data"], dtype=torch.int64 if a.get("dtype") == "i32" else torch.float64).reshape(a["shape"])


def rounding(case):
    """The largest error of a gradient in float32, of its own length or a hundredth of the longest."""
    found = []
    for kind in (torch.float64, torch.float32):
        net = graphs.Net(case["model"]).to(kind)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.copy_(array(case["weights"][name]))
        y = array(case["y"])
        x, _, _ = graphs.passes(net, case["model"], array(case["x"]).to(kind), y.to(kind) if y.is_floating_point() else y)
        found.append([x.grad.double(), *(p.grad.double() for p in net.parameters())])
    least = 1e-2 * max(float(g.norm()) for g in found[0])
    return max(float((a - b).norm()) / max(float(a.norm()), least) for a, b in zip(*found))


def cases(of, seed, count):
    draw, case = {"images": (image_net, graphs.graph_case), "sequences": (sequence_net, attention.case)}[of]
    made, at = [], 0
    while len(made) < count:
        r = random.Random(seed * 100_000 + at)
        torch.manual_seed(at)
        at += 1
        drawn = draw(r)
        if drawn is None:
            continue
        try:
            one = case(f"{of} {seed}.{at}", *drawn, r.choice([1, 2, 3, 5]))
            # Where nothing but rounding comes back, as through a norm of what is all alike, there is nothing to compare.
            if one["gradients"] and max(abs(v) for g in (one["dx"], *one["gradients"].values()) for v in g["data"]) > 1e-9:
                made.append({**one, "f32": rounding(one)})
        except (RuntimeError, ValueError) as fault:
            # A value next to a kink whatever is drawn, or one value a channel in a batch norm.
            if "kink" not in str(fault) and "more than 1 value" not in str(fault):
                raise
    return made


if __name__ == "__main__":
    print(json.dumps(cases(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
