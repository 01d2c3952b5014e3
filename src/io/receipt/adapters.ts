import type { LayerSpec } from "../../nn/layers/spec.ts";
import { adaptersOf, type LayerAdapter } from "../adapters.ts";
import type { Line } from "./place.ts";

/** Names of an adapter's values: "A3_q_proj" in the fourth layer of a net. */
const named = ({ target }: LayerAdapter, i: number) => {
  const end = `${i}${target && `_${target}`}`;
  return { A: `A${end}`, B: `B${end}`, low: `l${end}`, mask: `maskA${end}`, seen: `u${end}` };
};

/** The name of an adapter's parameter by its key, "q_proj.lora_A.weight"; null for other keys. */
export function adapterName(key: string, layer: number): string | null {
  const [, target, which] = /^(?:(\w+)\.)?lora_([AB])\.weight$/.exec(key) ?? [];
  return which ? `${which}${layer}${target ? `_${target}` : ""}` : null;
}

/** Names of the masks of a layer's adapters, each with the layer by which it is drawn. */
export const adapterMasks = (
  layer: LayerSpec,
  i: number,
): readonly { readonly name: string; readonly p: number; readonly by: number }[] =>
  adaptersOf(layer, i)
    .filter(({ spec }) => spec.dropout > 0)
    .map((a) => ({ name: named(a, i).mask, p: a.spec.dropout, by: a.mask }));

/** x after the adapter's dropout, and what it is made of. */
function seenOf(a: LayerAdapter, i: number, x: string): { readonly name: string; readonly lines: readonly Line[] } {
  const { dropout } = a.spec;
  if (dropout === 0) return { name: x, lines: [] };
  const { seen, mask } = named(a, i);
  return {
    name: seen,
    lines: [[`${seen} = ${x} * ${mask} / (1 - ${dropout})`, "what the adapter's dropout lets through"]],
  };
}

/** Adds what an adapter makes of x to `y`. */
export function adapterForward(a: LayerAdapter, i: number, x: string, y: string): readonly Line[] {
  const { A, B, low } = named(a, i);
  const seen = seenOf(a, i, x);
  return [
    ...seen.lines,
    [`${low} = ${seen.name} @ ${A}`, `adapter${a.target && ` of ${a.target}`}: down to rank ${a.spec.rank},`],
    [`${y} = ${y} + ${a.scale} * (${low} @ ${B})`, "and up again, beside the weight"],
  ];
}

/** The derivative by the adapter's low-rank values; d is that of what it was added to. */
export const adapterBackward = (a: LayerAdapter, i: number, d: string): Line => {
  const { B, low } = named(a, i);
  return [`d${low} = ${a.scale} * (${d} @ ${B}.T)`, "adapter: back to its rank"];
};

/** What goes on to the adapter's input. */
export function adapterOnward(a: LayerAdapter, i: number): string {
  const { A, low, mask } = named(a, i);
  const through = a.spec.dropout > 0 ? ` * ${mask} / (1 - ${a.spec.dropout})` : "";
  return `(d${low} @ ${A}.T)${through}`;
}

/** The gradients of its matrices, all axes but the last as rows. */
export function adapterProducts(a: LayerAdapter, i: number, x: string, d: string): readonly Line[] {
  const { A, B, low, seen } = named(a, i);
  const rows = (name: string, width: number): string => `${name}.reshape(-1, ${width})`;
  const input = a.spec.dropout > 0 ? seen : x;
  return [
    [`d${A} = ${rows(input, a.inputs)}.T @ ${rows(`d${low}`, a.spec.rank)}`, "value in front times derivative behind"],
    [`d${B} = ${a.scale} * (${rows(low, a.spec.rank)}.T @ ${rows(d, a.outputs)})`, "and of the way up"],
  ];
}
