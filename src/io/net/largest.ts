import { sameShape, shapeText, sizeOf } from "../../core/ndarray.ts";
import type { Value, WiredNet } from "./wired-net.ts";

/**
 * The larger of values of one shape, place by place: a maxout over them. Of the smaller the signs are turned before it
 * and behind it.
 */
export function addLargest(net: WiredNet, values: readonly Value[], smaller: boolean, where: string): Value {
  const shapes = values.map((value) => net.shapeOf(value));
  const [shape] = shapes as [readonly number[]];
  if (shapes.some((other) => !sameShape(other, shape))) {
    net.refuse(`${where} compares values of ${shapes.map(shapeText).join(" and ")}, which must be of one shape`);
  }
  if (values.length === 1) return values[0]!;
  const turned = (value: Value): Value =>
    smaller ? net.affine(value, { scale: Float64Array.of(-1), shift: Float64Array.of(0) }, 0, where) : value;
  const rows = values.map((value) => net.reshape(turned(value), [1, sizeOf(shape)], where));
  const beside = net.add({ type: "concat", from: [], axis: 0 }, rows, where);
  const most = net.add({ type: "maxout", pieces: values.length }, [beside], where);
  return turned(net.reshape(most, shape, where));
}
