import {
  combine as combineCode,
  combineOf,
  combineParams,
  partCursor as cursorCode,
  partCursorParams,
  partCursorStep,
} from "../../../shaders/step/accumulate.ts";
import { sizeOf, zeros } from "../../core/ndarray.ts";
import { expectSame } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { constants, elementwise } from "../shared/chip.ts";
import { flatLaunch, flatWindows, inFours, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, float } from "../shared/wasm-plan.ts";

/** Ops of a step that goes through several batches before it changes the weights. */

export interface CombineAttrs {
  readonly alpha: number;
  readonly beta: number;
}

/** y = alpha a + beta b, of one shape: the mean of several losses, two at a time. */
export const combine: Op<CombineAttrs> = {
  name: "combine",
  infer(inputs) {
    expectSame(combine, inputs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([a, b], { alpha, beta }) {
    const y = floatLike(a!, a!.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = alpha * a!.data[i]! + beta * b!.data[i]!;
    return [y];
  },
  wasm: (_inputs, [y], { alpha, beta }) =>
    flatCall("combine", [input(0), input(1), output(0), sizeOf(y!.shape), float(alpha), float(beta)], y!),
  gradient: "none",
  onChip(w, [a, b], [y], attrs) {
    constants(w, "CombineParams", combineParams, { size: sizeOf(y!.shape), ...attrs });
    elementwise(w, y!, (i) => combineOf(a!.at(i), b!.at(i)));
  },
  kernels: [
    {
      name: "combine/flat",
      plan: (_inputs, [y], attrs, caps) =>
        flatWindows(sizeOf(y!.shape), caps, (window, count) => {
          const bindings = [window(input(0)), window(input(1)), window(output(0))];
          const [four, size] = inFours(count);
          return flatLaunch(combineCode(four), combineParams.pack({ size, ...attrs }), bindings, size, caps);
        }),
    },
  ],
};

export interface PartCursorAttrs {
  readonly part: number;
  readonly parts: number;
  /** Rows of one part. */
  readonly batch: number;
}

/**
 * Cursor u32 [4] of one part of a step: rows go on where the part before ends, and steps count parts, so that each part
 * draws dropout masks of its own. Its position may lie behind the epoch's end; batchIndex takes that as it should.
 */
export const partCursor: Op<PartCursorAttrs> = {
  name: "partCursor",
  infer: ([cursor]) => [{ shape: cursor!.shape, dtype: "u32" }],
  reference([cursor], { part, parts, batch }) {
    const y = zeros([4], "u32");
    const [step, epoch, position, skipped] = cursor!.data as unknown as readonly [number, number, number, number];
    y.data.set([step * parts + part, epoch, position + part * batch, skipped]);
    return [y];
  },
  wasm: (_inputs, _outputs, { part, parts, batch }) => call("partCursor", [input(0), output(0), part, parts, batch]),
  gradient: "none",
  onChip(w, [cursor], [y], attrs) {
    w.once(() => {
      constants(w, "PartCursorParams", partCursorParams, { size: 1, ...attrs });
      w.add(partCursorStep(cursor!.at, y!.at), 4);
    });
  },
  kernels: [
    {
      name: "partCursor/one",
      plan: (_inputs, _outputs, attrs, caps) => ({
        launches: [
          flatLaunch(cursorCode(), partCursorParams.pack({ size: 1, ...attrs }), [input(0), output(0)], 1, caps),
        ],
      }),
    },
  ],
};
