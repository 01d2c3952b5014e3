import { brief } from "../../core/format.ts";
import { type NdArray, shapeText, zeros } from "../../core/ndarray.ts";
import { flagOf, numberOf, refuse } from "./json.ts";
import type { KerasLayer } from "./layer.ts";
import { inKerasOrder, type Placed, placedAs } from "./placed.ts";
import { setting, type WiredKeras, type WiredReader } from "./wired-place.ts";

/** Of the values that a padded attention may hold, so many times what its arrays in the file do, and so many more. */
const [GROWTH, ROOM] = [64, 2 ** 20];

/** Arguments of a call that change what is computed, and that no layer here takes. */
const REFUSED = ["attention_mask", "query_mask", "value_mask", "key_mask", "mask", "return_attention_scores"] as const;

/** The one value that an attention goes over. Throws where queries, keys and values are of several. */
function ownValue(layer: KerasLayer, given: readonly Placed[], where: string): Placed {
  const [x] = given as readonly [Placed];
  if (given.length < 2 || given.some(({ value }) => value !== x.value)) {
    refuse(`${where}: queries of one value over another's keys; here attention goes over its own steps`);
  }
  if (x.shape.length !== 2) refuse(`${where} takes [steps, values], but is given ${shapeText(x.shape)}`);
  const called = REFUSED.find((key) => (layer.call?.[key] ?? false) !== false);
  if (called) refuse(`${where} is called with ${called}, which no layer here takes`);
  return x;
}

const causalOf = (layer: KerasLayer, where: string): boolean =>
  flagOf(layer.call?.use_causal_mask, false, `${where}: use_causal_mask`) ||
  flagOf(setting(layer, "causal"), false, `${where}: causal`);

function noteDropout(layer: KerasLayer, where: string): number {
  const dropout = numberOf(setting(layer, "dropout"), 0, `${where}: dropout`);
  if (!(dropout >= 0 && dropout < 1)) refuse(`${where}: dropout ${dropout}`);
  return dropout;
}

/** A projection's kernel and bias. */
interface Projection {
  readonly kernel: NdArray;
  readonly bias: NdArray | null;
}

/** Where one projection's arrays lie. */
const part = (layer: KerasLayer, name: string, stored: string): KerasLayer => ({
  ...layer,
  path: [...layer.path, name],
  name,
  stored: [...layer.stored, stored],
});

/**
 * Heads here have the width of a step between them. Where the file's are wider or narrower, steps and heads are filled up
 * with zeros, which stay zeros however long the net is trained on: each stands beside another.
 */
