import { type Mutant, wrong } from "../mutants.ts";

/** Wrong versions of wasm/max-pool.ts, avg-pool.ts and windows.ts. */
export const poolMutants: readonly Mutant[] = [
  wrong("maxPool", "max-pool", "the last of equals, in fours", "f32x4.gt(v, best)", "f32x4.ge(v, best)"),
  wrong("maxPool", "max-pool", "the last of equals, alone", "v > best ||", "v >= best ||"),
  wrong("maxPool avgPool", "windows", "a stride of two reads one too far", "0, 2, 5, 7)", "0, 2, 4, 6)"),
  wrong(
    "maxPool",
    "max-pool",
    "padding is passed by one place short",
    "(-first + dilation - 1)",
    "(-first + dilation)",
  ),
  wrong(
    "maxPool avgPool",
    "windows",
    "fours begin in the padding",
    "return min(outOf(call, axis), (int(call, axis + 4) + stride - 1) / stride);",
    "return 0;",
  ),
  wrong(
    "maxPoolGradient",
    "max-pool",
    "what a place had is lost",
    "load<f32>(p) + load<f32>(at(call, 0)",
    "0 * load<f32>(p) + load<f32>(at(call, 0)",
  ),
  wrong(
    "avgPool avgPoolGradient",
    "avg-pool",
    "a window past the padding counts whole",
    "return min(first + int(call, axis + 2), int(call, axis) + int(call, axis + 4)) - first;",
    "return int(call, axis + 2);",
  ),
  wrong("avgPool", "avg-pool", "padding does not count", "if (form != PADDED) return", "if (form != 9) return"),
  wrong(
    "avgPool adaptiveAvgPool",
    "avg-pool",
    "the rest of a window is left",
    "sum += load<f32>(p + (<usize>ix << 2));",
    "sum = 0;",
  ),
  wrong(
    "adaptiveAvgPool adaptiveAvgPoolGradient",
    "avg-pool",
    "windows end where the next begins",
    "((o + 1) * size + out - 1) / out",
    "((o + 1) * size) / out",
  ),
  wrong(
    "adaptiveAvgPoolGradient",
    "avg-pool",
    "shares of four are set",
    "f32x4.add(v128.load(p), f32x4.splat(share))",
    "f32x4.splat(share)",
  ),
  wrong(
    "avgPoolGradient",
    "avg-pool",
    "the third share for the fourth",
    "f32x4.extract_lane(shares, 3)",
    "f32x4.extract_lane(shares, 2)",
  ),
  wrong(
    "avgPoolGradient",
    "avg-pool",
    "a place keeps the last share alone",
    "store<f32>(q, load<f32>(q) + share);",
    "store<f32>(q, share);",
  ),
];
