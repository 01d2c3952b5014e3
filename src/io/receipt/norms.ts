import type { BatchNormSpec } from "../../nn/layers/batch-norm.ts";
import type { GroupNormSpec, InstanceNormSpec } from "../../nn/layers/group-norm.ts";
import type { LayerNormSpec } from "../../nn/layers/layer-norm.ts";
import type { RmsNormSpec } from "../../nn/layers/rms-norm.ts";
import { axes, back, type Line, type NumpyLayer, type Place, perChannel, tuple } from "./place.ts";

/** To mean 0 and deviation 1 along axes: n from h. */
function normalised(i: number, h: string, along: string, eps: number, what: string): readonly Line[] {
  return [
    [`mean${i} = ${h}.mean(axis=${along}, keepdims=True)`, `${what} mean`],
    [`var${i} = ((${h} - mean${i}) ** 2).mean(axis=${along}, keepdims=True)`, "and variance"],
    [`rstd${i} = 1 / np.sqrt(var${i} + ${eps})`, "one over the deviation; eps keeps it finite"],
    [`n${i} = (${h} - mean${i}) * rstd${i}`, "mean 0, deviation 1"],
  ];
}

/** Back from dn to what was normalised. */
const throughNorm = (i: number, along: string, whole: string): readonly [Line, string] => [
  [
    `r${i} = (dn${i} * n${i}).mean(axis=${along}, keepdims=True)`,
    `through the deviation, which depends on all of ${whole},`,
  ],
  `rstd${i} * (dn${i} - dn${i}.mean(axis=${along}, keepdims=True) - n${i} * r${i})`,
];

const layerAxes = ({ size }: LayerNormSpec, { shapes }: Place): string => {
  const rank = shapes[0]!.length;
  return axes(rank + 1 - (typeof size === "number" ? 1 : size.length), rank + 1);
};

export const layerNormNumpy: NumpyLayer<LayerNormSpec> = {
  forward: (layer, c) => [
    ...normalised(c.i, c.h[0]!, layerAxes(layer, c), layer.eps, "layer norm: each row's"),
    [`${c.a} = gamma${c.i} * n${c.i} + beta${c.i}`, "scaled and shifted"],
  ],
  backward(layer, c) {
    if (!c.onward[0]) return [];
    const [deviation, code] = throughNorm(c.i, layerAxes(layer, c), "the row");
    return [
      [`dn${c.i} = d${c.a} * gamma${c.i}`, "layer norm: back through the scale,"],
      deviation,
      ...back(c, code, "and through the mean"),
    ];
  },
  products(layer, { i, a, shapes }) {
    const own = typeof layer.size === "number" ? 1 : layer.size.length;
    const over = axes(0, shapes[0]!.length + 1 - own);
    return [
      [`dgamma${i} = (d${a} * n${i}).sum(axis=${over})`, "what the scale multiplied, times its derivative"],
      [`dbeta${i} = d${a}.sum(axis=${over})`, "the shift acts as it is"],
    ];
  },
};

/** The batch and all places: every axis but that of channels. */
const overChannels = ({ shape }: Place): string =>
  shape.length === 1 ? "0" : tuple([0, ...shape.slice(1).map((_, d) => d + 2)]);

/** Scale and shift of channels, where there are any. */
function affine(layer: { readonly affine: boolean }, c: Place, from: string): readonly Line[] {
  const at = perChannel(c.shape);
  if (!layer.affine) return [[`${c.a} = ${from}`, "as it is"]];
  return [[`${c.a} = gamma${c.i}${at} * ${from} + beta${c.i}${at}`, "scaled and shifted by channel"]];
}
const affineBack = (layer: { readonly affine: boolean }, c: Place): string =>
  layer.affine ? `d${c.a} * gamma${c.i}${perChannel(c.shape)}` : `d${c.a}`;
const affineProducts = (layer: { readonly affine: boolean }, c: Place, n: string): readonly Line[] =>
  layer.affine
    ? [
        [
          `dgamma${c.i} = (d${c.a} * ${n}).sum(axis=${overChannels(c)})`,
          "what the scale multiplied, times its derivative",
        ],
        [`dbeta${c.i} = d${c.a}.sum(axis=${overChannels(c)})`, "the shift acts as it is"],
      ]
    : [];

