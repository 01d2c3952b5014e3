import {
  preluGradient as gradientCode,
  prelu as preluCode,
  preluGradientOf,
  preluOf,
  preluParams,
  preluTermOf,
  preluTermsParams,
  preluTerms as termsCode,
} from "../../../shaders/elementwise/prelu.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { index } from "../../graph/chip.ts";
import { expectSame, type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { sumChannels } from "../conv/channel-bias.ts";
import { reshape } from "../shape/reshape.ts";
import { elementwise } from "../shared/chip.ts";
import { flatLaunch, flatWindows, inFours, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";

type Shaped = Pick<TensorSpec, "shape">;

/** Slopes that take turns, and elements that share one: a slope for all is one channel of everything. */
function channels(x: Shaped, slopes: Shaped): { c: number; places: number } {
  const c = slopes.shape[0]!;
  return { c, places: c === 1 ? sizeOf(x.shape) : sizeOf(x.shape.slice(2)) };
}

/** A launch's numbers: of elements, or of fours where all of a channel are. */
function numbersOf(x: Shaped, slopes: Shaped, count: number, start: number) {
  const { c, places: elements } = channels(x, slopes);
  const [four, places] = inFours(elements);
  const unit = elements / places;
  return { four, size: count / unit, start: start / unit, c, places };
}

/** Which slope element i has. */
export function slopeAt(x: Shaped, slopes: Shaped, i: number): number {
  const { c, places } = channels(x, slopes);
  return Math.floor(i / places) % c;
}

function requireSlopes(op: { readonly name: string }, inputs: readonly TensorSpec[], x: TensorSpec, s: TensorSpec) {
  const fits = s.shape.length === 1 && (s.shape[0] === 1 || s.shape[0] === x.shape[1]);
  if (!fits) wrongShapes(op, inputs, "x [n, c, ...] and slopes [1] or [c]");
}

/** y = x above 0, and a slope that is learned times x below: one slope for all, or one for each channel of [n, c, ...]. */
export const prelu: Op<null> = {
  name: "prelu",
  infer(inputs) {
    const [x, slopes] = inputs as readonly [TensorSpec, TensorSpec];
    requireSlopes(prelu, inputs, x, slopes);
    return [{ shape: x.shape, dtype: "f32" }];
  },
  reference([x, slopes]) {
    const y = floatLike(x!, x!.shape);
    x!.data.forEach((v, i) => {
      y.data[i] = v > 0 ? v : slopes!.data[slopeAt(x!, slopes!, i)]! * v;
    });
    return [y];
  },
  wasm([x, slopes], [y]) {
    const { c, places } = channels(x!, slopes!);
    return flatCall("prelu", [input(0), input(1), output(0), sizeOf(y!.shape), places, c], y!);
  },
  onChip(w, [x, slopes], [y]) {
    const { c, places } = channels(x!, slopes!);
    elementwise(w, y!, (i) => preluOf(x!.at(i), slopes!.at(index.rest(index.over(i, places), c))));
  },
  gradient(g, { inputs: [x, slopes] }, [dy]) {
    const terms = g.one(preluTerms, [dy!, x!], null, `d ${slopes!.name}, by element`);
    const all = slopes!.shape[0] === 1 ? g.one(reshape, [terms], { shape: [1, 1, sizeOf(x!.shape)] }) : terms;
    return [
      g.one(preluGradient, [dy!, x!, slopes!], null, `d ${x!.name}`),
      g.one(sumChannels, [all], null, `d ${slopes!.name}`),
    ];
  },
  kernels: [
    {
      name: "prelu/flat",
      plan: ([x, slopes], [y], _attrs, caps) =>
        flatWindows(sizeOf(y!.shape), caps, (window, count, start) => {
          const { four, size, ...numbers } = numbersOf(x!, slopes!, count, start);
          const params = preluParams.pack({ size, ...numbers });
          return flatLaunch(preluCode(four), params, [window(input(0)), input(1), window(output(0))], size, caps);
        }),
    },
  ],
};

/** dx = dy, times the slope where x is not above 0. */
export const preluGradient: Op<null> = {
  name: "preluGradient",
  infer(inputs) {
    const [dy, x, slopes] = inputs as readonly [TensorSpec, TensorSpec, TensorSpec];
    expectSame(preluGradient, [dy, x]);
    requireSlopes(preluGradient, inputs, x, slopes);
    return [{ shape: x.shape, dtype: "f32" }];
  },
  reference([dy, x, slopes]) {
    const dx = floatLike(dy!, x!.shape);
    x!.data.forEach((v, i) => {
      dx.data[i] = dy!.data[i]! * (v > 0 ? 1 : slopes!.data[slopeAt(x!, slopes!, i)]!);
    });
    return [dx];
  },
  wasm([, x, slopes], [dx]) {
    const { c, places } = channels(x!, slopes!);
    const numbers = [sizeOf(dx!.shape), places, c];
    return flatCall("preluGradient", [input(0), input(1), input(2), output(0), ...numbers], dx!);
  },
  onChip(w, [dy, x, slopes], [dx]) {
    const { c, places } = channels(x!, slopes!);
    elementwise(w, dx!, (i) => preluGradientOf(dy!.at(i), x!.at(i), slopes!.at(index.rest(index.over(i, places), c))));
  },
  gradient: "none",
  kernels: [
    {
      name: "preluGradient/flat",
      plan: ([, x, slopes], [dx], _attrs, caps) =>
        flatWindows(sizeOf(dx!.shape), caps, (window, count, start) => {
          const { four, size, ...numbers } = numbersOf(x!, slopes!, count, start);
          const params = preluParams.pack({ size, ...numbers });
          const bindings = [window(input(0)), window(input(1)), input(2), window(output(0))];
          return flatLaunch(gradientCode(four), params, bindings, size, caps);
        }),
    },
  ],
};

/** What each element adds to the gradient of its slope: dy x where x is not above 0. */
export const preluTerms: Op<null> = {
  name: "preluTerms",
  infer(inputs) {
    expectSame(preluTerms, inputs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([dy, x]) {
    const terms = floatLike(dy!, x!.shape);
    x!.data.forEach((v, i) => {
      terms.data[i] = dy!.data[i]! * (v > 0 ? 0 : v);
    });
    return [terms];
  },
  wasm: (_inputs, [terms]) => flatCall("preluTerms", [input(0), input(1), output(0), sizeOf(terms!.shape)], terms!),
  onChip: (w, [dy, x], [terms]) => elementwise(w, terms!, (i) => preluTermOf(dy!.at(i), x!.at(i))),
  gradient: "none",
  kernels: [
    {
      name: "preluTerms/flat",
      plan: (_inputs, [terms], _attrs, caps) =>
        flatWindows(sizeOf(terms!.shape), caps, (window, count) => {
          const bindings = [window(input(0)), window(input(1)), window(output(0))];
          const [four, size] = inFours(count);
          return flatLaunch(termsCode(four), preluTermsParams.pack({ size }), bindings, size, caps);
        }),
    },
  ],
};
