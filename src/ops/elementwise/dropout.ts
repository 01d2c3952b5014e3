import { philox as philoxCode } from "../../../shaders/random.ts";
import { dropout as dropoutCode, dropoutParams, dropped } from "../../../shaders/step/batch.ts";
import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { philox, STREAM } from "../../core/philox.ts";
import { index } from "../../graph/chip.ts";
import type { Op } from "../../graph/op.ts";
import { COST, constants, elementwise } from "../shared/chip.ts";
import { flatLaunch, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall, float } from "../shared/wasm-plan.ts";

/** Settings of dropout. */
export interface DropoutAttrs {
  /** Probability of dropping an element, in [0, 1). */
  readonly p: number;
  /** The run's seed; its low 32 bits count. */
  readonly seed: number;
  /** Number of the dropout layer: layers draw from streams of their own. */
  readonly layer: number;
}

/** An element goes where its random word is below this. */
export const threshold = (p: number): number => Math.min(2 ** 32 - 1, Math.floor(p * 2 ** 32));
/** Streams of dropout layers lie above all others. */
export const streamOf = (layer: number): number => (STREAM.dropout + 16 * (layer + 1)) >>> 0;

const paramsOf = (size: number, { p, seed, layer }: DropoutAttrs) => ({
  size,
  seed: seed >>> 0,
  stream: streamOf(layer),
  threshold: threshold(p),
  scale: 1 / (1 - p),
});

/**
 * y = x / (1 - p) for elements that stay, 0 for those that go. The mask is a function of (seed, layer, step, element),
 * so the gradient is the same op applied to dy: nothing is stored, and every executor draws the same bits.
 */
export const dropout: Op<DropoutAttrs> = {
  name: "dropout",
  infer([x], { p }) {
    if (!(p >= 0 && p < 1)) throw new ChainruleError("value", `dropout: p must be at least 0 and below 1, got ${p}`);
    return [{ shape: x!.shape, dtype: "f32" }];
  },
  reference([x, cursor], { p, seed, layer }) {
    const y = floatLike(x!, x!.shape);
    const scale = x!.dtype === "f64" ? 1 / (1 - p) : Math.fround(1 / (1 - p));
    const words = new Uint32Array(4);
    const limit = threshold(p);
    for (let i = 0; i < y.data.length; i++) {
      if ((i & 3) === 0) philox(i >>> 2, cursor!.data[0]!, streamOf(layer), 0, seed >>> 0, 0, words);
      y.data[i] = words[i & 3]! >= limit ? x!.data[i]! * scale : 0;
    }
    return [y];
  },
  wasm([x, cursor], [y], { p, seed, layer }) {
    const size = sizeOf(x!.shape);
    const numbers = [size, seed >>> 0, streamOf(layer), threshold(p), float(1 / (1 - p))];
    const plan = flatCall("dropout", [input(0), input(1), output(0), scratch(0, "read_write"), ...numbers], y!);
    return { ...plan, scratch: [{ shape: [4 * plan.calls[0]!.parts!], dtype: cursor!.dtype }] };
  },
  gradient: (g, { inputs: [x, cursor], attrs }, [dy]) => [g.one(dropout, [dy!, cursor!], attrs, `d ${x!.name}`), null],
  kernels: [
    {
      name: "dropout/flat",
      plan([x], _o, attrs, caps) {
        const [four, size] = inFours(sizeOf(x!.shape));
        const params = dropoutParams.pack(paramsOf(size, attrs));
        return { launches: [flatLaunch(dropoutCode(four), params, [input(0), input(1), output(0)], size, caps)] };
      },
    },
  ],
  onChip(w, [x, cursor], [y], attrs) {
    w.declare(philoxCode);
    constants(w, "DropoutParams", dropoutParams, paramsOf(sizeOf(x!.shape), attrs));
    elementwise(w, y!, (i) => dropped(x!.at(i), index.text(i), cursor!.at), COST.philox);
  },
};