/** Running mean, variance and count, one after the other, after a batch whose variance is that of a sample. */
function running({ size, momentum }: BatchNormSpec, { i, h }: Place): readonly Line[] {
  const share = momentum === null ? `1 / (kept${i}[-1] + 1)` : `${momentum}`;
  return [
    [
      `share${i} = ${share}`,
      momentum === null ? "of each batch: the mean of all" : "of this batch in the running statistics",
    ],
    [`count${i} = ${h[0]}.size / ${size}`, "values of a channel"],
    [
      `batch${i} = np.concatenate([mean${i}.ravel(), var${i}.ravel() * count${i} / (count${i} - 1)])`,
      "the batch's own: the variance of a sample",
    ],
    [
      `running${i} = np.append(kept${i}[:-1] + share${i} * (batch${i} - kept${i}[:-1]), kept${i}[-1] + 1)`,
      "means, variances, and how many batches",
    ],
  ];
}

export const batchNormNumpy: NumpyLayer<BatchNormSpec> = {
  forward: (layer, c) => [
    ...normalised(c.i, c.h[0]!, overChannels(c), layer.eps, "batch norm: each channel's"),
    ...running(layer, c),
    ...affine(layer, c, `n${c.i}`),
  ],
  backward(layer, c) {
    if (!c.onward[0]) return [];
    const [deviation, code] = throughNorm(c.i, overChannels(c), "the batch");
    return [
      [`dn${c.i} = ${affineBack(layer, c)}`, "batch norm: back through the scale,"],
      deviation,
      ...back(c, code, "and through the mean"),
    ];
  },
  products: (layer, c) => affineProducts(layer, c, `n${c.i}`),
};

type Grouped = GroupNormSpec | InstanceNormSpec;
const groupsOf = (layer: Grouped): number => (layer.type === "groupNorm" ? layer.groups : layer.size);

export const groupNormNumpy: NumpyLayer<Grouped> = {
  forward: (layer, c) => [
    [
      `g${c.i} = ${c.h[0]}.reshape(len(${c.h[0]}), ${groupsOf(layer)}, -1)`,
      "group norm: groups of channels side by side",
    ],
    ...normalised(c.i, `g${c.i}`, "2", layer.eps, "each group's"),
    ...affine(layer, c, `n${c.i}.reshape(${c.h[0]}.shape)`),
  ],
  backward(layer, c) {
    if (!c.onward[0]) return [];
    const [deviation, code] = throughNorm(c.i, "2", "the group");
    return [
      [`dn${c.i} = (${affineBack(layer, c)}).reshape(g${c.i}.shape)`, "group norm: back through the scale,"],
      deviation,
      ...back(c, `(${code}).reshape(${c.h[0]}.shape)`, "and through the mean"),
    ];
  },
  products: (layer, c) => affineProducts(layer, c, `n${c.i}.reshape(${c.h[0]}.shape)`),
};

export const rmsNormNumpy: NumpyLayer<RmsNormSpec> = {
  forward: ({ eps }, { i, a, h }) => [
    [
      `rstd${i} = 1 / np.sqrt((${h[0]} ** 2).mean(axis=-1, keepdims=True) + ${eps})`,
      "rms norm: one over the root mean square",
    ],
    [`n${i} = ${h[0]} * rstd${i}`, "of mean square 1"],
    [`${a} = gamma${i} * n${i}`, "scaled"],
  ],
  backward(_, c) {
    if (!c.onward[0]) return [];
    const { i, a } = c;
    return [
      [`dn${i} = d${a} * gamma${i}`, "rms norm: back through the scale,"],
      ...back(c, `rstd${i} * (dn${i} - n${i} * (dn${i} * n${i}).mean(axis=-1, keepdims=True))`, "and through the root"),
    ];
  },
  products: (_, { i, a, shapes }) => [
    [
      `dgamma${i} = (d${a} * n${i}).sum(axis=${axes(0, shapes[0]!.length)})`,
      "what the scale multiplied, times its derivative",
    ],
  ],
};
