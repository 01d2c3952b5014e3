import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import type { AnyOp, DeviceCaps, OpCase } from "../../src/graph/op.ts";
import { ops } from "../../src/ops/all.ts";
import { halved } from "../../src/ops/half/halved.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { expectCaught } from "../shared/teeth.ts";
import { thorough } from "../shared/thorough.ts";
import type { Mutant } from "./mutants.ts";

/**
 * The convolution and gradients of it whose channels are a subgroup's, which apply on Intel's GPUs alone. As the product of that kind they are right
 * wherever subgroups have at most 32 invocations, numbered in their order.
 */
const find = (op: AnyOp) => op.kernels.find(({ name }) => name === `${op.name}/block-uniform`);
const kernelOf = (op: AnyOp) => find(op)!;
const products = ops.filter(find);
const intel = { vendor: "intel", architecture: "gen-12hp" };

const f32 = (...shape: readonly number[]) => ({ shape, dtype: "f32" as const });
const attrs = (stride: number, groups = 1) => ({
  stride: [stride, stride],
  padding: [
    [1, 1],
    [1, 1],
  ],
  dilation: [1, 1],
  groups,
});
type Shape = readonly number[];
const forward = (name: string, x: Shape, w: Shape, stride: number): OpCase<unknown> => ({
  name,
  inputs: [f32(...x), f32(...w)],
  attrs: attrs(stride),
});
const back = (name: string, dy: Shape, w: Shape, stride: number, places: Shape): OpCase<unknown> => ({
  name,
  inputs: [f32(...dy), f32(...w)],
  attrs: { ...attrs(stride), places },
});

const ofKernel = (
  name: string,
  [n, c, ...places]: Shape,
  out: number,
  kernel: readonly [number, number],
  stride = 1,
  groups = 1,
): OpCase<unknown> => {
  const y = places.map((size, i) => Math.floor((size + 2 - kernel[i]!) / stride) + 1);
  return { name, inputs: [f32(n!, c!, ...places), f32(n!, out, ...y)], attrs: { ...attrs(stride, groups), kernel } };
};

/**
 * Blocks of each height, more than one, terms that end within a block and within a four, places that fill more than a tile. Of
 * kernels' gradients blocks of each height and width, slices, turns that pass several images.
 */
const cases: Readonly<Record<string, readonly OpCase<unknown>[]>> = {
  conv: [
    forward("22 to 62 channels", [1, 22, 5, 27], [62, 22, 3, 3], 1),
    forward("20 to 14 channels", [1, 20, 9, 31], [14, 20, 3, 3], 2),
    forward("17 to 30 channels", [2, 17, 5, 15], [30, 17, 2, 3], 1),
    forward("8 to 90 channels", [2, 8, 3, 4], [90, 8, 3, 3], 1),
  ],
  convInputGradient: [
    back("18 to 60 channels, in phases", [1, 18, 3, 4], [18, 60, 3, 3], 2, [5, 8]),
    back("20 to 14 channels", [1, 20, 7, 20], [20, 14, 3, 3], 1, [7, 20]),
    back("19 to 30 channels, in phases that meet nothing", [1, 19, 2, 3], [19, 30, 2, 2], 3, [4, 7]),
  ],
  convWeightGradient: [
    ofKernel("30 channels by 60 elements, of small images", [9, 15, 2, 3], 30, [2, 2]),
    ofKernel("17 by 81, two groups", [1, 18, 5, 9], 34, [3, 3], 1, 2),
    ofKernel("30 by 180, two blocks", [1, 20, 4, 9], 30, [3, 3]),
    ofKernel("30 by 126", [1, 14, 3, 27], 30, [3, 3], 2),
    ofKernel("50 by 55", [1, 11, 4, 7], 50, [1, 5]),
    ofKernel("40 by 90, strided", [2, 10, 13, 17], 40, [3, 3], 2),
    ofKernel("60 by 126, in slices", [2, 14, 9, 17], 60, [3, 3]),
  ],
};

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

async function agrees(op: AnyOp, c: OpCase<unknown>, caps: Partial<DeviceCaps> = {}): Promise<boolean> {
  const result = await conform(gpu.gpu, op, kernelOf(op), c, { caps: { ...gpu.gpu.caps, ...intel, ...caps } });
  if (result) expect(result.reason, `${op.name}, ${c.name}, ${gpu.description}`).toBe("");
  return result !== null;
}

