import { expectRank, type TensorSpec } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { floatLike } from "../shared/rounding.ts";
import {
  type AdaptiveAvgPoolAttrs,
  type AdaptiveAvgPoolGradientAttrs,
  type AveragedOf,
  type AvgPoolGradientAttrs,
  adaptiveAvgPoolGradientOf,
  adaptiveAvgPoolOf,
  avgPoolGradientOf,
  avgPoolOf,
  gradientShape,
} from "./averages.ts";
import { avgPoolGradientOnChip, avgPoolOnChip } from "./avg-pool-chip.ts";
import { type AvgPoolAttrs, expectPooled, onePlane, pooledShape } from "./geometry.ts";
import { avgPoolGradientKernels, avgPoolKernels } from "./pool-plans.ts";
import { avgPoolGradientWasm, avgPoolWasm } from "./pool-wasm.ts";
import { eachTerm } from "./windows.ts";

export type { AdaptiveAvgPoolAttrs, AvgPoolGradientAttrs } from "./averages.ts";
export type { AvgPoolAttrs } from "./geometry.ts";

const f32 = (shape: readonly number[]): TensorSpec => ({ shape, dtype: "f32" });

function forward<A>(name: string, of: AveragedOf<A>, gradient: Exclude<Op<A>["gradient"], "none">): Op<A> {
  return {
    name,
    infer(inputs, attrs) {
      expectRank({ name }, inputs, [inputs[0]?.shape.length ?? 0]);
      return [f32(pooledShape(inputs[0]!.shape, of(inputs, attrs).dims))];
    },
    reference([x], attrs) {
      const pooling = of([x!], attrs);
      const y = floatLike(x!, pooledShape(x!.shape, pooling.dims));
      const sums = new Float64Array(y.data.length);
      const divisors = new Float64Array(y.data.length);
      eachTerm(pooling, (o, i, divisor) => {
        sums[o]! += x!.data[i]!;
        divisors[o] = divisor;
      });
      y.data.set(sums.map((sum, o) => sum / divisors[o]!));
      return [y];
    },
    wasm: ([x], _outputs, attrs) => avgPoolWasm(of([x!], attrs), x!),
    onChip: (w, [x], [y], attrs) => avgPoolOnChip(w, x!, y!, of([x!], attrs)),
    gradient,
    sample: onePlane,
    kernels: avgPoolKernels(name, of),
  };
}

/** dx [n, c, ...places] from dy: each place takes its share of the windows that it is in. */
function backward<A extends { readonly places: readonly number[] }>(name: string, of: AveragedOf<A>): Op<A> {
  return {
    name,
    infer(inputs, attrs) {
      expectRank({ name }, inputs, [inputs[0]?.shape.length ?? 0]);
      const x = gradientShape(inputs, attrs);
      expectPooled({ name }, inputs, inputs, x, of(inputs, attrs).dims);
      return [f32(x)];
    },
    reference([dy], attrs) {
      const dx = floatLike(dy!, gradientShape([dy!], attrs));
      const sums = new Float64Array(dx.data.length);
      eachTerm(of([dy!], attrs), (o, i, divisor) => {
        sums[i]! += dy!.data[o]! / divisor;
      });
      dx.data.set(sums);
      return [dx];
    },
    wasm: ([dy], [dx], attrs) => avgPoolGradientWasm(of([dy!], attrs), dx!),
    onChip: (w, [dy], [dx], attrs) => avgPoolGradientOnChip(w, dy!, dx!, of([dy!], attrs)),
    gradient: "none",
    sample: onePlane,
    kernels: avgPoolGradientKernels(name, of),
  };
}

/**
 * y, the mean of each window of x [n, c, ...places]. With `countPadding` zeros of the padding count; a window that `ceil`
 * lets past the padding is divided by what lies inside the padded input. Throws ChainruleError "shape" as maxPool does.
 */
export const avgPool: Op<AvgPoolAttrs> = forward("avgPool", avgPoolOf, (g, { inputs: [x], attrs }, [dy]) => [
  g.one(avgPoolGradient, [dy!], { ...attrs, places: x!.shape.slice(2) }, `d ${x!.name}`),
]);
export const avgPoolGradient: Op<AvgPoolGradientAttrs> = backward("avgPoolGradient", avgPoolGradientOf);

/**
 * y [n, c, ...out], the means of x over windows that part its places as evenly as whole numbers can: window o of size
 * places is [floor(o size / out), ceil((o + 1) size / out)).
 */
export const adaptiveAvgPool: Op<AdaptiveAvgPoolAttrs> = forward(
  "adaptiveAvgPool",
  adaptiveAvgPoolOf,
  (g, { inputs: [x] }, [dy]) => [g.one(adaptiveAvgPoolGradient, [dy!], { places: x!.shape.slice(2) }, `d ${x!.name}`)],
);
export const adaptiveAvgPoolGradient: Op<AdaptiveAvgPoolGradientAttrs> = backward(
  "adaptiveAvgPoolGradient",
  adaptiveAvgPoolGradientOf,
);
