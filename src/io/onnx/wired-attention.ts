import { type NdArray, ndarray, sizeOf, zeros } from "../../core/ndarray.ts";
import type { AttentionSpec } from "../../nn/layers/attention-spec.ts";
import type { Value, WiredNet } from "../net/wired-net.ts";
import { type Axis, BATCH_ATOM, countOf, hasBatch, merged, offsetsOf, type View } from "./view.ts";

/** Queries or keys turned by angles of their steps. */
export interface Turned {
  readonly base: number;
  /** Whether neighbours are turned together, and not the halves of a head. */
  readonly neighbours: boolean;
}

/** Queries, keys or values: heads of what a projection gives. */
export interface Heads {
  readonly view: View;
  readonly factor: number;
  readonly turned: Turned | null;
}

/** Products of queries and keys, on their way to a softmax and behind it. */
export interface Scores {
  readonly queries: Heads;
  readonly keys: Heads;
  readonly factor: number;
  readonly causal: boolean;
  /** Whether the softmax is done. */
  readonly weights: boolean;
}

/** Axes of steps and of a head's values, and those before them. */
function parts({ axes }: View): { readonly lead: readonly Axis[]; readonly steps: Axis; readonly values: Axis } {
  return { lead: axes.slice(0, -2), steps: axes.at(-2)!, values: axes.at(-1)! };
}

/** Keys as a product has them, the last two axes changed. */
export const keysOf = (heads: Heads): Heads => {
  const { lead, steps, values } = parts(heads.view);
  return { ...heads, view: { ...heads.view, axes: [...lead, values, steps] } };
};

/** A projection: for each of its outputs the weights of x, and what is added. */
interface Projection {
  readonly x: Value;
  readonly weight: NdArray | null;
  readonly scale: (j: number) => number;
  readonly bias: ((j: number) => number) | null;
  /** The linear layer that it was, which becomes part of the attention. */
  readonly layer: Value | null;
}

function projectionOf(net: WiredNet, value: Value): Projection {
  const node = net.nodes[value];
  if (
    node?.kind === "affine" &&
    node.shape.length === 2 &&
    (node.axis === 1 || sizeOf([node.affine.scale.length]) === 1)
  ) {
    const { scale, shift } = node.affine;
    const of = projectionOf(net, node.from[0]!);
    const at = (values: Float64Array, j: number): number => values[values.length === 1 ? 0 : j]!;
    return {
      ...of,
      scale: (j) => of.scale(j) * at(scale, j),
      bias: (j) => (of.bias?.(j) ?? 0) * at(scale, j) + at(shift, j),
    };
  }
  const layer = net.layerAt(value);
  if (layer?.layer.type === "linear") {
    const { weight, bias } = layer.arrays;
    return {
      ...{ x: layer.from[0]!, weight: weight!, scale: () => 1, layer: value },
      bias: bias ? (j) => bias.data[j]! : null,
    };
  }
  return { x: value, weight: null, scale: () => 1, bias: null, layer: null };
}

/** Attention whose last projection may follow: of layers whose arrays are not complete yet. */
export class Attentions {
  private readonly open = new Map<Value, { readonly spec: AttentionSpec; readonly arrays: Record<string, NdArray> }>();
  /** Linear layers that became part of one; their room is given back once. */
  private readonly taken = new Set<Value>();

  constructor(private readonly net: WiredNet) {}

