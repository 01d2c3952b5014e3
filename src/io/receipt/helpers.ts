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
  gates: {
    code: `def gates(sums, count):
    """Sums of so many gates apart."""
    return np.split(sums, count, axis=1)`,
  },
  squashed: {
    code: `def squashed(sums):
    """To between 0 and 1."""
    return 1 / (1 + np.exp(-sums))`,
  },
  recurrence: {
    uses: ["gates", "squashed"],
    code: `def recurrence(kind, sums, w, b, reverse, lengths=None):
    """Every step's output from the input's part of its sums, and what the way back reads; the state begins at 0, and is 0
    behind a row's length."""
    n, steps, _ = sums.shape
    state = cell = np.zeros((n, w.shape[1]), sums.dtype)
    y, kept, count = np.zeros((n, steps, w.shape[1]), sums.dtype), {}, len(w) // w.shape[1]
    for t in reversed(range(steps)) if reverse else range(steps):
        x, u = gates(sums[:, t], count), gates(state @ w.T + b, count)
        if kind == "lstm":
            i, f, g, o = squashed(x[0] + u[0]), squashed(x[1] + u[1]), np.tanh(x[2] + u[2]), squashed(x[3] + u[3])
            kept[t] = state, cell, i, f, g, o
            cell = f * cell + i * g
            state = o * np.tanh(cell)
        elif kind == "gru":
            r, z = squashed(x[0] + u[0]), squashed(x[1] + u[1])
            v = np.tanh(x[2] + r * u[2])
            kept[t] = state, r, z, v, u[2]
            state = v + z * (state - v)
        else:
            out = np.maximum(x[0] + u[0], 0) if kind == "relu" else np.tanh(x[0] + u[0])
            kept[t] = state, out
            state = out
        if lengths is not None:
            state, cell = state * (t < lengths)[:, None], cell * (t < lengths)[:, None]
        y[:, t] = state
    return y, kept`,
  },
  recurrence_back: {
    code: `def recurrence_back(kind, dy, kept, w, reverse, lengths=None):
    """The derivative by the input's part of each sum, and by the state's; and the state that each step began with."""
    n, steps, _ = dy.shape
    dsums = np.zeros((n, steps, len(w)), dy.dtype)
    dhidden, before = np.zeros_like(dsums), np.zeros_like(dy)
    onward = carry = 0
    for t in range(steps) if reverse else reversed(range(steps)):
        counts = 1 if lengths is None else (t < lengths)[:, None]
        d, carry = (dy[:, t] + onward) * counts, carry * counts
        if kind == "lstm":
            state, cell, i, f, g, o = kept[t]
            e = np.tanh(f * cell + i * g)
            carry = carry + d * o * (1 - e**2)
            dx = du = [carry * g * i * (1 - i), carry * cell * f * (1 - f), carry * i * (1 - g**2), d * e * o * (1 - o)]
            carry = carry * f
        elif kind == "gru":
            state, r, z, v, u = kept[t]
            d = d + carry
            dv = d * (1 - z) * (1 - v**2)
            dx = [dv * u * r * (1 - r), d * (state - v) * z * (1 - z), dv]
            du = [dx[0], dx[1], dv * r]
            carry = d * z
        else:
            state, out = kept[t]
            dx = du = [d * ((out > 0) if kind == "relu" else 1 - out**2)]
        dsums[:, t], dhidden[:, t], before[:, t] = np.concatenate(dx, 1), np.concatenate(du, 1), state
        onward = dhidden[:, t] @ w
    return dsums, dhidden, before`,
  },
  heads_of: {
    code: `def heads_of(s, heads, key_heads):
    """Queries, keys and values as [n, heads of keys, heads of queries for each, t, d]."""
    n, t, _ = s.shape
    s = s.reshape(n, t, heads + 2 * key_heads, -1).transpose(0, 2, 1, 3)
    parts = np.split(s, [heads, heads + key_heads], axis=1)
    return [part.reshape(n, key_heads, -1, t, s.shape[3]) for part in parts]`,
  },
  attention: {
    uses: ["heads_of"],
    code: `def attention(s, heads, key_heads, causal, lengths=None):
    """Means of values by a softmax of products of queries and keys, and its weights; steps behind a row's length have none."""
    q, k, v = heads_of(s, heads, key_heads)
    n, t = s.shape[:2]
    scores = q @ k.swapaxes(3, 4) / np.sqrt(s.dtype.type(q.shape[4]))
    if causal:
        scores = np.where(np.triu(np.ones((t, t), bool), 1), -np.inf, scores)
    if lengths is not None:
        seen = np.arange(t) < np.where(lengths > 0, lengths, t)[:, None]
        scores = np.where(seen[:, None, None, None], scores, -np.inf)
    p = np.exp(scores - scores.max(axis=4, keepdims=True))
    p = p / p.sum(axis=4, keepdims=True)
    if lengths is not None:
        p = p * (np.arange(t) < lengths[:, None])[:, None, None, :, None]
    return (p @ v).reshape(n, heads, t, -1).transpose(0, 2, 1, 3).reshape(n, t, -1), p`,
  },
  attention_back: {
    uses: ["heads_of"],
    code: `def attention_back(do, s, p, heads, key_heads, causal):
    """The derivative by queries, keys and values: what is not seen has a weight of 0, and so no part in it."""
    q, k, v = heads_of(s, heads, key_heads)
    n, t = s.shape[:2]
    do = do.reshape(n, t, heads, -1).transpose(0, 2, 1, 3).reshape(q.shape)
    dp = do @ v.swapaxes(3, 4)
    ds = p * (dp - (dp * p).sum(axis=4, keepdims=True)) / np.sqrt(s.dtype.type(q.shape[4]))
    dk, dv = ((x.swapaxes(3, 4) @ y).sum(axis=2) for x, y in ((ds, q), (p, do)))
    parts = [x.reshape(n, -1, t, q.shape[4]) for x in (ds @ k, dk, dv)]
    return np.concatenate(parts, axis=1).transpose(0, 2, 1, 3).reshape(s.shape)`,
  },
  rotary: {
    code: `def rotary(s, heads, d, base, sign):
    """The first heads of each step turned, value i with value i + d / 2, by the step's i-th angle; sign -1 turns back."""
    n, t, _ = s.shape
    angle = np.arange(t)[:, None, None] / base ** (np.arange(0, d, 2) / d)
    cos, sin = np.cos(angle).astype(s.dtype), (sign * np.sin(angle)).astype(s.dtype)
    turned = s[:, :, : heads * d].reshape(n, t, heads, d)
    a, b = turned[..., : d // 2], turned[..., d // 2 :]
    turned = np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=3).reshape(n, t, -1)
    return np.concatenate([turned, s[:, :, heads * d :]], axis=2)`,
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
