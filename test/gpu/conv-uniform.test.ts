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
 * The convolution whose channels are a subgroup's, which applies on Intel's GPUs alone. As the product of that kind it is right
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

/** Blocks of each height, more than one, terms that end within a block and within a four, places that fill more than a tile. */
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

test("every convolution and input gradient has it", () => {
  expect(products.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["conv", "convInputGradient", "convLayer", "convLayerInputGradient", "convTransposeLayer"]),
  );
  expect(find(opNamed("convWeightGradient"))).toBeUndefined();
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
  wrong("convLayer")("the bias is forgotten", "acc3.y + own", "acc3.y"),
  wrong("convLayer")("a place's residual is its neighbour's", "residual[plane + cOut1]", "residual[plane + cOut0]"),
];
test.each(thorough ? mutants : mutants.slice(1, 2))("a wrong kernel is caught: $op, $what", async (mutant) => {
  const op = opNamed(mutant.op);
  const own = cases[op.name] ?? (await proofOf(op)).cases;
  await expectCaught(gpu, { ...op, kernels: [kernelOf(op)] }, mutant, own);
});
