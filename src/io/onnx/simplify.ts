import { brief } from "../safetensors/header.ts";
import { computed } from "./arithmetic.ts";
import { isTensor } from "./attributes.ts";
import { spreadOver } from "./constant-arrays.ts";
import { type Constant, fromNumbers, fromTensor, numbersOf, type Room, scalarOf } from "./constants.ts";
import { BATCH, broadcast, type Dim, type Dims } from "./dims.ts";
import type { OnnxFile, OnnxNode, OnnxValue } from "./graph.ts";
import { inferOutputs, rearranged } from "./infer.ts";
import { type GraphNode, type NetGraph, nameOf, withoutUnused } from "./net-graph.ts";
import { refuse } from "./protobuf.ts";
import { isFloat, isHalf, isNumber } from "./schema.ts";
import { asSizes, type KnownSizes, type Sizes, sizesOf } from "./shape-arithmetic.ts";

/** Where a value is a constant, sizes of axes, another value by a second name, or none of these but of known axes. */
class Sweep implements KnownSizes {
  readonly constants = new Map<string, Constant>();
  readonly sizesByName = new Map<string, Sizes>();
  readonly aliases = new Map<string, string>();
  readonly dimsByName = new Map<string, Dims>();
  readonly notes = new Set<string>();

  constructor(
    readonly room: Room,
    readonly batchSize: number | null,
  ) {}

  constant(name: string | undefined): Constant | undefined {
    return this.constants.get(name ?? "");
  }

  dims(name: string | undefined): Dims | undefined {
    return this.dimsByName.get(name ?? "");
  }

  sizes(name: string | undefined): Sizes | undefined {
    const computed = this.sizesByName.get(name ?? "");
    if (computed) return computed;
    const constant = this.constant(name);
    const numbers = constant?.whole ? numbersOf(constant) : null;
    return (numbers && asSizes(numbers, constant!.dims.length)) ?? undefined;
  }

  numbers(name: string | undefined): readonly Dim[] | null {
    return this.sizesByName.get(name ?? "")?.items ?? numbersOf(this.constant(name));
  }
}

/**
 * The file's graph with what can be worked out without the input's values worked out: constants, shapes, and nodes that
 * change nothing. One walk over the nodes, each of which sees what became of those before it.
 */
export function simplify(file: OnnxFile, room: Room): NetGraph {
  const input = onlyOne(
    file.inputs.filter(({ name }) => !file.initializers.has(name)),
    "input",
  );
  const output = onlyOne(file.outputs, "output");
  if (!isNumber(input.elementType)) refuse(`the input ${brief(input.name)} must hold numbers`);
  const first = input.dims?.[0];
  const sweep = new Sweep(room, typeof first === "number" ? first : null);
  for (const [name, tensor] of file.initializers) sweep.constants.set(name, fromTensor(tensor));
  sweep.dimsByName.set(input.name, input.dims && [BATCH, ...input.dims.slice(1)]);
  if (isHalf(input.elementType)) sweep.notes.add(HALVES);

  const made = new Set([...file.inputs.map(({ name }) => name), ...file.initializers.keys()]);
  const nodes: GraphNode[] = [];
  const whole = new Set(isFloat(input.elementType) ? [] : [input.name]);
  if (whole.size > 0 && !file.nodes.some((node) => looksUp(node, whole))) {
    sweep.notes.add(`the input ${brief(input.name)} holds whole numbers in the file; here it takes them as f32`);
  }
  for (const original of file.nodes) {
    const where = nameOf(original);
    for (const name of original.inputs) {
      if (name !== "" && !made.has(name)) refuse(`${where} uses ${brief(name)}, which nothing before it gives`);
    }
    for (const name of original.outputs) {
      // Without this a graph could run in circles.
      if (name !== "" && made.has(name)) refuse(`${where} gives the value ${brief(name)}, which there is already`);
      made.add(name);
    }
    const node = { ...original, where, inputs: original.inputs.map((name) => sweep.aliases.get(name) ?? name) };
    keepWhole(original, where, whole);
    if (!settle(node, sweep)) nodes.push(node);
  }
  if (!made.has(output.name)) refuse(`no node gives the output ${brief(output.name)}`);
  const end = sweep.aliases.get(output.name) ?? output.name;
  if (sweep.constants.has(end) || sweep.sizesByName.has(end)) {
    refuse(`the output ${brief(output.name)} does not depend on what the input holds`);
  }
  return withoutUnused({
    opset: file.opset,
    nodes,
    constants: sweep.constants,
    dims: sweep.dimsByName,
    sizes: new Map([...sweep.sizesByName].map(([name, { items }]) => [name, items])),
    batchSize: sweep.batchSize,
    input: input.name,
    output: end,
    notes: [...sweep.notes],
  });
}

