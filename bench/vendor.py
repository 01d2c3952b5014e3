"""Times PyTorch on CUDA (cuBLAS): f32 products without TF32, f16 products, one training step. JSON on stdout.

Every product is checked against f64 at sampled elements before it is timed; many repetitions a sample, one
synchronisation at its end, median of seven samples.
"""
import json
import sys
import time

import torch

if not torch.cuda.is_available():
    sys.exit("torch has no CUDA device here")
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
most = int(sys.argv[1])
torch.manual_seed(1)


def median_ms(work):
    def sample(n):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(n):
            work()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) * 1000 / n

    sample(3)
    n = max(1, int(60 / max(sample(3), 1e-3)))
    return sorted(sample(n) for _ in range(7))[3]


def check(name, a, b, c, k, unit):
    rows = torch.randint(0, c.shape[0], (64,), device="cuda")
    exact = a[rows].double() @ b.double()
    size = a[rows].double().abs() @ b.double().abs()
    worst = ((c[rows].double() - exact).abs() / size).max().item()
    if not worst <= 4 * (k + 1) ** 0.5 * unit:
        sys.exit(f"{name}: wrong by {worst} of |A||B|")


rows = []
for n in [s for s in (256, 512, 1024, 2048, 4096, 8192) if s <= most]:
    for dtype, unit in ((torch.float32, 2**-24), (torch.float16, 2**-11)):
        a = torch.randn(n, n, device="cuda", dtype=dtype)
        b = torch.randn(n, n, device="cuda", dtype=dtype)
        name = f"matmul {n}x{n}x{n} {'f32' if dtype == torch.float32 else 'f16'}"
        check(name, a, b, a @ b, n, unit)
        out = torch.empty_like(a)
        ms = median_ms(lambda: torch.matmul(a, b, out=out))
        rows.append({"name": name, "ms": ms, "tflops": 2 * n**3 / ms / 1e9})

def time_step(name, net, x, y, flops, loss=torch.nn.functional.cross_entropy):
    """One step with Adam; flops of its products, 0 where they say little."""
    net = net.cuda()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(net(x), y).backward()
        optimizer.step()

    ms = median_ms(step)
    rows.append({"name": f"step {name}, Adam, f32", "ms": ms, "tflops": flops / ms / 1e9})


nn = torch.nn
for width in [n for n in (1024, 4096) if n <= most]:
    layers = []
    for i in range(3):
        layers += [nn.Linear(width, width)] + ([nn.ReLU()] if i < 2 else [])
    x = torch.randn(128, width, device="cuda")
    y = torch.randint(0, width, (128,), device="cuda")
    # The first layer needs no gradient of its input: eight products in all.
    time_step(f"{width}x3, batch 128", nn.Sequential(*layers), x, y, 8 * 2 * 128 * width * width)


class Residual(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
        same = before == after and stride == 1
        self.short = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        return torch.relu(self.way(x) + self.short(x))


class Block(nn.Module):
    """A transformer block with norms before, exact GELU, causal."""

    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.before, self.middle = nn.LayerNorm(size), nn.LayerNorm(size)
        self.inner, self.outer = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def forward(self, x):
        n, t, size = x.shape
        q, k, v = (
            part.view(n, t, self.heads, size // self.heads).transpose(1, 2)
            for part in self.inner(self.before(x)).chunk(3, -1))
        o = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.outer(o.transpose(1, 2).reshape(n, t, size))
        return x + self.mlp(self.middle(x))


class Gpt(nn.Module):
    def __init__(self, vocabulary, size, heads, blocks, length):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, size), nn.Embedding(length, size)
        self.blocks = nn.Sequential(*[Block(size, heads) for _ in range(blocks)], nn.LayerNorm(size))
        self.head = nn.Linear(size, vocabulary)

    def forward(self, x):
        return self.head(self.blocks(self.tokens(x) + self.places.weight)).flatten(0, 1)


class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(32, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def classes(n, k):
    return torch.randint(0, k, (n,), device="cuda")


lenet = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10))
resnet = [nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
for before, after, stride in [(16, 16, 1)] * 3 + [(16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1)]:
    resnet.append(Residual(before, after, stride))
resnet += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
time_step("lenet, batch 64", lenet, torch.randn(64, 1, 28, 28, device="cuda"), classes(64, 10), 0)
time_step("resnet20, batch 32", nn.Sequential(*resnet), torch.randn(32, 1, 28, 28, device="cuda"), classes(32, 10), 0)
time_step("gpt, batch 8", Gpt(65, 128, 4, 4, 128), classes(8 * 128, 65).view(8, 128), classes(8 * 128, 65), 0)
time_step("lstm, batch 32", Last(), torch.randn(32, 64, 32, device="cuda"), classes(32, 10), 0)
for n, c, side in [(64, 16, 28), (32, 32, 14), (32, 64, 56), (32, 256, 14)]:
    x = torch.randn(n, c, side, side, device="cuda", requires_grad=True)
    w = torch.randn(c, c, 3, 3, device="cuda", requires_grad=True)
    y = torch.randn(n, c, side, side, device="cuda")
    call = torch.ops.aten.convolution_backward
    how = ([0], [1, 1], [1, 1], [1, 1], False, [0, 0], 1)
    flops = 2 * n * c * c * 9 * side * side
    forms = {
        "forward": lambda: torch.nn.functional.conv2d(x.detach(), w.detach(), padding=1),
        "input": lambda: call(y, x, w, *how, [True, False, False]),
        "weight": lambda: call(y, x, w, *how, [False, True, False]),
    }
    for form, work in forms.items():
        ms = median_ms(work)
        name = f"conv {n}x{c}x{side}x{side} to {c}, 3x3, {form}"
        rows.append({"name": name, "ms": ms, "tflops": flops / ms / 1e9})
print(json.dumps({"device": torch.cuda.get_device_name(), "library": f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}", "rows": rows}))