const multiHead: WiredReader = (layer, given, to, where) => {
  const { net, weights } = to;
  const x = ownValue(layer, given, where);
  const width = x.shape[1]!;
  const axes = setting(layer, "attention_axes") ?? null;
  if (axes !== null && `${axes}` !== "1")
    refuse(`${where}: attention_axes ${brief(axes)}; here attention is over steps`);
  const bias = flagOf(setting(layer, "use_bias"), true, `${where}: use_bias`);
  const taken = (name: string, stored: string): Projection => {
    const own = part(layer, name, stored);
    const kernel = weights.take(own, "kernel");
    return { kernel, bias: bias ? weights.take(own, "bias") : null };
  };
  const [q, k, v] = [taken("query", "query_dense"), taken("key", "key_dense"), taken("value", "value_dense")];
  const o = taken("attention_output", "output_dense");
  const [inputs, heads, own] = q.kernel.shape as readonly [number, number, number];
  const [values, out] = [v.kernel.shape[2]!, o.kernel.shape[2]!];
  const expect = ({ kernel, bias: b }: Projection, shape: readonly number[], behind: number): void => {
    const fits = kernel.shape.join() === shape.join() && (b === null || b.shape.join() === shape.slice(behind).join());
    if (!fits) refuse(`${where}: a kernel of ${shapeText(kernel.shape)}, where it must be ${shapeText(shape)}`);
    net.claim(kernel.data.length + (b?.data.length ?? 0), where);
  };
  if (inputs !== width) refuse(`${where}: a kernel of ${shapeText(q.kernel.shape)} for steps of ${width} values`);
  for (const [p, d] of [[q, own], [k, own], [v, values]] as const) expect(p, [width, heads, d], 1); // biome-ignore format: a table
  expect(o, [heads, values, out], 2);
  const d = Math.max(own, values, Math.ceil(Math.max(width, out) / heads));
  const size = heads * d;
  const held = q.kernel.data.length * 2 + v.kernel.data.length + o.kernel.data.length;
  if (4 * size * size > GROWTH * held + ROOM) refuse(`${where}: ${heads} heads of ${d} values for steps of ${width}`);
  const scale = Math.sqrt(d / own);
  const inWeight = zeros([size, 3 * size], "f32");
  const inBias = zeros([3 * size], "f32");
  const outWeight = zeros([size, size], "f32");
  const outBias = zeros([size], "f32");
  for (const [at, p] of [q, k, v].entries()) {
    const of = p.kernel.shape[2]!;
    const factor = at === 0 ? scale : 1;
    for (let h = 0; h < heads; h++) {
      for (let c = 0; c < of; c++) {
        const column = at * size + h * d + c;
        for (let e = 0; e < width; e++) {
          inWeight.data[e * 3 * size + column] = factor * p.kernel.data[(e * heads + h) * of + c]!;
        }
        if (p.bias) inBias.data[column] = factor * p.bias.data[h * of + c]!;
      }
    }
  }
  for (let h = 0; h < heads; h++) {
    for (let c = 0; c < values; c++) {
      const row = o.kernel.data.subarray((h * values + c) * out, (h * values + c + 1) * out);
      outWeight.data.set(row, (h * d + c) * size);
    }
  }
  if (o.bias) outBias.data.set(o.bias.data);
  if (size !== width || own !== d || values !== d) {
    net.note(
      `${where}: its ${heads} heads of ${own} values over steps of ${width} are ${heads} of ${d} over ${size} here, filled up with zeros`,
    );
  }
  const arrays = {
    ...{ in_proj_weight: inWeight, "out_proj.weight": outWeight },
    ...(bias ? { in_proj_bias: inBias, "out_proj.bias": outBias } : {}),
  };
  return attended(layer, x, { heads, size, out, bias }, arrays, to, where);
};

/** The layer itself, over steps that are filled up to its size. */
function attended(
  layer: KerasLayer,
  x: Placed,
  {
    heads,
    size,
    out,
    bias,
  }: { readonly heads: number; readonly size: number; readonly out: number; readonly bias: boolean },
  arrays: Readonly<Record<string, NdArray>>,
  to: WiredKeras,
  where: string,
): Placed {
  const { net } = to;
  const [t, width] = x.shape as readonly [number, number];
  const steps = inKerasOrder(net, x, where);
  const wide = size === width ? steps : net.extend(steps, [t, width], 1, 0, size - width, where);
  const causal = causalOf(layer, where);
  const spec = { type: "attention", size, heads, keyHeads: heads, causal, bias, rotary: false, base: 10000 } as const;
  const y = net.add({ ...spec, dropout: noteDropout(layer, where) }, [wide], where, arrays);
  return placedAs(net, out === size ? y : net.extend(y, [t, size], 1, 0, out - size, where), [0, 1]);
}

/** Means of a value's own steps by softmax of their products: attention whose projections change nothing. */
const dotProduct: WiredReader = (layer, given, to, where) => {
  const x = ownValue(layer, given, where);
  const mode = setting(layer, "score_mode") ?? "dot";
  if (mode !== "dot") refuse(`${where}: score_mode ${brief(mode)}; here dot`);
  const size = x.shape[1]!;
  const scaled = flagOf(setting(layer, "use_scale"), false, `${where}: use_scale`);
  const factor = scaled ? to.weights.take(layer, "scale").data[0]! : 1;
  const { net } = to;
  net.claim(4 * size * size, where);
  const inWeight = zeros([size, 3 * size], "f32");
  const outWeight = zeros([size, size], "f32");
  for (let i = 0; i < size; i++) {
    // Scores are divided by the root of the width here.
    inWeight.data[i * 3 * size + i] = factor * Math.sqrt(size);
    inWeight.data[i * 3 * size + size + i] = 1;
    inWeight.data[i * 3 * size + 2 * size + i] = 1;
    outWeight.data[i * size + i] = 1;
  }
  const arrays = { in_proj_weight: inWeight, "out_proj.weight": outWeight };
  return attended(layer, x, { heads: 1, size, out: size, bias: false }, arrays, to, where);
};

export const attentionReaders: Readonly<Record<string, WiredReader>> = {
  MultiHeadAttention: multiHead,
  Attention: dotProduct,
};