/** Whether nothing of the node is left: its value is known, or is one that there was. */
function settle(node: GraphNode, sweep: Sweep): boolean {
  // A recurrence may give its last state alone.
  const output = node.outputs.find((name) => name !== "") ?? refuse(`${node.where} has no output`);
  const constant = computed(node, node.where, sweep);
  if (constant) {
    sweep.constants.set(output, constant);
    return true;
  }
  const sizes = sizesOf(node, sweep);
  if (sizes) {
    const { list, items } = sizes;
    // Sizes that do not hang on the batch are numbers like others.
    if (items.every((d) => typeof d === "number")) {
      sweep.constants.set(output, fromNumbers(list ? [items.length] : [], true, items));
    } else sweep.sizesByName.set(output, sizes);
    return true;
  }
  const filled = everywhere(node, sweep);
  if (filled) {
    sweep.constants.set(output, filled);
    return true;
  }
  if (isIdentity(node, sweep)) {
    sweep.aliases.set(output, node.inputs[0]!);
    return true;
  }
  inferOutputs(node, sweep).forEach((dims, i) => {
    if (node.outputs[i]) sweep.dimsByName.set(node.outputs[i], dims);
  });
  return false;
}

/**
 * A constant for each place of a shape that hangs on the batch, as first states of recurrences and class tokens are: it has
 * one place where the batch would stand, and is spread as sums spread values.
 */
function everywhere({ op, inputs, attributes, where }: GraphNode, sweep: Sweep): Constant | null {
  const target = sweep.sizes(inputs[op === "Expand" ? 1 : 0])?.items;
  if (op === "Expand") {
    const given = sweep.constant(inputs[0]);
    const sizes = target?.map((d) => (d === BATCH ? 1 : d));
    const dims = given && sizes?.every((d) => typeof d === "number") ? broadcast(given.dims, sizes as number[]) : null;
    return given && dims ? spreadOver(given, dims, sweep, where) : null;
  }
  const value = attributes.get("value");
  if (op !== "ConstantOfShape" || target === undefined) return null;
  const tensor = value !== undefined && isTensor(value) ? fromTensor(value) : null;
  return fromNumbers([], tensor?.whole ?? false, [(tensor && scalarOf(tensor)) ?? 0]);
}

const HALVES = "the file computes in halves; here everything is f32";

/** Whether a node's value is its input's, here where all numbers are f32. */
function isIdentity(node: GraphNode, sweep: Sweep): boolean {
  const of = sweep.dims(node.inputs[0]);
  if (of === undefined) return false;
  switch (node.op) {
    case "Identity":
      return true;
    case "Cast": {
      const to = node.attributes.get("to");
      if (typeof to !== "number" || !isFloat(to)) return false;
      if (isHalf(to)) sweep.notes.add(HALVES);
      return true;
    }
    case "CastLike":
      return sweep.constant(node.inputs[1])?.whole === false;
    case "Transpose": {
      const perm = node.attributes.get("perm");
      return Array.isArray(perm) && perm.every((axis, i) => axis === i);
    }
    case "Flatten":
    case "Reshape":
    case "Squeeze":
    case "Unsqueeze": {
      const dims = of && rearranged(node, of, sweep);
      return dims !== null && dims.length === of!.length && dims.every((d, i) => d !== null && d === of![i]);
    }
    default:
      return false;
  }
}

/** Nodes that whole numbers of the input may pass before a Cast makes floats of them; arithmetic would differ. */
const FOR_WHOLE: ReadonlySet<string> = new Set(["Identity", "Shape", "Flatten", "Reshape", "Squeeze", "Unsqueeze"]);

/** An embedding: rows of an array, by the whole numbers of the input. */
const looksUp = ({ op, inputs }: OnnxNode, whole: ReadonlySet<string>): boolean =>
  op === "Gather" && whole.has(inputs[1] ?? "") && !whole.has(inputs[0]!);

function keepWhole(node: OnnxNode, where: string, whole: Set<string>): void {
  if (whole.size === 0 || !node.inputs.some((name) => whole.has(name)) || node.op === "Cast") return;
  if (looksUp(node, whole)) return;
  if (!FOR_WHOLE.has(node.op)) refuse(`${where} computes with whole numbers; the input must be cast to floats first`);
  if (node.op !== "Shape") for (const name of node.outputs) whole.add(name);
}

function onlyOne(values: readonly OnnxValue[], what: string): OnnxValue {
  if (values.length === 1) return values[0]!;
  const names = values.slice(0, 4).map(({ name }) => brief(name));
  const shown = names.length > 0 ? `: ${names.join(", ")}` : "";
  const hint =
    what === "output" && values.length > 1
      ? "; export the scores or probabilities alone (skl2onnx: options zipmap False, and only the output of probabilities)"
      : "";
  return refuse(`the graph must have one ${what}, but has ${values.length}${shown}${hint}`);
}
