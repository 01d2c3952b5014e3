import type { Node, TensorSpec } from "../../graph/graph.ts";
import { multipliesHalves } from "../../graph/multiplies-halves.ts";
import type { AnyOp, DeviceCaps } from "../../graph/op.ts";
import { registersOf } from "../../graph/registers.ts";
import type { AnyKernel } from "./choose.ts";

/**
 * In this order kernels of a family are tried, the most unlike first, since time may run out. Those that are not named here
 * are on the ladder to be read and checked against. Of a family that is not named all are tried, the last first.
 */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  product: [
    "subgroup-matrix",
    "packed-quads",
    "direct",
    "block-uniform",
    "block-uniform-split",
    "block64",
    "block32",
    "block128",
    "row",
    "row-alone",
    "direct-split",
    "block64-split",
    "block32-split",
    "packed",
    "block64-wide",
    "block64-wide-split",
    "block64x128",
    "block64x128-split",
  ],
  convolution: ["block-uniform", "block-narrow", "block", "planes", "strip", "gather", "strip-quads", "gather-quads"],
  kernelGradient: ["block-uniform", "block-narrow", "block", "strip", "gather", "strip-quads", "gather-quads"],
};

/** "block64" of "matmul/block64". */
export const suffixOf = (name: string): string => name.slice(name.indexOf("/") + 1);

/** Whose ladder an op has. */
export const familyOf = ({ op }: Node): string => op.trial?.family ?? "product";

/**
 * Whether a guess needs no trial: on SwiftShader, which alone has subgroups of four and no more, nothing was ever faster than
 * "packed-quads" where that suits (bench/NOTES.md). A trial would compile another kernel, and take longer than the first step.
 */
export const isSettled = (name: string, { onCpu, subgroupMaxSize }: DeviceCaps): boolean =>
  onCpu && subgroupMaxSize === 4 && suffixOf(name) === "packed-quads";

/**
 * Tiles that a compiler for few registers keeps in memory, in part: they take longest to compile there, and are never the
 * fastest. bench/README.md has what each makes of each.
 */
const LARGE_TILES: Readonly<Record<string, RegExp>> = {
  product: /^block(64|64x128|128)(-split)?$/,
  convolution: /^block$/,
  kernelGradient: /^block$/,
};

/** Of an adapter that says whose it is; one that does not may have any number of registers. */
function isTooLarge(node: Node, suffix: string, caps: DeviceCaps): boolean {
  const few = !caps.onCpu && caps.vendor !== "" && registersOf(caps) < 128;
  return few && (LARGE_TILES[familyOf(node)]?.test(suffix) ?? false);
}

/** Kernels that apply, the guess first. */
export function candidatesOf(node: Node, caps: DeviceCaps, guess: AnyKernel): readonly AnyKernel[] {
  const { kernels } = node.op as AnyOp;
  const order = ORDER[familyOf(node)] ?? kernels.map((k) => suffixOf(k.name)).reverse();
  // Those that read halves as WGSL's own type come right behind the same kernel that unpacks them.
  const rungOf = (k: AnyKernel): string => suffixOf(k.name).replace(/-(native|halves)$/, "");
  const rank = (k: AnyKernel): number => order.indexOf(rungOf(k));
  const others = kernels.filter((k) => {
    // Many invocations that share workgroup memory and do little each: not worth compiling on a CPU.
    if (caps.onCpu && k.name.endsWith("/row")) return false;
    if (isTooLarge(node, rungOf(k), caps) || (k.name.endsWith("-halves") && !multipliesHalves(caps))) return false;
    return k !== guess && rank(k) >= 0 && k.plan(node.inputs, node.outputs, node.attrs, caps) !== null;
  });
  return [guess, ...others.sort((a, b) => rank(a) - rank(b))];
}

/** Whether the op has a kernel of that name which can do this. */
export function applies(
  op: AnyOp,
  name: string,
  inputs: readonly TensorSpec[],
  attrs: unknown,
  caps: DeviceCaps,
): boolean {
  const kernel = op.kernels.find((k) => k.name === name);
  return kernel !== undefined && kernel.plan(inputs, op.infer(inputs, attrs), attrs, caps) !== null;
}

/** What a kernel is chosen for. */
export type Problem = Pick<Node, "op" | "attrs"> & {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
};

/** To be kept for longer than the graph, which holds what its variables began with. */
export function withoutGraph({ op, attrs, inputs, outputs }: Node): Problem {
  const specs = (all: readonly TensorSpec[]): TensorSpec[] => all.map(({ shape, dtype }) => ({ shape, dtype }));
  return { op, attrs, inputs: specs(inputs), outputs: specs(outputs) };
}

/** Op, attributes and shapes. */
export const sizesOf = ({ op, attrs, inputs }: Problem): string =>
  `${op.name} ${JSON.stringify(attrs)} ${inputs.map((t) => t.shape.join("x")).join(" ")}`;

/** Names a problem: op, attributes, shapes, and the kernels' very code, so that a choice does not outlive them. */
export function keyOf(node: Problem, caps: DeviceCaps): string {
  const op = node.op as AnyOp;
  let hash = 0x811c9dc5;
  for (const kernel of op.kernels) {
    const plan = kernel.plan(node.inputs, node.outputs, node.attrs, caps);
    for (const { code } of plan?.launches ?? []) {
      for (let i = 0; i < code.length; i++) hash = Math.imul(hash ^ code.charCodeAt(i), 0x01000193);
    }
  }
  return `${sizesOf(node)} ${(hash >>> 0).toString(16)}`;
}