describe.each(Object.keys(cases))("%s", (name) => {
  test.each(cases[name]!.slice(0, thorough ? undefined : 1))("$name agree with the reference", async (c) => {
    expect(await agrees(opNamed(name), c)).toBe(true);
  });
});

test.runIf(thorough)("an image at a time, and in a grid that is folded", async () => {
  const op = opNamed("conv");
  const c = forward("two images", [3, 9, 13, 16], [14, 9, 3, 3], 1);
  const limits = [{ maxStorageBufferBindingSize: 16384 }, { maxComputeWorkgroupsPerDimension: 2 }];
  for (const caps of limits) await agrees(op, c, caps);
});

test.runIf(thorough).each(products.map(({ name }) => name))("%s agrees in every case of its own", async (name) => {
  const op = opNamed(name);
  const { cases } = await proofOf(op);
  const applied = [];
  for (const c of cases) applied.push(await agrees(op, c));
  expect(applied.filter(Boolean).length).toBeGreaterThan(3);
});

test("the same of halves agrees with the reference", async () => {
  const op = halved(opNamed("conv"));
  const { cases } = await proofOf(op);
  const wanted = cases.filter(({ name }) => /16 to 16 channels|20 to 36/.test(name));
  expect(wanted.length).toBeGreaterThan(0);
  for (const c of wanted.slice(0, thorough ? undefined : 1)) expect(await agrees(op, c)).toBe(true);
});

test("every convolution and gradient has it", () => {
  expect(products.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      ...["conv", "convInputGradient", "convLayer", "convLayerInputGradient", "convTransposeLayer"],
      ...["convWeightGradient", "convLayerWeightGradient"],
    ]),
  );
});

test("without subgroups, with larger ones, without the memory, on other GPUs or of a large kernel it applies nowhere", () => {
  const op = opNamed("conv");
  const plan = (caps: Partial<DeviceCaps>, { inputs, attrs }: OpCase<unknown> = cases.conv![0]!) =>
    kernelOf(op).plan(inputs, op.infer(inputs, attrs), attrs, { ...gpu.gpu.caps, ...intel, ...caps });
  expect(plan({})).not.toBeNull();
  expect(plan({ subgroups: false })).toBeNull();
  expect(plan({ vendor: "nvidia" })).toBeNull();
  expect(plan({ architecture: "gen-9" })).toBeNull();
  expect(plan({ subgroupMaxSize: 64 })).toBeNull();
  expect(plan({ maxComputeWorkgroupStorageSize: 8192 })).toBeNull();
  const weights = opNamed("convWeightGradient");
  const ofWeights = (caps: Partial<DeviceCaps>, { inputs, attrs }: OpCase<unknown> = cases.convWeightGradient![0]!) =>
    kernelOf(weights).plan(inputs, weights.infer(inputs, attrs), attrs, { ...gpu.gpu.caps, ...intel, ...caps });
  expect(ofWeights({})).not.toBeNull();
  expect(ofWeights({ subgroups: false })).toBeNull();
  expect(ofWeights({ architecture: "gen-9" })).toBeNull();
  expect(ofWeights({ subgroupMaxSize: 64 })).toBeNull();
  expect(ofWeights({ maxComputeWorkgroupStorageSize: 8192 })).toBeNull();
  expect(plan({}, forward("8 x 8", [1, 16, 9, 9], [16, 16, 8, 8], 1))).not.toBeNull();
  expect(plan({}, forward("5 x 13", [1, 16, 9, 19], [16, 16, 5, 13], 1))).toBeNull();
});

const wrong =
  (op: string) =>
  (what: string, from: string | RegExp, to: string): Mutant => ({
    op,
    kernel: `${op}/block-uniform`,
    ...intel,
    what,
    from,
    to,
  });
