import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withHalves } from "../../shaders/half/half-arrays.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { halfOps } from "../../src/ops/half/ops.ts";
import { openGpu } from "../shared/gpu.ts";
import { expectCaught } from "../shared/teeth.ts";
import type { Mutant } from "./mutants.ts";

const swapped = "unpack2x16float(a[i / 2u] >> (16u * (1u - i % 2u)))";
const mutant = (kernel: string, what: string, from: string | RegExp, to: string): Mutant => ({
  op: kernel.split("/")[0]!,
  kernel,
  what,
  from,
  to,
});

/** Wrong kernels of halves. */
const mutants: readonly Mutant[] = [
  ...["toHalf/words", "toHalf/vec4", "halfLinear/direct"].flatMap((kernel) => [
    mutant(
      kernel,
      "rounds towards zero",
      "(size + 0xfffu + ((size >> 13u) & 1u) - 0x38000000u)",
      "(size - 0x38000000u)",
    ),
    mutant(kernel, "halves are swapped", "halfBits(x) | (halfBits(y) << 16u)", "halfBits(y) | (halfBits(x) << 16u)"),
  ]),
  mutant("toHalf/words", "ties go up", "0xfffu + ((size >> 13u) & 1u)", "0x1000u"),
  mutant("toHalf/words", "subnormals are zeros", "select(normal, small,", "select(normal, 0u,"),
  mutant("toHalf/words", "the largest stays finite", "select(half, 0x7c00u,", "select(half, 0x7bffu,"),
  mutant("toHalf/words", "the sign is forgotten", "half | ((bits >> 16u) & 0x8000u)", "half"),
  mutant("halfMatmul/naive", "halves are swapped", /unpack2x16float\(a\[i \/ 2u\] >> \(16u \* \(i % 2u\)\)\)/, swapped),
  mutant(
    "halfLinear/direct",
    "pairs are swapped",
    "unpack2x16float(pair.x), unpack2x16float(pair.y)",
    "unpack2x16float(pair.y), unpack2x16float(pair.x)",
  ),
  mutant(
    "halfAttention/quads",
    "pairs are swapped",
    "unpack2x16float(pair.x), unpack2x16float(pair.y)",
    "unpack2x16float(pair.y), unpack2x16float(pair.x)",
  ),
  mutant(
    "halfLstm/steps-packed",
    "halves of the weights are swapped",
    /w\[i \/ 2u\] >> \(16u \* \(i % 2u\)\)/,
    "w[i / 2u] >> (16u * (1u - i % 2u))",
  ),
  mutant("halfLinear/direct", "the second pair is stored twice", "packHalves(v.x, v.y)", "packHalves(v.z, v.w)"),
  mutant("halfSumRows/column", "every other row", "(16u * (i % 2u))", "0u"),
  mutant("halfReluGradient/flat", "the first half is both", "(16u * (i % 2u))", "0u"),
  ...["halfConvLayer/strip-quads", "halfConvLayerInputGradient/block", "halfConvLayerWeightGradient/strip"].map(
    (kernel) => mutant(kernel, "halves are swapped", "(16u * (i % 2u))", "(16u * (1u - i % 2u))"),
  ),
  mutant("lossScale/one", "the scale is forgotten", "control[6] *", "1.0 *"),
  mutant("scaledControl/one", "the clipping factor is of scaled gradients", "control[2] *= unscale;", ""),
  mutant("scaledControl/one", "the norm is scaled", "* unscale * unscale", "* unscale"),
  mutant("scaledControl/one", "the scale halves twice", "max(0.5 * ", "max(0.25 * "),
  mutant("scaledControl/one", "it doubles a step late", "inRow >= ", "inRow > "),
  mutant("scaledControl/one", "a closed gate shows as an open one", "select(-control[6]", "select(control[6]"),
  mutant("scaledPenaltyGradient/flat", "the penalty is not scaled", "control[6] * ", ""),
];

describe("wrong kernels of halves are caught, all of them", () => {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());

  test.each(mutants)("$kernel: $what", async (wrong) => {
    const op = halfOps.find(({ name }) => name === wrong.op)!;
    // The one op that is a form of another under a name of its own for the checks alone.
    const kernel = op.kernels.find(({ name }) => name.endsWith(wrong.kernel.slice(wrong.kernel.indexOf("/"))))!.name;
    await expectCaught(gpu, op, { ...wrong, kernel });
  });
});

describe("a kernel's text with halves in it", () => {
  const declare = (access: string, name: string, type: string, binding: number): string =>
    `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${type}>;\n`;

  test("reads through a function wherever the array is indexed, also inside an index, and nowhere else", () => {
    const code = `${declare("read", "a", "f32", 1)}let x = a[u32(a[i])] + data[i] + s.a[0];`;
    const changed = withHalves(code, [1], false)!;
    expect(changed).toContain("let x = a_at(u32(a_at(i))) + data[i] + s.a[0];");
    expect(changed).toContain("var<storage, read> a: array<u32>;");
    expect(withHalves(code, [1], true)).toMatch(/^enable f16;\n[\s\S]*array<f16>/);
  });

  test("stores whole vec4s, and gives up on anything else, so that no two invocations write one word", () => {
    const four = declare("read_write", "c", "vec4<f32>", 1);
    expect(withHalves(`${four}c[i / 4u] = vec4<f32>(f(1), 2, 3, 4);`, [1], false)).toContain(
      "c[i / 4u] = packFour( vec4<f32>(f(1), 2, 3, 4));",
    );
    expect(withHalves(`${four}c[i] += v;`, [1], false)).toBeNull();
    expect(withHalves(`${four}let y = c[i];`, [1], false)).toBeNull();
    expect(withHalves(`${declare("read_write", "c", "f32", 1)}c[i] = v;`, [1], false)).toBeNull();
  });
});
