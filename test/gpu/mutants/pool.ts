import type { ChipMutant, Mutant } from "../mutants.ts";

const one = (op: string, kernel: string, what: string, from: string | RegExp, to: string): Mutant => ({
  op,
  kernel: `${op}/${kernel}`,
  what,
  from,
  to,
});

/** Wrong kernels of pooling. */
export const poolMutants: readonly Mutant[] = [
  one("maxPool", "window", "the last of equals", "value > best", "value >= best"),
  one("maxPool", "window", "dilation is forgotten", "ix += params.dilationColumns", "ix++"),
  one("maxPool", "window", "padding is forgotten", "max(padding, begin) - begin + dilation", "dilation"),
  one("maxPool", "window", "the edge is off by one", "+ 1u - padding, size)", "+ 1u - padding, size + 1u)"),
  one("maxPool", "window", "the last column is left out", "ix < xs.y", "ix + 1u < xs.y"),
  one(
    "maxPool",
    "window",
    "windows lie as far apart as they are large",
    "let begin = o * stride",
    "let begin = o * kernel",
  ),
  one("maxPool", "window", "the index is of all planes", "i32(bestAt)", "i32(start + bestAt)"),
  one(
    "maxPool",
    "window",
    "a pair's second window begins where the first does",
    "vec2<u32>(1u, 3u)",
    "vec2<u32>(1u, 1u)",
  ),
  one("maxPool", "window", "a pair's right places are its left ones", "let value = v.yw", "let value = v.xz"),
  one("maxPool", "window", "a pair's first of equals is on the right", /value > best/g, "value >= best"),
  one("maxPool", "window", "a pair's row is its neighbour's", "x[start + four]", "x[start + (four ^ 1u)]"),
  one("maxPoolGradient", "apart", "both windows of a pair give to the first", "(index[i]).xxyy", "(index[i]).xxxx"),
  one("maxPoolGradient", "apart", "a pair's gradients are swapped", "let d = dy[i].xxyy;", "let d = dy[i].yyxx;"),
  one("maxPoolGradient", "gather", "of windows over a place one counts", "sum += select(0.0,", "sum = select(sum,"),
  one(
    "maxPoolGradient",
    "gather",
    "the last window is left out",
    "min(t / stride + 1u, out)",
    "min(t / stride + 1u, out - 1u)",
  ),
  one("maxPoolGradient", "gather", "the first window is left out", "vec2<u32>((max(", "vec2<u32>(1u + (max("),
  one("maxPoolGradient", "gather", "every place of the window gets it", "index[o] == place", "index[o] >= 0"),
  one(
    "maxPoolGradient",
    "gather",
    "dilation is forgotten",
    "params.dilationRows * (params.kernelRows",
    "1u * (params.kernelRows",
  ),
  one("maxPoolGradient", "apart", "places behind the last window are left", "size, o + 1u == out", "size, false"),
  one("maxPoolGradient", "apart", "a tie is given twice", "place == at)", "place == at || place == at + 1u)"),
  one("avgPool", "window", "padding does not count", "last - first)", "end - begin)"),
  one(
    "avgPool",
    "window",
    "a window past the padding counts whole",
    "min(first + kernel, size + 2u * padding)",
    "first + kernel",
  ),
  one("avgPool", "window", "a pair's right places are left out", "v.xz + v.yw", "v.xz"),
  one(
    "avgPool",
    "window",
    "of a window's fours the last is left out",
    "q < params.kernelColumns",
    "q + 1u < params.kernelColumns",
  ),
  one(
    "avgPool",
    "window",
    "a window of fours is divided by their number",
    "4u * params.kernelColumns",
    "params.kernelColumns",
  ),
  one("avgPool", "window", "the sum is not divided", "sum / f32(ys.z * xs.z)", "sum"),

  one("avgPoolGradient", "apart", "a pair's shares are swapped", "d.xxyy", "d.yyxx"),
  one("avgPoolGradient", "apart", "fours between windows get a share", "(iy >= inY.x) & (iy < inY.y)", "true"),
  one(
    "adaptiveAvgPoolGradient",
    "apart",
    "a window writes its first four",
    "iy * params.columns + q]",
    "iy * params.columns]",
  ),
  one("avgPoolGradient", "gather", "a row's share is not divided", "divisor * ", ""),
  one(
    "avgPoolGradient",
    "apart",
    "places between windows get a share",
    "inside && ix >= inX.x && ix < inX.y",
    "inside",
  ),
  one(
    "adaptiveAvgPool",
    "window",
    "windows end where the next begins",
    "((o + 1u) * size + out - 1u) / out",
    "(o + 1u) * size / out",
  ),
  one(
    "adaptiveAvgPoolGradient",
    "gather",
    "the last window is left out",
    "((place + 1u) * out + size - 1u) / size",
    "(place + 1u) * out / size",
  ),
];

/** Wrong bodies on the chip. */
export const poolChipMutants: readonly ChipMutant[] = [
  ["maxPool", "the last of equals", /value > best/g, "value >= best"],
  ["maxPoolGradient", "every place of the window gets it", /== i32\(/g, ">= 0 * i32("],
  ["avgPool", "the sum is not divided", /= sum \/ f32\([^;]*;/, "= sum;"],
  ["avgPoolGradient", "the share is not divided", / \/ f32\([^,;]*\)/g, ""],
  ["adaptiveAvgPool", "the sum is not divided", /= sum \/ f32\([^;]*;/, "= sum;"],
  ["adaptiveAvgPoolGradient", "of several windows the last counts", /sum \+= /g, "sum = "],
];
