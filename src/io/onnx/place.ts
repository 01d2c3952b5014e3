import type { Parts } from "../net/branch.ts";
import { brief } from "../safetensors/header.ts";
import type { Constant, Room } from "./constants.ts";
import { type Dims, dimsText, isRows, rowSize } from "./dims.ts";
import type { GraphNode } from "./net-graph.ts";
import { refuse } from "./protobuf.ts";

/** Where the walk through a net stands. */
export interface Place {
  readonly parts: Parts;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly room: Room;
  readonly opset: number;
  /** Name of the value that the layers so far give. */
  readonly value: string;
  /** Its axes. */
  readonly dims: Dims;
  /** True in a net of any shape, where layers take more than rows of numbers. */
  readonly wired?: boolean;
  /** Axes of what the node gives. */
  readonly next: Dims;
}

export type Reader = (node: GraphNode, place: Place) => void;

/** An attribute of one number. Throws ChainruleError "file" naming the node. */
export const number = (node: GraphNode, key: string, fallback: number): number => {
  const value = node.attributes.get(key) ?? fallback;
  return typeof value === "number" ? value : refuse(`${node.where}: its attribute ${key} must be one number`);
};

/** An attribute that is a list of numbers. */
export function floats(node: GraphNode, key: string, fallback: readonly number[]): readonly number[] {
  const value = node.attributes.get(key) ?? fallback;
  return Array.isArray(value) ? value : refuse(`${node.where}: its attribute ${key} must be a list of numbers`);
}

/** The constant at an input; null where the input is left out, or an empty list stands there. */
export function constantAt(node: GraphNode, index: number, { constants }: Pick<Place, "constants">): Constant | null {
  const name = node.inputs[index];
  if (name === undefined || name === "") return null;
  const constant = constants.get(name);
  if (!constant) return refuse(`${node.where}: its input ${brief(name)} must be a constant of the file`);
  return constant.dims.includes(0) ? null : constant;
}

/** Refuses a node whose first input is not what flows through the net. */
export function requireData(node: GraphNode, place: Pick<Place, "value">): void {
  if (node.inputs[0] !== place.value) {
    refuse(`${node.where}: the values that flow through the net must be its first input`);
  }
}

/** Numbers along which a product works: of a whole row in a chain, else of the last axis; null where that is not known. */
export function widthOf({ dims, wired }: Place): number | null {
  if (!wired) return rowSize(dims);
  const last = dims?.at(-1);
  return typeof last === "number" ? last : null;
}

/** Rows of numbers, as a layer of a chain takes them. */
export function requireRows({ where }: GraphNode, { dims, wired }: Pick<Place, "dims" | "wired">): void {
  if (wired || isRows(dims)) return;
  refuse(`${where}: takes values of shape ${dimsText(dims!)}; only rows, [batch, width], are known here`);
}

/** Whether a node works along whole rows: along the last axis of rows, or over all axes from the batch's on. */
export function requireAlongRows(node: GraphNode, place: Place, fallback: number, over: boolean): void {
  const axis = number(node, "axis", fallback);
  if (over && axis === 1) return;
  requireRows(node, place);
  const rank = place.dims?.length ?? 2;
  if (axis !== -1 && axis !== rank - 1) {
    refuse(`${node.where}: works along axis ${axis}; here it works along rows, axis -1`);
  }
}
