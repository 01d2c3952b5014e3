import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, sameShape, shapeText } from "../../core/ndarray.ts";
import type { WeightSpec } from "../../nn/parameter-specs.ts";

/** Arrays under other names than their file gave them, and what was done, a sentence each. */
export interface Renamed {
  readonly tensors: ReadonlyMap<string, NdArray>;
  readonly notes: readonly string[];
}

/** What PyTorch's wrappers put before every name: DataParallel and DistributedDataParallel, torch.compile. */
const PREFIXES = ["module.", "_orig_mod."] as const;
/** AveragedModel counts what it averaged, beside the module. */
const COUNTER = "n_averaged";
/** Pairs of names in a note. */
const SHOWN = 16;

/** Takes off what wrappers put before every name, one over the other; names that lack it on one array stay. */
export function withoutPrefixes(tensors: ReadonlyMap<string, NdArray>): Renamed {
  let names = [...tensors.keys()];
  const counted = tensors.get(COUNTER)?.data.length === 1;
  if (counted) names = names.filter((name) => name !== COUNTER);
  let cut = 0;
  const taken: string[] = [];
  for (;;) {
    const prefix = PREFIXES.find((p) => names.length > 0 && names.every((name) => name.startsWith(p, cut)));
    if (!prefix) break;
    cut += prefix.length;
    taken.push(`"${prefix}"`);
  }
  if (cut === 0) return { tensors, notes: [] };
  const wrappers = `${taken.join(" and ")} before every name ${taken.length > 1 ? "are" : "is"} taken off`;
  return {
    tensors: new Map(names.map((name) => [name.slice(cut), tensors.get(name)!])),
    notes: [counted ? `${wrappers}; "${COUNTER}" is left out` : wrappers],
  };
}

/** What torch.compile, FSDP and activation checkpointing put before the names of single layers. */
const WRAPPER = /(^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./g;

/**
 * Takes off what stands before every name, such as the attribute of a LightningModule that holds the net, and wrappers of
 * single layers, where exactly the model's names are left then; else all stay as they are.
 */
export function withoutAttribute(tensors: ReadonlyMap<string, NdArray>, specs: readonly WeightSpec[]): Renamed {
  const none: Renamed = { tensors, notes: [] };
  if (specs.length === 0 || hasNames(tensors, specs)) return none;
  const wrappers = new Set<string>();
  const bare = [...tensors].map(([name, array]) => {
    const left = name.replace(WRAPPER, (found: string, before: string) => {
      wrappers.add(`"${found.slice(before.length)}"`);
      return before;
    });
    return [left, array] as const;
  });
  const [first] = specs as readonly [WeightSpec];
  const lead = bare.find(([name]) => name === first.name || name.endsWith(`.${first.name}`))?.[0] ?? "";
  const prefix = lead.slice(0, Math.max(0, lead.length - first.name.length));
  const named = new Map(
    bare.map(([name, array]) => [name.startsWith(prefix) ? name.slice(prefix.length) : name, array]),
  );
  if (!bare.every(([name]) => name.startsWith(prefix)) || named.size < tensors.size || !hasNames(named, specs))
    return none;
  return {
    tensors: named,
    notes: [
      ...(wrappers.size > 0 ? [`${[...wrappers].join(" and ")} within names is taken off`] : []),
      ...(prefix === "" ? [] : [`"${prefix}" before every name is taken off`]),
    ],
  };
}

/** The shape of a parameter in a file: linear weights lie as [out, in]. */
export const storedShape = ({ shape, transposed }: WeightSpec): readonly number[] =>
  transposed ? [shape[1]!, shape[0]!] : shape;

/**
 * Gives each parameter the array that comes at its place, whatever its name: layer after layer, weight before bias. Whole
 * numbers, which count batches, are passed over. Throws where counts or shapes differ.
 */
export function byOrder(tensors: ReadonlyMap<string, NdArray>, all: readonly WeightSpec[]): Renamed {
  const specs = all.filter(({ counts }) => !counts);
  const names = inOrder([...tensors.keys()].filter((name) => /^f/.test(tensors.get(name)!.dtype)));
  if (names.length !== specs.length) {
    const message = `weights by order: the file has ${names.length} arrays of floats, the model ${specs.length} parameters`;
    throw new ChainruleError("file", message);
  }
  specs.forEach((spec, i) => {
    const { shape } = tensors.get(names[i]!)!;
    if (sameShape(shape, storedShape(spec))) return;
    throw new ChainruleError(
      "file",
      `weights by order: "${names[i]}" ${shapeText(shape)} comes where the model has ${spec.name} ${shapeText(storedShape(spec))}`,
    );
  });
  const pairs = specs.map(({ name }, i) => `${names[i]} as ${name}`);
  if (pairs.length > SHOWN) pairs.splice(SHOWN, pairs.length, `... (${pairs.length} in all)`);
  return {
    tensors: new Map(specs.map(({ name }, i) => [name, tensors.get(names[i]!)!])),
    notes: [`by order and shape, ${pairs.join(", ")}`],
  };
}

/** Whether every array has a parameter's name, and every parameter an array. */
export function hasNames(tensors: ReadonlyMap<string, NdArray>, specs: readonly WeightSpec[]): boolean {
  const known = new Set(specs.map(({ name }) => name));
  const all = specs.every(({ name, counts }) => counts || tensors.has(name));
  return all && [...tensors.keys()].every((name) => known.has(name));
}

/** Whether `byOrder` would take them. */
export function fitsByOrder(tensors: ReadonlyMap<string, NdArray>, specs: readonly WeightSpec[]): boolean {
  try {
    return byOrder(tensors, specs).tensors.size > 0;
  } catch (error) {
    if (error instanceof ChainruleError) return false;
    throw error;
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byNumber = new Intl.Collator("en", { numeric: true }).compare;
const layerOf = (name: string): string => name.slice(0, name.lastIndexOf(".") + 1);

/**
 * Names in the order of the layers: the file's, except that a writer which sorts names as text (safetensors does) has put
 * layer 10 before layer 2 and each bias before its weight.
 */
function inOrder(names: readonly string[]): readonly string[] {
  const sorted = names.every((name, i) => i === 0 || byText(names[i - 1]!, name) < 0);
  const layers = [...new Set(names.map(layerOf))];
  if (sorted) layers.sort(byNumber);
  return layers.flatMap((layer) => {
    const own = names.filter((name) => layerOf(name) === layer);
    const usual = ["weight", "bias", "running_mean", "running_var"].map((key) => layer + key);
    return own.every((name) => usual.includes(name)) ? usual.filter((name) => own.includes(name)) : own;
  });
}
