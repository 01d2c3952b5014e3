/** Functions of Python that lines of layers call, each with those that it calls itself. */
interface Helper {
  readonly code: string;
  readonly uses?: readonly string[];
}

const helpers: Readonly<Record<string, Helper>> = {
  taps: {
    code: `def taps(kernel, count, stride, dilation):
    """Each place of a kernel, and where the values lie that it meets: one for each of \`count\` windows."""
    for tap in np.ndindex(*kernel):
        where = zip(tap, count, stride, dilation)
        yield tap, (..., *(slice(t * d, t * d + s * (n - 1) + 1, s) for t, n, s, d in where))`,
  },
  conv: {
    uses: ["taps"],
    code: `def conv(x, w, count, stride, pads, dilation, groups):
    """x [n, c, ...] by w [out, c / groups, ...]: for each place of the kernel a product of channels."""
    n, out = len(x), len(w)
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    x, w = x.reshape(n, groups, -1, *x.shape[2:]), w.reshape(groups, out // groups, *w.shape[1:])
    y = np.zeros((n, groups, out // groups, *count), x.dtype)
    for tap, at in taps(w.shape[3:], count, stride, dilation):
        y += np.einsum("ngc...,goc->ngo...", x[at], w[(..., *tap)])
    return y.reshape(n, out, *count)`,
  },
  conv_dx: {
    uses: ["taps"],
    code: `def conv_dx(dy, w, sizes, stride, pads, dilation, groups):
    """The derivative by x, of \`sizes\` places: each dy goes back to all that its window met."""
    n, out, *count = dy.shape
    dy, w = dy.reshape(n, groups, out // groups, *count), w.reshape(groups, out // groups, *w.shape[1:])
    dx = np.zeros((n, groups, w.shape[2], *(s + b + e for s, (b, e) in zip(sizes, pads))), dy.dtype)
    for tap, at in taps(w.shape[3:], count, stride, dilation):
        dx[at] += np.einsum("ngo...,goc->ngc...", dy, w[(..., *tap)])
    dx = dx[(..., *(slice(b, b + s) for s, (b, e) in zip(sizes, pads)))]
    return dx.reshape(n, -1, *sizes)`,
  },
  conv_dw: {
    uses: ["taps"],
    code: `def conv_dw(x, dy, shape, stride, pads, dilation, groups):
    """The gradient of w of this shape: value in front times derivative behind, summed over rows and windows."""
    n, out, *count = dy.shape
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    x, dy = x.reshape(n, groups, -1, *x.shape[2:]), dy.reshape(n, groups, out // groups, -1)
    dw = np.zeros((groups, out // groups, *shape[1:]), x.dtype)
    for tap, at in taps(shape[2:], count, stride, dilation):
        dw[(..., *tap)] = np.einsum("ngop,ngcp->goc", dy, x[at].reshape(*x.shape[:3], -1))
    return dw.reshape(shape)`,
  },
  windows: {
    uses: ["taps"],
    code: `def windows(x, kernel, count, stride, pads, dilation, fill):
    """What each place of a window meets: [places of the window, n, c, ...], with \`fill\` around x."""
    x = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=fill)
    return np.stack([x[at] for _, at in taps(kernel, count, stride, dilation)])`,
  },
  put_back: {
    uses: ["taps"],
    code: `def put_back(d, sizes, kernel, stride, pads, dilation):
    """The way back of windows: all that went out of a value is summed up there."""
    dx = np.zeros((*d.shape[1:3], *(s + b + e for s, (b, e) in zip(sizes, pads))), d.dtype)
    for k, (_, at) in enumerate(taps(kernel, d.shape[3:], stride, dilation)):
        dx[at] += d[k]
    return dx[(..., *(slice(b, b + s) for s, (b, e) in zip(sizes, pads)))]`,
  },
  counted: {
    code: `def counted(sizes, kernel, count, stride, before, around):
    """How many places each window of a mean counts: those of x, and \`around\` it those of its padding."""
    total = np.ones(())
    for size, k, n, s, b, a in zip(sizes, kernel, count, stride, before, around):
        begin = np.arange(n) * s - b
        inside = np.minimum(begin + k, size + a) - np.maximum(begin, -a)
        total = np.multiply.outer(total, inside)
    return total`,
  },
  along: {
    code: `def along(x, m, axis):
    """Each line of x along an axis times a matrix m [out, in]."""
    return np.moveaxis(np.tensordot(x, m.astype(x.dtype), (axis, 1)), -1, axis)`,
  },
  shares: {
    code: `def shares(size, out):
    """Means of \`out\` windows that cover \`size\` places: [out, size]."""
    m = np.zeros((out, size))
    for o in range(out):
        begin, end = o * size // out, -(-(o + 1) * size // out)
        m[o, begin:end] = 1 / (end - begin)
    return m`,
  },
  between: {
    code: `def between(size, scale):
    """Places between places, straight from one to the next, half a place within the edge: [size scale, size]."""
    m = np.zeros((size * scale, size))
    for o in range(size * scale):
        at = max((o + 0.5) / scale - 0.5, 0)
        low = min(int(at), size - 1)
        m[o, low] += 1 - (at - low)
        m[o, min(low + 1, size - 1)] += at - low
    return m`,
  },
};

/** The text of these functions and of all that they call, each once. */
export function helperText(names: readonly string[]): string {
  const wanted = new Set<string>();
  const take = (name: string): void => {
    for (const used of helpers[name]!.uses ?? []) take(used);
    wanted.add(name);
  };
  names.forEach(take);
  return [...wanted].map((name) => `\n\n${helpers[name]!.code}\n`).join("");
}
