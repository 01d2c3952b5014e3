// All that the tool is given, in one list: what is left out of it is looked for here. So longer than a file should be.
import { fmaCeiling } from "../../shaders/ceilings.ts";
import { NARROW_FILLS } from "../../shaders/conv/block-narrow.ts";
import { BLOCK } from "../../shaders/conv/block-tile.ts";
import { UNIFORM_DEPTH } from "../../shaders/conv/uniform.ts";
import { WEIGHT_DEPTH } from "../../shaders/conv/weight-block.ts";
import { WEIGHT_UNIFORM_DEPTH } from "../../shaders/conv/weight-uniform.ts";
import type { BlockShape } from "../../shaders/matmul/block.ts";
import { UNIFORM_SHAPE } from "../../shaders/matmul/uniform.ts";
import { chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { lowerOnChip } from "../../src/backend/webgpu/lower.ts";
import type { Node, TensorSpec } from "../../src/graph/graph.ts";
import { addLateKernels } from "../../src/graph/late-kernels.ts";
import type { AnyOp, DeviceCaps } from "../../src/graph/op.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { randomBatch } from "../../src/nn/random-batch.ts";
import { sequencePresets } from "../../src/nn/sequence-presets.ts";
import { ops } from "../../src/ops/all.ts";
import { attention, attentionGradient } from "../../src/ops/attention/attention.ts";
import { conv, convInputGradient, convWeightGradient } from "../../src/ops/conv/conv.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { halved } from "../../src/ops/half/halved.ts";
import { halfOps } from "../../src/ops/half/ops.ts";
import { matmul, transposeMatmul } from "../../src/ops/matmul/matmul.ts";
import { blockShape } from "../../src/ops/matmul/rungs.ts";
import { uniformRungs } from "../../src/ops/matmul/uniform.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { halfSteps } from "../../src/train/f16/load.ts";
import { trainingGraph } from "../../src/train/run/training-graph.ts";

/** How often a loop of a kernel turns for one invocation; those inside it in the order of the text. */
export interface LoopHint {
  readonly times: number;
  /** The one with the multiply-adds. */
  readonly computes?: boolean;
  /** Pieces of an operand that a part of the invocations brings while the others bring the other operand's. */
  readonly sides?: number;
  /** The loop's parts that only move, for what lies behind the last term, have nothing to do. */
  readonly whole?: boolean;
  readonly in?: readonly LoopHint[];
}

/** A kernel's text, and what it is for. */
export interface ListedKernel {
  readonly name: string;
  readonly code: string;
  /** What it is the first guess for on the device; empty where only measuring would take it. */
  readonly guessed: string[];
  readonly loops?: readonly LoopHint[];
}

/** Collects kernels by their text: the same text is one kernel, whatever takes it. */
class Kernels {
  readonly byCode = new Map<string, ListedKernel>();
  private readonly names = new Set<string>();

  put(name: string, code: string, guessedFor: string | null, loops?: readonly LoopHint[]): void {
    const known = this.byCode.get(code);
    if (known) {
      if (guessedFor !== null) known.guessed.push(guessedFor);
      return;
    }
    const clean = name.replaceAll("/", ".").replaceAll(/[^\w.-]+/g, "_");
    let unique = clean;
    for (let i = 2; this.names.has(unique); i++) unique = `${clean}.${i}`;
    this.names.add(unique);
    const guessed = guessedFor === null ? [] : [guessedFor];
    this.byCode.set(code, { name: unique, code, guessed, ...(loops && { loops }) });
  }
}

/** Sizes of the products that are weighed: those of wide layers. */
const SIZES = [512, 1024, 4096] as const;
const forms = {
  NN: { op: matmul, attrs: null },
  NT: { op: transposeMatmul, attrs: { transpose: "b" } },
  TN: { op: transposeMatmul, attrs: { transpose: "a" } },
} as const;

/** Loops of a product's kernel of `size`, its sum in `slices`, outermost first; undefined where they are not known. */
function loopsOf(
  rung: string,
  form: keyof typeof forms,
  size: number,
  caps: DeviceCaps,
  slices: number,
): readonly LoopHint[] | undefined {
  const name = rung.replace(/(-split)?(-native|-halves)?$/, "");
  const shape: BlockShape | undefined = name === uniformRungs[0]!.name ? UNIFORM_SHAPE : blockShape(name, caps);
  if (shape) {
    const { lanes, rows, columns, depth, unroll = 4 } = shape;
    const invocations = lanes[0] * lanes[1];
    const rest = [lanes[0] * rows, lanes[1] * columns]
      .map((width) => ((width * depth) / 16) % invocations)
      .filter((n) => n > 0);
    const sides = rest.length > 0 ? { sides: Math.min(...rest) } : {};
    const inner = { times: depth / unroll, computes: true };
    return [{ times: size / slices / depth, computes: true, whole: true, ...sides, in: [inner] }];
  }
  if (rung === "direct") return [{ times: form === "TN" ? size : size / 4, computes: true }, { times: 4 }];
  return undefined;
}

function nodeOf(op: AnyOp, attrs: unknown, inputs: readonly TensorSpec[]): Node {
  return { op, attrs, inputs, outputs: op.infer(inputs, attrs) } as unknown as Node;
}

/** Every kernel that can do a node's work, and which of them is the first guess. */
function putAll(
  kernels: Kernels,
  node: Node,
  tag: string,
  caps: DeviceCaps,
  loops?: (rung: string, slices: number) => readonly LoopHint[] | undefined,
): void {
  const op = node.op as AnyOp;
  const guess = chooseKernel(node, caps).kernel;
  for (const kernel of op.kernels) {
    const plan = kernel.plan(node.inputs, node.outputs, node.attrs, caps);
    plan?.launches.forEach(({ code, workgroups }, i) => {
      const part = plan.launches.length > 1 ? `.${i}` : "";
      // What adds a divided sum's parts has no such loops.
      const hints = i > 0 ? undefined : loops?.(kernel.name.slice(kernel.name.indexOf("/") + 1), workgroups[2]);
      put(kernel.name, part, code, kernel === guess, hints);
    });
  }
  function put(name: string, part: string, code: string, guessed: boolean, hints?: readonly LoopHint[]): void {
    const what = `${op.name} ${tag}${part === "" || part === ".0" ? "" : `, launch${part}`}`;
    kernels.put(`${name}${part}.${tag}`, code, guessed ? what : null, hints);
  }
}

/** All products of the sizes that are weighed, on every rung. */
function products(kernels: Kernels, caps: DeviceCaps): void {
  for (const size of SIZES) {
    for (const [form, { op, attrs }] of Object.entries(forms)) {
      const hints = (rung: string, slices: number) => loopsOf(rung, form as keyof typeof forms, size, caps, slices);
      for (const dtype of ["f32", "f16"] as const) {
        const inputs = [size, size].map((n) => ({ shape: [n, n], dtype }) as const);
        const own = dtype === "f32" ? (op as AnyOp) : halved(op as AnyOp);
        putAll(kernels, nodeOf(own, attrs, inputs), `${form}.${size}`, caps, hints);
      }
    }
  }
}

/** How a guess of what is weighed beside products ends, before the number of a launch. */
export const TAGS = /^(conv|attention)\w* (3x3\.64|d\d+)/;

/** The convolution that is weighed: images, channels in and out, places along an axis, elements of a kernel along one. */
const CONV = { n: 32, channels: 64, side: 56, kernel: 3 } as const;

/** A convolution of many channels and its gradients, on every rung; of blocks it is known how their loops turn. */
function convolutions(kernels: Kernels, caps: DeviceCaps): void {
  const { n, channels, side, kernel } = CONV;
  const attrs = {
    stride: [1, 1],
    padding: [
      [1, 1],
      [1, 1],
    ],
    dilation: [1, 1],
    groups: 1,
  };
  const f32 = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: "f32" });
  const [x, w] = [f32(n, channels, side, side), f32(channels, channels, kernel, kernel)];
  const turns = (depth: number, terms: number, fill: readonly LoopHint[] = []): LoopHint => ({
    ...{ times: terms / depth, computes: true, whole: true },
    in: [...fill, { times: depth, computes: true }],
  });
  const product = (fill: readonly LoopHint[]): readonly LoopHint[] => [
    {
      ...{ times: kernel, computes: true },
      in: [{ times: kernel, computes: true, in: [turns(BLOCK.depth, channels, fill)] }],
    },
    { times: BLOCK.mine },
  ];
  /** Of blocks whose rows are a subgroup's one loop is over elements and terms. Blocks for few registers are brought in by a loop. */
  const filled = (rung: string) =>
    rung === "block-uniform"
      ? [{ ...turns(UNIFORM_DEPTH, kernel * kernel * channels), in: [{ times: UNIFORM_DEPTH / 4, computes: true }] }]
      : product(rung === "block-narrow" ? [{ times: NARROW_FILLS }] : []);
  const tag = `${kernel}x${kernel}.${channels}`;
  const put = (
    op: AnyOp,
    more: object,
    inputs: readonly TensorSpec[],
    hints: (slices: number, rung: string) => readonly LoopHint[],
  ) => {
    const node = nodeOf(op, { ...attrs, ...more }, inputs);
    putAll(kernels, node, tag, caps, (rung) => {
      const plan = op.kernels
        .find(({ name }) => name === `${op.name}/${rung}`)!
        .plan(node.inputs, node.outputs, node.attrs, caps);
      return rung.startsWith("block") ? hints(plan!.launches[0]!.workgroups[2], rung) : undefined;
    });
  };
  put(conv as AnyOp, {}, [x, w], (_, rung) => filled(rung));
  put(convInputGradient as AnyOp, { places: [side, side] }, [x, w], (_, rung) => filled(rung));
  put(convWeightGradient as AnyOp, { kernel: [kernel, kernel] }, [x, x], (slices, rung) => {
    const terms = (n * side * side) / slices;
    return rung === "block-uniform"
      ? [{ ...turns(WEIGHT_UNIFORM_DEPTH, terms), in: [{ times: WEIGHT_UNIFORM_DEPTH / 4, computes: true }] }]
      : [turns(WEIGHT_DEPTH, terms)];
  });
}

