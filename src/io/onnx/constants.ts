import { type NdArray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import { brief } from "../safetensors-header.ts";
import type { Attribute, OnnxFile, OnnxNode } from "./graph.ts";
import { refuse } from "./protobuf.ts";
import { eachValue, type OnnxTensor } from "./tensor.ts";

/** An array that the graph does not compute from its input: an initializer, or what a node makes of one. */
export interface Constant {
  readonly dims: readonly number[];
  /** Integers. */
  readonly whole: boolean;
  /** What this is the transpose of. */
  readonly original?: Constant;
  each(use: (value: number, index: number) => void): void;
}

/** Numbers that a constant of another kind than a matrix may have: a shape, a list of axes. */
const MOST_NUMBERS = 8;

/** All constants by name, and the nodes that made them. */
export function constantsOf(file: OnnxFile): { readonly values: Map<string, Constant>; readonly made: Set<OnnxNode> } {
  const values = new Map<string, Constant>();
  const made = new Set<OnnxNode>();
  for (const [name, tensor] of file.initializers) values.set(name, fromTensor(tensor));
  // Nodes are in an order in which each comes behind what it uses.
  for (const node of file.nodes) {
    const value = computed(node, values);
    const output = node.outputs[0];
    if (!value || output === undefined) continue;
    values.set(output, value);
    made.add(node);
  }
  return { values, made };
}

function computed(node: OnnxNode, values: ReadonlyMap<string, Constant>): Constant | null {
  if (node.op === "Constant") return fromAttributes(node);
  const of = values.get(node.inputs[0] ?? "");
  if (!of) return null;
  if (node.op === "Identity") return of;
  const perm = node.attributes.get("perm") ?? [1, 0];
  const swaps = Array.isArray(perm) && perm[0] === 1 && perm[1] === 0;
  return node.op === "Transpose" && of.dims.length === 2 && swaps ? transposed(of) : null;
}

function fromAttributes({ attributes, outputs }: OnnxNode): Constant {
  const [key, value] = [...attributes][0] ?? ["", null];
  if (key === "value" && isTensor(value)) return fromTensor(value);
  const numbers = typeof value === "number" ? [value] : Array.isArray(value) ? (value as readonly number[]) : null;
  if (!numbers) return refuse(`the constant ${brief(outputs[0])} is neither numbers nor an array of them`);
  return {
    dims: typeof value === "number" ? [] : [numbers.length],
    whole: key === "value_int" || key === "value_ints",
    each: (use) => numbers.forEach(use),
  };
}

function isTensor(value: Attribute): value is OnnxTensor {
  return typeof value === "object" && value !== null && "chunks" in value;
}

function fromTensor(tensor: OnnxTensor): Constant {
  const whole = tensor.type === "int32" || tensor.type === "int64" || tensor.type === "bool";
  return { dims: tensor.dims, whole, each: (use) => eachValue(tensor, use) };
}

function transposed(of: Constant): Constant {
  if (of.original) return of.original;
  const [rows, columns] = of.dims as readonly [number, number];
  const place = (i: number): number => (i % columns) * rows + Math.floor(i / columns);
  return {
    dims: [columns, rows],
    whole: of.whole,
    original: of,
    each: (use) => of.each((value, i) => use(value, place(i))),
  };
}

/** The one number of a constant; null where it has several. */
export function scalarOf(constant: Constant | undefined): number | null {
  if (!constant || sizeOf(constant.dims) !== 1) return null;
  let out = 0;
  constant.each((value) => {
    out = value;
  });
  return out;
}

/** The numbers of a small constant; null where there are more than a shape has. */
export function numbersOf(constant: Constant | undefined): readonly number[] | null {
  if (!constant || sizeOf(constant.dims) > MOST_NUMBERS) return null;
  const out: number[] = [];
  constant.each((value, i) => {
    out[i] = value;
  });
  return out;
}

/** f32 [rows, columns] times `scale`, or its transpose. */
export function matrixOf(constant: Constant, swap: boolean, scale: number, where: string): NdArray {
  const { dims } = constant;
  if (dims.length !== 2 || constant.whole) {
    refuse(`${where}: its weight must be a matrix of floats, but is ${shapeText(dims)}`);
  }
  const source = swap ? transposed(constant) : constant;
  const out = zeros(source.dims, "f32");
  source.each((value, i) => {
    out.data[i] = value * scale;
  });
  return out;
}

/** f32 [size] times `scale`, from as many numbers or one that stands for all. */
export function vectorOf(constant: Constant, size: number, scale: number, where: string): NdArray {
  const held = sizeOf(constant.dims);
  const flat = constant.dims.slice(0, -1).every((d) => d === 1);
  if (constant.whole || !flat || (held !== size && held !== 1)) {
    refuse(`${where}: expected ${size} floats, or one, but got ${shapeText(constant.dims)}`);
  }
  const out = zeros([size], "f32");
  constant.each((value, i) => {
    out.data[i] = value * scale;
  });
  if (held === 1) out.data.fill(out.data[0]!);
  return out;
}
