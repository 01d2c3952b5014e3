import type { AttentionSpec } from "./attention-spec.ts";
import type { Projection } from "./lora-spec.ts";
import { adaptedLinearClass, adapterClass } from "./lora-torch.ts";
import { python } from "./python.ts";

/** Whether nn.MultiheadAttention is all of it; its dropout would draw masks of its own. */
const isPlain = ({ heads, keyHeads, rotary, dropout, mask, lora }: AttentionSpec): boolean =>
  heads === keyHeads && !rotary && dropout === 0 && mask === undefined && lora === undefined;

/** The call that makes its module in PyTorch: a kind of nn.MultiheadAttention, or one that is written out. */
export function attentionModule(layer: AttentionSpec, adapters: readonly Projection[]): string {
  const { size, heads, keyHeads, causal, bias, dropout, rotary, base } = layer;
  const common = `causal=${python(causal)}, bias=${python(bias)}`;
  if (isPlain(layer)) return `SelfAttention(${size}, ${heads}, ${common})`;
  const grouped = `${size}, ${heads}, ${keyHeads}, ${common}, dropout=${dropout}, base=${rotary ? base : "None"}`;
  if (!layer.lora) return `GroupedAttention(${grouped})`;
  const { rank, alpha, dropout: p } = layer.lora;
  const settings = `rank=${rank}, scale=${alpha / rank}, dropout=${p}`;
  const beside = adapters.flatMap(({ target, inputs, outputs, first }) =>
    target === "out_proj" ? [] : [`"${target}": (${first}, Adapter(${inputs}, ${outputs}, ${settings}))`],
  );
  const out = adapters.some(({ target }) => target === "out_proj")
    ? `, out_proj=AdaptedLinear(${size}, ${size}, ${python(bias)}, ${settings})`
    : "";
  return `AdaptedAttention(${grouped}, adapters={${beside.join(", ")}}${out})`;
}

/** The class of that module, and what it is made of. */
export function attentionClass(layer: AttentionSpec): readonly string[] {
  if (isPlain(layer)) return [selfAttention];
  return layer.lora ? [groupedAttention, adapterClass, adaptedLinearClass, adaptedAttention] : [groupedAttention];
}

const selfAttention = `class SelfAttention(nn.MultiheadAttention):
    """nn.MultiheadAttention of one value; with \`causal\` a step sees itself and earlier ones."""

    def __init__(self, size, heads, causal, bias):
        super().__init__(size, heads, bias=bias, batch_first=True)
        self.causal = causal

    def forward(self, x):
        t = x.shape[1]
        later = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1) if self.causal else None
        return super().forward(x, x, x, attn_mask=later, need_weights=False)[0]
`;

const groupedAttention = `class GroupedAttention(nn.Module):
    """Attention whose keys and values several heads share, whose queries and keys are turned by angles of their steps, that sees
    \`lengths\` steps of each row, or whose weights are dropped: by a module, of rows of scores that are filled up to a multiple
    of four."""

    def __init__(self, size, heads, key_heads, causal, bias, dropout, base):
        super().__init__()
        self.heads, self.key_heads, self.d = heads, key_heads, size // heads
        self.causal, self.base = causal, base
        self.drop = nn.Dropout(dropout)
        width = (heads + 2 * key_heads) * self.d
        self.in_proj_weight = nn.Parameter(torch.empty(width, size))
        self.in_proj_bias = nn.Parameter(torch.zeros(width)) if bias else None
        self.out_proj = nn.Linear(size, size, bias=bias)
        nn.init.xavier_uniform_(self.in_proj_weight)
        if bias:
            nn.init.zeros_(self.out_proj.bias)

    def turned(self, x):
        if self.base is None:
            return x
        half = self.d // 2
        step = torch.arange(x.shape[2], dtype=torch.float64)[:, None]
        angle = step / self.base ** (torch.arange(half, dtype=torch.float64) / half)
        cos, sin = (f(angle).to(x) for f in (torch.cos, torch.sin))
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def maps_in(self, x):
        return F.linear(x, self.in_proj_weight, self.in_proj_bias)

    def forward(self, x, lengths=None):
        n, t, size = x.shape
        qkv = self.maps_in(x).view(n, t, -1, self.d).transpose(1, 2)
        q, k, v = qkv.split([self.heads, self.key_heads, self.key_heads], 1)
        share = self.heads // self.key_heads
        q, k = self.turned(q), self.turned(k).repeat_interleave(share, 1)
        scores = q @ k.transpose(2, 3) / self.d**0.5
        if self.causal:
            scores = scores.masked_fill(torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1), -torch.inf)
        if lengths is not None:
            counts = torch.arange(t, device=x.device) < lengths[:, None]
            seen = counts | (lengths == 0)[:, None]  # of a row without steps all, since its softmax would be no number
            scores = scores.masked_fill(~seen[:, None, None], -torch.inf)
        weights = self.drop(F.pad(scores.softmax(3), (0, -t % 4)))[..., :t]
        heard = (weights @ v.repeat_interleave(share, 1)).transpose(1, 2).reshape(n, t, size)
        if lengths is not None:
            heard = heard.masked_fill(~counts[:, :, None], 0)  # steps behind the end hear nothing
        return self.out_proj(heard)
`;

const adaptedAttention = `class AdaptedAttention(GroupedAttention):
    """GroupedAttention with low-rank adapters: each adds to the columns of the first map from its own first one on."""

    def __init__(self, *args, adapters, out_proj=None, **more):
        super().__init__(*args, **more)
        self.out_proj = out_proj or self.out_proj
        self.columns = {name: first for name, (first, _) in adapters.items()}
        for name, (_, adapter) in adapters.items():
            self.add_module(name, adapter)

    def maps_in(self, x):
        y = super().maps_in(x)
        for name, first in self.columns.items():
            added = self.get_submodule(name)(x)
            y = y + F.pad(added, (first, y.shape[-1] - first - added.shape[-1]))
        return y
`;
