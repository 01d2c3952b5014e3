import { type NdArray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import type { Value, WiredNet } from "../net/wired-net.ts";
import type { Constant } from "./constants.ts";
import type { GraphNode } from "./net-graph.ts";
import { constantAt, type Place, requireData } from "./place.ts";
import { refuse } from "./protobuf.ts";

/** Where a node of a net of any wiring stands: what it reads first is `x`. */
export interface WiredPlace extends Omit<Place, "parts"> {
  readonly net: WiredNet;
  readonly x: Value;
  readonly values: ReadonlyMap<string, Value>;
}

/** Adds what a node is here, and gives the value that it gives. */
export type WiredReader = (node: GraphNode, place: WiredPlace) => Value;

/** The shape of a row of what a node reads first, which must be computed. */
export const data = (node: GraphNode, place: WiredPlace): readonly number[] => {
  requireData(node, place);
  return place.net.shapeOf(place.x);
};

/** A constant as an array of a shape, f32. */
export function arrayAt(node: GraphNode, index: number, place: WiredPlace, shape?: readonly number[]): NdArray | null {
  const constant = constantAt(node, index, place);
  return constant && arrayOf(constant, shape ?? constant.dims, place.net, node.where);
}

export function arrayOf(constant: Constant, shape: readonly number[], net: WiredNet, where: string): NdArray {
  if (constant.whole || sizeOf(constant.dims) !== sizeOf(shape)) {
    refuse(`${where}: expected floats ${shapeText(shape)}, but got ${shapeText(constant.dims)}`);
  }
  net.claim(sizeOf(shape), where);
  const out = zeros(shape, "f32");
  constant.each((value, i) => {
    out.data[i] = value;
  });
  return out;
}
