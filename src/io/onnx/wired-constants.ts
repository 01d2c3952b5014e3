import { type NdArray, zeros } from "../../core/ndarray.ts";
import type { Value, WiredNet } from "../net/wired-net.ts";
import type { Constant } from "./constants.ts";
import { axisOf } from "./dims.ts";
import type { GraphNode } from "./net-graph.ts";
import { number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { arrayOf } from "./wired-place.ts";

/**
 * Values joined with constants that every row has, as a class token stands before patches: zeros come in their place, and
 * a position embedding adds the constants to those.
 */
export function concatWithConstants(node: GraphNode, net: WiredNet, part: (name: string) => Value | Constant): Value {
  const { where } = node;
  const parts = node.inputs.map(part);
  const at = parts.findIndex((p) => typeof p === "number");
  const end = parts.findLastIndex((p) => typeof p === "number");
  const values = parts.slice(at, end + 1).filter((p) => typeof p === "number");
  if (at < 0 || values.length !== end + 1 - at) {
    return refuse(`${where}: joins constants between values; here they stand before or behind them`);
  }
  const rank = net.shapeOf(values[0]!).length;
  const axis = (axisOf(number(node, "axis", 0), rank + 1) ?? 0) - 1;
  if (axis < 0) return refuse(`${where}: joins rows, not what is in them: its axis is the batch's, or none`);
  const own = values.length === 1 ? values[0]! : net.add({ type: "concat", from: [], axis }, values, where);
  const shape = net.shapeOf(own);
  const constants = (of: readonly (Value | Constant)[]): readonly NdArray[] =>
    of.map((p) => {
      const constant = p as Constant;
      const fits = constant.dims.length === rank && constant.dims.every((d, i) => i === axis || d === shape[i]);
      if (!fits)
        refuse(`${where}: joins a constant of [${constant.dims.join(", ")}] with values of [${shape.join(", ")}]`);
      return arrayOf(constant, constant.dims, net, where);
    });
  const [first, last] = [constants(parts.slice(0, at)), constants(parts.slice(end + 1))];
  const length = (all: readonly NdArray[]): number => all.reduce((sum, { shape: s }) => sum + s[axis]!, 0);
  const whole = net.extend(own, shape, axis, length(first), length(last), where);
  const table = zeros(net.shapeOf(whole), "f32");
  const inner = table.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const row = table.shape[axis]! * inner;
  net.claim(table.data.length, where);
  let from = 0;
  const place = (all: readonly NdArray[]): void => {
    for (const { data, shape: s } of all) {
      const size = s[axis]! * inner;
      for (let o = 0; o * size < data.length; o++)
        table.data.set(data.subarray(o * size, (o + 1) * size), o * row + from);
      from += size;
    }
  };
  place(first);
  from = row - length(last) * inner;
  place(last);
  return net.addTable(whole, table, where);
}
