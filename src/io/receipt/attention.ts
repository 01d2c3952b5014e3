import { ChainruleError } from "../../core/errors.ts";
import type { AttentionSpec } from "../../nn/layers/attention.ts";
import type { PositionEmbeddingSpec } from "../../nn/layers/position-embedding.ts";
import { python } from "../../nn/layers/python.ts";
import { adaptersOf, type LayerAdapter } from "../adapters.ts";
import { adapterBackward, adapterForward, adapterOnward, adapterProducts } from "./adapters.ts";
import { back, type Line, type NumpyLayer } from "./place.ts";

const settings = ({ heads, keyHeads, causal, mask }: AttentionSpec, lengths: boolean): string =>
  `${heads}, ${keyHeads}, ${python(causal)}${lengths && mask ? ", lengths" : ""}`;
const plus = (bias: boolean, name: string): string => (bias ? ` + ${name}` : "");

/** Adapters beside the first map, which are added to columns of it, and the one beside the second. */
const adapters = (layer: AttentionSpec, i: number) => {
  const all = adaptersOf(layer, i);
  return {
    first: all.filter((own) => own.target !== "out_proj"),
    second: all.filter((own) => own.target === "out_proj"),
  };
};
const columns = (name: string, { first, outputs }: LayerAdapter): string =>
  `${name}[:, :, ${first}:${first + outputs}]`;

export const attentionNumpy: NumpyLayer<AttentionSpec> = {
  helpers: ["attention", "attention_back", "rotary"],
  forward(layer, { i, a, h, shape, lengths }) {
    const { bias, dropout, rotary, heads, keyHeads, size, base } = layer;
    if (dropout > 0) {
      throw new ChainruleError("usage", "a receipt: attention that drops weights: no lines in numpy are known for it");
    }
    const turned: Line = [
      `s${i} = rotary(s${i}, ${heads + keyHeads}, ${size / heads}, ${base}, 1)`,
      "queries and keys turned by angles of their steps",
    ];
    const { first, second } = adapters(layer, i);
    return [
      [`s${i} = ${h[0]} @ Win${i}${plus(bias, `bin${i}`)}`, "attention: each step's queries, keys and values"],
      ...first.flatMap((own) => adapterForward(own, i, h[0]!, columns(`s${i}`, own))),
      ...(rotary ? [turned] : []),
      [
        `o${i}, p${i} = attention(s${i}, ${settings(layer, lengths)})`,
        `weights of ${shape[0]} steps, and means by them`,
      ],
      [`${a} = o${i} @ W${i}${plus(bias, `b${i}`)}`, "heads side by side, through a second map"],
      ...second.flatMap((own) => adapterForward(own, i, `o${i}`, a)),
    ];
  },
  backward(layer, c) {
    const { i, a } = c;
    const { rotary, heads, keyHeads, size, base } = layer;
    const turned: Line = [`ds${i} = rotary(ds${i}, ${heads + keyHeads}, ${size / heads}, ${base}, -1)`, "turned back"];
    const { first, second } = adapters(layer, i);
    const onward = second.map((own) => ` + ${adapterOnward(own, i)}`).join("");
    return [
      ...second.map((own) => adapterBackward(own, i, `d${a}`)),
      [`do${i} = d${a} @ W${i}.T${onward}`, "attention: back through the second map,"],
      [`ds${i} = attention_back(do${i}, s${i}, p${i}, ${settings(layer, false)})`, "through means and softmax,"],
      ...(rotary ? [turned] : []),
      ...back(c, `ds${i} @ Win${i}.T`, "and through the first map"),
      ...first.flatMap((own) => [
        adapterBackward(own, i, columns(`ds${i}`, own)),
        ...back(c, adapterOnward(own, i), "and through the adapter"),
      ]),
    ];
  },
  products(layer, { i, a, h }) {
    const { bias } = layer;
    const sum = (name: string, of: string): Line => [`d${name} = d${of}.sum(axis=(0, 1))`, "a bias is in every step"];
    const { first, second } = adapters(layer, i);
    return [
      [`dWin${i} = np.einsum("ntk,ntm->km", ${h[0]}, ds${i})`, "value in front times derivative, over all steps"],
      ...(bias ? [sum(`bin${i}`, `s${i}`)] : []),
      ...first.flatMap((own) => adapterProducts(own, i, h[0]!, columns(`ds${i}`, own))),
      [`dW${i} = np.einsum("ntk,ntm->km", o${i}, d${a})`, "and of the second map"],
      ...(bias ? [sum(`b${i}`, a)] : []),
      ...second.flatMap((own) => adapterProducts(own, i, `o${i}`, `d${a}`)),
    ];
  },
};

export const positionEmbeddingNumpy: NumpyLayer<PositionEmbeddingSpec> = {
  forward: (_, { i, a, h, shape }) => [[`${a} = ${h[0]} + W${i}[:${shape[0]}]`, "a row added to each step"]],
  backward: (_, c) => back(c, `d${c.a}`, "position embedding: the sum passes it on"),
  products: (_, { i, a, shape }) => [
    [`dW${i} = np.zeros_like(W${i})`, "rows of steps that are not there stay 0"],
    [`dW${i}[:${shape[0]}] = d${a}.sum(axis=0)`, "each row is in every row of the batch"],
  ],
};
