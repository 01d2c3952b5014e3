import { sizeOf } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

export interface SoftmaxSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "softmax";
  /** Axis of one row along which the values come to 1; the last where absent. */
  readonly axis?: number;
}

/** softmax and, lazily, logSoftmax: on the rows that one axis makes. */
export function rowLayer<T extends string>(
  type: T,
  opName: "softmax" | "logSoftmax",
): LayerType<Wiring & { readonly type: T; readonly axis?: number }> {
  return {
    type,
    read(f) {
      f.only("axis");
      return f.has("axis") ? { axis: f.whole("axis", undefined, 0) } : {};
    },
    shape({ axis = 0 }, [x], misfit) {
      if (axis >= x!.length) misfit(`values of ${axis + 1} axes or more, its axis being ${axis}`);
      return x!;
    },
    onnx: ({ axis }, { inputs, output }) => [
      {
        op: opName === "softmax" ? "Softmax" : "LogSoftmax",
        inputs,
        output,
        integers: { axis: axis === undefined ? -1 : axis + 1 },
      },
    ],
    torch: ({ axis }, input) =>
      `nn.${opName === "softmax" ? "Softmax" : "LogSoftmax"}(dim=${(axis ?? input.length - 1) + 1})`,
    async forward({ g, name, lazy, layerOps }, { axis }, [x]) {
      const op = opName === "softmax" ? (await lazy()).softmax : (await layerOps()).logSoftmax;
      const along = axis === undefined ? x!.shape.length - 1 : axis + 1;
      if (x!.shape.length === 2) return g.one(op, [x!], null, name);
      const ops = await layerOps();
      // The axis to the end, rows of it, and back.
      const others = x!.shape.map((_, i) => i).filter((i) => i !== along);
      const order = [...others, along];
      const back = order.map((_, i) => order.indexOf(i));
      const last = along === x!.shape.length - 1;
      const turned = last ? x! : g.one(ops.permute, [x!], { order }, `${name} turned`);
      const size = x!.shape[along]!;
      const rows = g.one(ops.reshape, [turned], { shape: [sizeOf(x!.shape) / size, size] }, `${name} rows`);
      const y = g.one(op, [rows], null, name);
      const whole = g.one(ops.reshape, [y], { shape: turned.shape }, name);
      return last ? whole : g.one(ops.permute, [whole], { order: back }, name);
    },
  };
}

export const softmaxLayer: LayerType<SoftmaxSpec> = rowLayer("softmax", "softmax");

/**
 * exp(x) over its sum, along the last axis, or along `axis` of a row. The loss crossEntropy has it within itself: leave it
 * out before that.
 */
export function softmax(axis?: number): SoftmaxSpec {
  register(softmaxLayer);
  return axis === undefined ? { type: "softmax" } : { type: "softmax", axis };
}