const conv = wrong("conv");
const gradient = wrong("convInputGradient");
const weights = wrong("convWeightGradient");
const mutants = [
  conv("terms behind the last are those of the next channels", "last == qA", "last > 4u"),
  conv("places behind the last term are not zeros", /blockB\[last\]\[p \+ 0u\][^\n]*/, ""),
  conv("the last four of terms is left out", "params.K - k0 + 3u", "params.K - k0"),
  conv("the last subgroup's channels are its neighbour's", "(lane / 32u), 7u)", "(lane / 32u), 6u)"),
  conv("all channels are those of the first subgroup", "subgroupBroadcastFirst(lane / 32u)", "0u"),
  conv("the seventh channel is the sixth", /a7\./g, "a6."),
  conv("the third place is the second", "blockB[q][x + 64u]", "blockB[q][x + 32u]"),
  conv("a term is its neighbour's", "a3.z * b1.z", "a3.z * b1.w"),
  conv("padding is read as the neighbour", /2u \* bPlane\], inside0/, "2u * bPlane], true"),
  conv("the edge is off by one", "+ at.y < params.bColumns", "+ at.y <= params.bColumns"),
  conv("the next element is not come to", "(state | 0xffffu) + 1u, ", "state, "),
  conv("the last element of the kernel is left out", "params.kernelRows * params.kernelColumns;", "8u;"),
  conv("the barrier before a block is used is missing", /workgroupBarrier\(\);(\s+let fours)/, "$1"),
  conv("a lane's second four is its first", "b[atB0 + 8u *", "b[atB0 + 0u *"),
  conv("rows of w are those of the first block", "(mTile + rowA)", "rowA"),
  conv("the second half of the places is the first", "let place1 = places[p + 64u]", "let place1 = places[p]"),
  gradient("the stride's remainder is not looked at", /% i32\(params\.phaseColumns\) == 0/g, "< 1000000"),
  gradient("elements of a phase lie on each other", "beforeRows * metColumns + beforeColumns", "beforeColumns"),
  gradient("an element reaches as far as in the first phase", "i32(phaseRows + params", "i32(params"),
  gradient("phases lie on each other", "+ phaseColumns + column0", "+ column0"),
  weights("terms behind the last are those of the next slice", "let counts = p0 + d < end;", "let counts = true;"),
  weights("the last four of terms is left out", "end - p0 + 3u", "end - p0"),
  weights("the last subgroup's channels are its neighbour's", /\(lane \/ 32u\), [37]u\)/, "(lane / 32u), 2u)"),
  weights("the fifth channel is the fourth", /y4\./g, "y3."),
  weights("a term is its neighbour's", "y3.z * x1.z", "y3.z * x1.w"),
  weights("the second column is the first", "+ d + 32u]", "+ d + 0u]"),
  weights("padding is read as the neighbour", "xr + e2.x < params.xRows", "true"),
  weights("the edge is off by one", "+ e1.y < params.xColumns", "+ e1.y <= params.xColumns"),
  weights("an element is its neighbour's", "x[place.w + e3.z]", "x[place.w + e2.z]"),
  weights("elements are those of the first block", "min(n + lane, across", "min(lane, across"),
  weights("channels are those of the first subgroup", "place.z + first * yPlane", "place.z"),
  weights("places are not moved on", /places\[d\] = vec4<u32>\(xr, xc, yAt, xAt\);(?!\s+if)/, ""),
  weights("the end of a row is not seen", "xRow, passesRow", "0u, passesRow"),
  weights("images behind the first are not come to", "yImage = move1.y", "yImage = 0u"),
  weights("the barrier before a block is used is missing", /workgroupBarrier\(\);(\s+let fours)/, "$1"),
  weights("slices lie on each other", "(params.sliceFirst + slice) * params.out + part", "part"),
  weights("rows of blocks lie in each other", /d \/ 4u \* 6[58]u/, "d / 4u * 64u"),
  weights("groups have the first one's channels", "part * params.outGroup + m) * yPlane", "m) * yPlane"),
  wrong("convLayerWeightGradient")("a channel's sum leaves out a place", "var yc = 0u;", "var yc = 1u;"),
  wrong("convLayer")("the bias is forgotten", "acc3.y + own", "acc3.y"),
  wrong("convLayer")("a place's residual is its neighbour's", "residual[plane + cOut1]", "residual[plane + cOut0]"),
];
test.each(thorough ? mutants : mutants.slice(1, 2))("a wrong kernel is caught: $op, $what", async (mutant) => {
  const op = opNamed(mutant.op);
  const own = cases[op.name] ?? (await proofOf(op)).cases;
  await expectCaught(gpu, { ...op, kernels: [kernelOf(op)] }, mutant, own);
});
