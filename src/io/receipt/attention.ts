import { ChainruleError } from "../../core/errors.ts";
import type { AttentionSpec } from "../../nn/layers/attention.ts";
import type { PositionEmbeddingSpec } from "../../nn/layers/position-embedding.ts";
import { python } from "../../nn/layers/python.ts";
import { back, type Line, type NumpyLayer } from "./place.ts";

const settings = ({ heads, keyHeads, causal }: AttentionSpec): string => `${heads}, ${keyHeads}, ${python(causal)}`;
const plus = (bias: boolean, name: string): string => (bias ? ` + ${name}` : "");

export const attentionNumpy: NumpyLayer<AttentionSpec> = {
  helpers: ["attention", "attention_back", "rotary"],
  forward(layer, { i, a, h, shape }) {
    const { bias, dropout, rotary, heads, keyHeads, size, base } = layer;
    if (dropout > 0) {
      throw new ChainruleError("usage", "a receipt: attention that drops weights: no lines in numpy are known for it");
    }
    const turned: Line = [
      `s${i} = rotary(s${i}, ${heads + keyHeads}, ${size / heads}, ${base}, 1)`,
      "queries and keys turned by angles of their steps",
    ];
    return [
      [`s${i} = ${h[0]} @ Win${i}${plus(bias, `bin${i}`)}`, "attention: each step's queries, keys and values"],
      ...(rotary ? [turned] : []),
      [`o${i}, p${i} = attention(s${i}, ${settings(layer)})`, `weights of ${shape[0]} steps, and means by them`],
      [`${a} = o${i} @ W${i}${plus(bias, `b${i}`)}`, "heads side by side, through a second map"],
    ];
  },
  backward(layer, c) {
    const { i, a } = c;
    const { rotary, heads, keyHeads, size, base } = layer;
    const turned: Line = [`ds${i} = rotary(ds${i}, ${heads + keyHeads}, ${size / heads}, ${base}, -1)`, "turned back"];
    return [
      [`do${i} = d${a} @ W${i}.T`, "attention: back through the second map,"],
      [`ds${i} = attention_back(do${i}, s${i}, p${i}, ${settings(layer)})`, "through means and softmax,"],
      ...(rotary ? [turned] : []),
      ...back(c, `ds${i} @ Win${i}.T`, "and through the first map"),
    ];
  },
  products({ bias }, { i, a, h }) {
    const sum = (name: string, of: string): Line => [`d${name} = d${of}.sum(axis=(0, 1))`, "a bias is in every step"];
    return [
      [`dWin${i} = np.einsum("ntk,ntm->km", ${h[0]}, ds${i})`, "value in front times derivative, over all steps"],
      ...(bias ? [sum(`bin${i}`, `s${i}`)] : []),
      [`dW${i} = np.einsum("ntk,ntm->km", o${i}, d${a})`, "and of the second map"],
      ...(bias ? [sum(`b${i}`, a)] : []),
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