  /** The attention that weights and values are, as a view whose axes are the product's. */
  of({ queries, keys, factor, causal }: Scores, values: Heads, where: string): View {
    const { net } = this;
    const all = { queries, keys, values };
    const [q, k, v] = Object.values(all).map(({ view }) => parts(view));
    const found = Object.values(all).map(({ view }) => projectionOf(net, view.value));
    const { x } = found[0]!;
    const shape = net.shapeOf(x);
    if (found.some((p) => p.x !== x)) {
      net.refuse(`${where}: attention from one value to another; here queries, keys and values are of one`);
    }
    if (shape.length !== 2) net.refuse(`${where}: attention over values of ${shape.length} axes; here of steps`);
    const [t, size] = shape as readonly [number, number];
    for (const [what, { view }] of Object.entries(all)) {
      const width = net.shapeOf(view.value)[1]!;
      const steps = merged(parts(view).steps);
      const one =
        t === 1 ? steps.length === 0 : steps.length === 1 && steps[0]!.size === t && steps[0]!.stride === width;
      if (!one) net.refuse(`${where}: its ${what} are not one for each step of ${t}`);
    }
    const d = countOf(q!.values);
    const lead = q!.lead.map((axis, i) => {
      const others = [k!, v!].map((p) => p.lead[i - q!.lead.length + p.lead.length] ?? []);
      if (
        others.some((o) => countOf(o) !== 1 && countOf(o) !== countOf(axis)) ||
        hasBatch(axis) !== hasBatch(others[0]!)
      ) {
        net.refuse(`${where}: heads of queries and of keys do not meet`);
      }
      return [axis, ...others].map((own) => offsetsOf(own));
    });
    /** Where each head begins among what the projection gives. */
    const begins = (which: number): number[] =>
      lead.reduce<number[]>(
        (bases, offsets) => {
          const count = offsets[0]!.length;
          const own = offsets[which]!;
          return bases.flatMap((b) => Array.from({ length: count }, (_, i) => b + own[own.length === 1 ? 0 : i]!));
        },
        [0],
      );
    const [qs, ks, vs] = [begins(0), begins(1), begins(2)];
    const heads = qs.length;
    const groups = [...new Set(ks)];
    const share = heads / groups.length;
    const shared = Number.isInteger(share) && ks.every((b, h) => b === groups[Math.floor(h / share)]);
    const valued = vs.every((b, h) => b === vs[Math.floor(h / share) * share]);
    if (!shared || !valued) net.refuse(`${where}: heads share keys in another order than one behind the other`);
    if (heads * d !== size || countOf(v!.values) !== d) {
      net.refuse(
        `${where}: ${heads} heads of ${d} queries and ${countOf(v!.values)} values for steps of ${size}; here they make up a step`,
      );
    }
    const turned = turnedOf(queries, keys, net, where);
    const keyHeads = groups.length;
    const width = size + 2 * keyHeads * d;
    const order = turned?.neighbours ? (j: number) => (j < d / 2 ? 2 * j : 2 * (j - d / 2) + 1) : (j: number) => j;
    // Scores are divided by the root of d here; what the file multiplies by besides goes into the queries.
    const more = factor * queries.factor * keys.factor * Math.sqrt(d);
    const columns = [
      ...qs.map((base) => ({ of: 0, base, more })),
      ...groups.map((base) => ({ of: 1, base, more: 1 })),
      ...groups.map((_, g) => ({ of: 2, base: vs[g * share]!, more: values.factor })),
    ];
    const bias = found.some((p) => p.bias !== null);
    const spec: AttentionSpec = {
      ...{ type: "attention", size, heads, keyHeads, causal, bias, dropout: 0 },
      ...{ rotary: turned !== null, base: turned?.base ?? 10000 },
    };
    this.claim(found, width * (size + 1), where);
    const weight = zeros([size, width], "f32");
    const shift = zeros([width], "f32");
    columns.forEach(({ of, base, more: times }, c) => {
      const { view } = [queries, keys, values][of]!;
      const along = offsetsOf(parts(view).values);
      const p = found[of]!;
      for (let j = 0; j < d; j++) {
        const from = view.offset + base + along[of < 2 ? order(j) : j]!;
        const scale = p.scale(from) * times;
        for (let i = 0; i < size; i++) {
          const w = p.weight ? p.weight.data[i * p.weight.shape[1]! + from]! : Number(i === from);
          weight.data[i * width + c * d + j] = w * scale;
        }
        if (p.bias) shift.data[c * d + j] = p.bias(from) * times;
      }
    });
    const arrays: Record<string, NdArray> = { in_proj_weight: weight, ...(bias ? { in_proj_bias: shift } : {}) };
    const value = net.add(spec, [x], where, arrays);
    this.open.set(value, { spec, arrays });
    return { value, offset: 0, axes: axesOfHeads(q!.lead, t, size, d) };
  }

  /** A linear layer behind an attention that has no last projection yet becomes that; any other value stays. */
  joined(value: Value): Value {
    const { net } = this;
    const node = net.layerAt(value);
    const first = node?.from[0] ?? -1;
    const attention = this.open.get(first);
    if (node?.layer.type !== "linear" || !attention || node.layer.in !== node.layer.out) return value;
    const { weight, bias } = node.arrays;
    const { size } = attention.spec;
    const has = attention.spec.bias || bias !== undefined;
    const arrays = {
      in_proj_weight: attention.arrays.in_proj_weight!,
      ...(has
        ? { in_proj_bias: attention.arrays.in_proj_bias ?? zeros([attention.arrays.in_proj_weight!.shape[1]!], "f32") }
        : {}),
      "out_proj.weight": weight!,
      ...(has ? { "out_proj.bias": bias ?? zeros([size], "f32") } : {}),
    };
    return net.add({ ...attention.spec, bias: has }, net.layerAt(first)!.from, node.where, arrays);
  }

  /** Gives those whose last projection did not come one that changes nothing. */
  finish(): void {
    for (const [value, { spec, arrays }] of this.open) {
      const { where } = this.net.layerAt(value)!;
      this.net.claim(spec.size * spec.size, where);
      const ones = Float32Array.from({ length: spec.size ** 2 }, (_, i) => Number(i % (spec.size + 1) === 0));
      arrays["out_proj.weight"] = ndarray([spec.size, spec.size], "f32", ones);
      if (spec.bias) arrays["out_proj.bias"] = zeros([spec.size], "f32");
    }
  }

  private claim(found: readonly Projection[], size: number, where: string): void {
    let freed = 0;
    for (const { layer, weight } of found) {
      if (layer === null || this.taken.has(layer)) continue;
      this.taken.add(layer);
      freed += sizeOf(weight!.shape);
    }
    this.net.claim(Math.max(0, size - freed), where);
  }
}

function turnedOf(queries: Heads, keys: Heads, net: WiredNet, where: string): Turned | null {
  const [a, b] = [queries.turned, keys.turned];
  if (JSON.stringify(a) !== JSON.stringify(b)) net.refuse(`${where}: queries and keys are turned by other angles`);
  return a;
}

/** The axes of what comes out, [lead, steps, values], over [steps, size] with the heads behind each other. */
function axesOfHeads(lead: readonly Axis[], t: number, size: number, d: number): readonly Axis[] {
  let stride = size;
  const heads = lead.map((axis): Axis => {
    const count = countOf(axis);
    stride /= count;
    const own = count === 1 ? [] : [{ size: count, stride }];
    if (!hasBatch(axis)) return own;
    return axis[0]!.size === BATCH_ATOM.size ? [BATCH_ATOM, ...own] : [...own, BATCH_ATOM];
  });
  return [...heads, t === 1 ? [] : [{ size: t, stride: size }], d === 1 ? [] : [{ size: d, stride: 1 }]];
}
