/** Files of an export that are the same for every run. */

/** tensors.py: safetensors in a few lines, so that an export needs nothing but torch and numpy. */
export const tensorsPy = `"""Named tensors in files: the safetensors format, as far as these files use it."""

import json

import numpy as np
import torch

TYPES = {"F32": np.float32, "I32": np.int32}


def read_safetensors(path):
    """Tensors by name, and the texts beside them."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = file.read()
    about = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], TYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return tensors, about


def write_safetensors(path, tensors, about=None):
    """float32 tensors by name, and texts beside them."""
    header, parts, size = {"__metadata__": about} if about else {}, [], 0
    for name, tensor in tensors.items():
        values = tensor.detach().cpu().numpy().astype("<f4")
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [size, size + values.nbytes]}
        parts.append(values.tobytes())
        size += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(parts))
`;

/** rows.py: the counter-based random numbers of core/philox.ts and core/permute.ts, and dropout's masks. */
export const rowsPy = `"""Chainrule's random choices: the rows of each step, and what dropout drops.

All are functions of a seed and of counters (step, epoch, element): nothing is drawn from a stream, so any step can be
had by itself, in any process. Numbers of 32 bits are kept in uint64, where their products fit.
"""

import numpy as np
import torch

U = np.uint64
LOW = U(0xFFFFFFFF)
SHUFFLE, DROPOUT = 2, 3  # streams of random numbers, which share none


def philox(counter, seed):
    """Philox 4x32-10 (Salmon et al., SC 2011): four words for each counter of four words, under the key (seed, 0)."""
    c0, c1, c2, c3 = (np.atleast_1d(np.asarray(c, U)) for c in np.broadcast_arrays(*counter))
    k0, k1 = np.array([seed], U), np.array([0], U)
    for _ in range(10):
        p0, p1 = c0 * U(0xD2511F53), c2 * U(0xCD9E8D57)
        c0, c1, c2, c3 = (p1 >> U(32)) ^ c1 ^ k0, p1 & LOW, (p0 >> U(32)) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + U(0x9E3779B9)) & LOW, (k1 + U(0xBB67AE85)) & LOW
    return c0, c1, c2, c3


def mix(v):
    """Mixes the bits of a word."""
    v = ((v ^ (v >> U(16))) * U(0x7FEB352D)) & LOW
    v = ((v ^ (v >> U(15))) * U(0x846CA68B)) & LOW
    return v ^ (v >> U(16))


def permute(index, n, seed, epoch):
    """Places \`index\` of the epoch's permutation of range(n): six Feistel rounds on the next power of four, walked until
    the result is below n (Black and Rogaway, 2002)."""
    keys = np.stack(philox(([0, 1], [epoch] * 2, [SHUFFLE] * 2, [0] * 2), seed), axis=1).reshape(-1)[:6]
    half = 1
    while 4**half < n:
        half += 1
    bits, low = U(half), U((1 << half) - 1)
    x = np.asarray(index, U).copy()
    outside = np.arange(len(x))
    while len(outside) > 0:
        left, right = x[outside] >> bits, x[outside] & low
        for key in keys:
            left, right = right, left ^ (mix(right ^ key) & low)
        x[outside] = (left << bits) | right
        outside = outside[x[outside] >= U(n)]
    return x.astype(np.int64)


def rows_of_step(step, batch, n, seed):
    """The rows of step \`step\`, counted from 0. A batch may reach from one epoch into the next, so none is short."""
    position = step * batch + np.arange(batch)
    epochs = position // n
    return np.concatenate([permute(position[epochs == e] % n, n, seed, int(e)) for e in np.unique(epochs)])


class SeededDropout(torch.nn.Module):
    """nn.Dropout with the masks that Chainrule draws. \`step\` and \`first\`, the place of x's first row in the whole batch,
    are set before each step."""

    def __init__(self, p, seed, layer):
        super().__init__()
        self.p, self.seed, self.stream = p, seed, DROPOUT + 16 * (layer + 1)
        self.step = self.first = 0

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        begin = self.first * x[0].numel()
        calls = np.arange(begin // 4, (begin + x.numel() + 3) // 4)
        words = np.stack(philox((calls, self.step, self.stream, 0), self.seed), axis=1).reshape(-1)
        words = words[begin % 4 :][: x.numel()].reshape(tuple(x.shape))
        kept = words >= U(min(2**32 - 1, int(self.p * 2**32)))
        return x * torch.from_numpy(kept).to(x.device) * float(np.float32(1 / (1 - self.p)))
`;

/** Behind rows.py, where rows are windows of a text: as ops/text/token-windows.ts draws them. */
export const windowsPy = `

WINDOWS = 8  # stream of what moves windows


def windows_of_step(rows, step, windows, length, tokens, seed):
    """Where the window of each row begins: moved by 0 to length - 1 tokens, which each epoch draws."""
    epochs = (step * len(rows) + np.arange(len(rows))) // windows
    word = philox((0, epochs, WINDOWS, 0), seed)[0]
    return np.minimum(rows * length + ((word * U(length)) >> U(32)).astype(np.int64), tokens - 1 - length)


def side_by_side(text, length):
    """The windows that evaluation sees, and the tokens behind theirs."""
    count = (len(text) - 1) // length
    return text[: count * length].view(count, length), text[1 : count * length + 1].view(count, length)
`;