/** Attention whose rows are long enough for the loops over them to be all that counts, by the width of a head. */
const HEADS = [16, 32, 64, 128] as const;

function attentions(kernels: Kernels, caps: DeviceCaps): void {
  const [n, t, heads] = [8, 1024, 4];
  const attrs = { heads, keyHeads: heads, causal: true, lengths: false, dropout: null };
  for (const d of HEADS) {
    const f32 = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: "f32" });
    const [qkv, o, lse] = [f32(n, t, 3 * heads * d), f32(n, t, heads * d), f32(n, heads, t)];
    putAll(kernels, nodeOf(attention as AnyOp, attrs, [qkv]), `d${d}`, caps);
    putAll(kernels, nodeOf(attentionGradient as AnyOp, attrs, [o, qkv, o, lse]), `d${d}`, caps);
  }
}

/** Every case of every op, on every kernel. */
async function everyOp(kernels: Kernels, caps: DeviceCaps): Promise<void> {
  for (const op of [...ops, ...halfOps].filter(({ view }) => !view)) {
    for (const c of (await proofOf(op)).cases) {
      const inputs = c.inputs.map(({ shape, dtype }) => ({ shape, dtype }));
      putAll(kernels, nodeOf(op, c.attrs, inputs), c.name, caps);
    }
  }
}

