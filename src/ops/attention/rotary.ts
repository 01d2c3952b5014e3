import { rotary as code, rotaryParams } from "../../../shaders/attention/rotary.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { expectRank, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, float, partsOf } from "../shared/wasm-plan.ts";

/** Settings of rotary. */
export interface RotaryAttrs {
  /** Heads that are turned, from the first on: of qkv those of queries and keys. */
  readonly heads: number;
  /** True where it turns back, as the gradient does. */
  readonly back: boolean;
}

/**
 * y [n, t, width] from x and a table [t, d]: in each of the first `heads` heads of d values, value i and value i + d / 2 are
 * turned as a pair by the step's i-th angle, as in Llama and GPT-NeoX ("rotate half"); what stands behind them stays as it
 * is. Its gradient turns back. Throws ChainruleError "shape" where d is odd or heads are wider than a step.
 */
export const rotary: Op<RotaryAttrs> = {
  name: "rotary",
  infer(inputs, { heads }) {
    expectRank(rotary, inputs, [3, 2]);
    const [x, table] = inputs;
    const [t, d] = table!.shape as readonly [number, number];
    if (d % 2 !== 0 || t !== x!.shape[1] || heads * d > x!.shape[2]!) {
      wrongShapes(rotary, inputs, `x [n, t, ${heads} d or more] and a table [t, d] of an even d`);
    }
    return [{ shape: x!.shape, dtype: "f32" }];
  },
  reference([x, table], { heads, back }) {
    const [, t, width] = x!.shape as readonly [number, number, number];
    const d = table!.shape[1]!;
    const half = d / 2;
    const sign = back ? -1 : 1;
    const y = floatLike(x!, x!.shape);
    y.data.set(x!.data);
    for (let row = 0; row < x!.data.length / width; row++) {
      for (let at = row * width; at < row * width + heads * d; at += d) {
        for (let i = 0; i < half; i++) {
          const cos = table!.data[(row % t) * d + i]!;
          const sin = sign * table!.data[(row % t) * d + half + i]!;
          const [a, b] = [x!.data[at + i]!, x!.data[at + half + i]!];
          y.data[at + i] = a * cos - b * sin;
          y.data[at + half + i] = b * cos + a * sin;
        }
      }
    }
    return [y];
  },
  wasm([x, table], [y], { heads, back }) {
    const [, t, width] = x!.shape as readonly [number, number, number];
    const rows = sizeOf(x!.shape) / width;
    const sizes = [rows, width, heads, table!.shape[1]!, t, float(back ? -1 : 1)];
    return call("rotary", [input(0), input(1), output(0), ...sizes], partsOf(sizeOf(y!.shape)));
  },
  gradient: (g, { inputs: [x, table], attrs }, [dy]) => [
    g.one(rotary, [dy!, table!], { ...attrs, back: !attrs.back }, `d ${x!.name}`),
    null,
  ],
  kernels: [
    {
      name: "rotary/flat",
      plan([x, table], _outputs, { heads, back }, caps) {
        const [t, d] = table!.shape as readonly [number, number];
        const four = d % 8 === 0 && x!.shape[2]! % 4 === 0;
        const unit = four ? 4 : 1;
        const [size, width, wide] = [sizeOf(x!.shape), x!.shape[2]!, d].map((n) => n / unit) as [
          number,
          number,
          number,
        ];
        const params = rotaryParams.pack({ size, width, turned: heads * wide, d: wide, t, sign: back ? -1 : 1 });
        return { launches: [flatLaunch(code(four), params, [input(0), input(1), output(0)], size, caps)] };
      },
    },
  ],
};
