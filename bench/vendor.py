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

width, batch = min(4096, most), 128
layers = []
for i in range(3):
    layers += [torch.nn.Linear(width, width)] + ([torch.nn.ReLU()] if i < 2 else [])
net = torch.nn.Sequential(*layers).cuda()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)
x = torch.randn(batch, width, device="cuda")
y = torch.randint(0, width, (batch,), device="cuda")


def step():
    optimizer.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()


ms = median_ms(step)
# The first layer needs no gradient of its input: eight products in all.
flops = 8 * 2 * batch * width * width
rows.append({"name": f"step {width}x3, batch {batch}, Adam, f32", "ms": ms, "tflops": flops / ms / 1e9})
print(json.dumps({"device": torch.cuda.get_device_name(), "library": f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}", "rows": rows}))