/** Rows that a preset's data has at least. */
const ROWS = 64;

/** What each preset's step dispatches where nothing was measured, and its kernel of whole steps where it has one. */
async function everyPreset(kernels: Kernels, caps: DeviceCaps): Promise<void> {
  for (const [name, preset] of Object.entries({ ...allPresets, ...sequencePresets })) {
    const { model, optimizer, seed } = preset;
    const batch = preset.batch === "full" ? "full" : preset.batch;
    const { x, y } = randomBatch(model, ROWS, 1);
    const weights = initialise(model, seed);
    for (const halves of [null, { lossScale: "dynamic" }] as const) {
      const { graph } = await trainingGraph({
        model,
        weights,
        x,
        y,
        rows: ROWS,
        batch,
        streams: false,
        optimizer,
        clip: 0,
        schedule: { type: "constant" },
        seed,
        maxBufferSize: caps.maxBufferSize,
        halves,
        steps: halves && (await halfSteps(halves)),
      });
      const of = halves ? `${name}.f16` : name;
      for (const node of fuse(graph).filter((n) => !n.op.view)) {
        const { kernel, plan } = chooseKernel(node, caps);
        plan.launches.forEach(({ code }, i) => {
          kernels.put(
            `${kernel.name}${plan.launches.length > 1 ? `.${i}` : ""}.${of}`,
            code,
            `${node.op.name} of ${of}`,
          );
        });
      }
      if (halves) continue;
      const lowered = lowerOnChip(graph, caps);
      if (!("reason" in lowered)) kernels.put(`whole-steps.${name}`, lowered.code, `whole steps of ${name}`);
    }
  }
}

/** Every kernel of the project as a device with these abilities would be given them. */
export async function listKernels(caps: DeviceCaps): Promise<readonly ListedKernel[]> {
  const kernels = new Kernels();
  await addLateKernels(
    [...ops, ...halfOps].map((op) => ({ op })),
    caps,
  );
  products(kernels, caps);
  convolutions(kernels, caps);
  attentions(kernels, caps);
  await everyPreset(kernels, caps);
  await everyOp(kernels, caps);
  for (const chains of [4, 8, 16]) kernels.put(`ceiling.fma${chains}`, fmaCeiling({ chains, builtin: true }), null);
  return [...kernels.byCode.values()];
}
