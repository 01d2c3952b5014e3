import { brief } from "../../core/format.ts";
import type { Tensor } from "../../graph/graph.ts";
import { bad, Fields } from "./fields.ts";
import type { AnyLayerType, ForwardContext, LayerParameter, Wiring } from "./layer-type.ts";
import type { Adapters, LoraSpec, Projection } from "./lora-spec.ts";

/** The field "lora" of a layer; with `targets` it names which of those it adapts. */
export function loraOf(
  f: Fields,
  targets: readonly string[] = [],
): (LoraSpec & { targets?: readonly string[] }) | undefined {
  const given = f.value("lora", "list");
  if (given === undefined) return undefined;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return f.bad('"lora" must be an object with a rank, such as {"rank": 8, "alpha": 16}');
  }
  const own = new Fields(given as Record<string, unknown>, `${f.at}: "lora"`);
  own.onlyThese("rank", "alpha", "dropout", ...(targets.length > 0 ? ["targets"] : []));
  const rank = own.whole("rank");
  const alpha = own.number("alpha", 2 * rank, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  const spec = { rank, alpha, dropout: own.number("dropout", 0, 0, 1) };
  if (targets.length === 0) return spec;
  const list = own.value("targets", "list");
  const known =
    Array.isArray(list) && list.length > 0 && list.every((t, i) => targets.includes(t) && list.indexOf(t) === i);
  if (!known) return own.bad(`"targets" must be a list of some of ${targets.join(", ")}`);
  return { ...spec, targets: list as string[] };
}

/** Before a parameter's key. */
const keyOf = ({ target }: Projection, key: "lora_A" | "lora_B"): string => `${target && `${target}.`}${key}.weight`;

/** What the adapters of these maps consist of. */
export function loraParameters(lora: LoraSpec | undefined, maps: readonly Projection[]): readonly LayerParameter[] {
  if (!lora) return [];
  return maps.flatMap((map): LayerParameter[] => {
    const common = { role: "weight", transposed: true, adapter: true } as const;
    return [
      // Kaiming uniform with a = sqrt(5), as PyTorch's linear layers begin.
      { key: keyOf(map, "lora_A"), shape: [map.inputs, lora.rank], within: 1 / Math.sqrt(map.inputs), ...common },
      { key: keyOf(map, "lora_B"), shape: [lora.rank, map.outputs], first: 0, ...common },
    ];
  });
}

/** Each adapter of a layer drops by a mask of its own, apart from those of dropout layers, of which there are 1,000 at most. */
const MASKS = 1024;
export const adapterMask = (layer: number, place: number): number => layer + MASKS * (place + 1);

/** y [M, N], which the layer's own weight makes of x [M, in], and what its adapters add to it. */
export async function adapted(
  c: ForwardContext,
  lora: LoraSpec | undefined,
  maps: readonly Projection[],
  y: Tensor,
  x: Tensor,
  name: string,
): Promise<Tensor> {
  if (!lora || maps.length === 0) return y;
  const { g, ops, parameter, training, cursor, seed, index } = c;
  const { addScaledColumns } = await c.layerOps();
  const { rank, alpha, dropout: p } = lora;
  let sum = y;
  for (const [k, map] of maps.entries()) {
    const what = `${c.name}: ${map.target && `${map.target} `}adapter`;
    const mask = { p, seed, layer: adapterMask(index, k) };
    const seen = training && p > 0 ? g.one((await c.lazy()).dropout, [x, cursor!], mask, `${what}'s input`) : x;
    const low = g.one(ops.matmul, [seen, parameter(keyOf(map, "lora_A"))], null, `${what}, A`);
    const added = g.one(ops.matmul, [low, parameter(keyOf(map, "lora_B"))], null, `${what}, B`);
    const attrs = { first: map.first, width: map.outputs, scale: alpha / rank };
    sum = g.one(addScaledColumns, [sum, added], attrs, k === maps.length - 1 ? name : `${what}, added`);
  }
  return sum;
}

function requireTrainable(layer: Wiring, type: AnyLayerType, at: string): void {
  const { trainable } = layer;
  const own = (type.parameters?.(layer) ?? []).flatMap((p) => (p.adapter ? [] : [p.key]));
  if (!Array.isArray(trainable) || !trainable.every((key) => own.includes(key))) {
    const list = own.length > 0 ? ` of ${own.map((key) => brief(key)).join(", ")}` : ", and it has no parameters";
    bad(`${at}: "trainable" must be false, or a list${list}; got ${brief(trainable)}`);
  }
}

/** As what is there from the start asks for them. */
export const loraAdapters: Adapters = {
  requireTrainable,
  read: (f) => loraOf(f),
  parameters: loraParameters,
  forward: adapted,
};
