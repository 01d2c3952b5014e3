import { withHalves } from "../../../shaders/half/half-arrays.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Graph, Tensor, TensorSpec } from "../../graph/graph.ts";
import { addLateKernels, lateKernels } from "../../graph/late-kernels.ts";
import type { AnyOp, Binding, DeviceCaps, Kernel, KernelPlan, Launch, Op } from "../../graph/op.ts";
import { convMatrixKernel } from "../conv/subgroup-matrix.ts";
import { halfBlockKernels } from "../matmul/half-blocks.ts";
import { subgroupMatrixKernel } from "../matmul/subgroup-matrix.ts";
import { activationNames } from "../names.ts";
import { output, scratch } from "../shared/dispatch-plan.ts";
import { fuseHalved, unfusedHalved } from "./fuse.ts";
import { capsForHalves, halfPlan, toHalf } from "./to-half.ts";

// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
type AnyKernel = Kernel<any>;
export interface Stores {
  /** The result is stored as halves. */
  readonly toHalf?: true;
}

/** Ops that have a form which reads halves, and the inputs that it may read so. By name: the ops come with the graph. */
const operands = new Map<string, readonly number[]>([
  ["matmul", [0, 1]],
  ["transposeMatmul", [0, 1]],
  ["outerProduct", [0, 1]],
  ["linear", [0, 1]],
  ["linearInputGradient", [0, 1, 2]],
  ["linearWeightGradient", [0, 1]],
  ["sumRows", [0]],
  ["conv", [0, 1]],
  ["convInputGradient", [0, 1]],
  ["convWeightGradient", [0, 1]],
  ["convLayer", [0, 1]],
  ["convTransposeLayer", [0, 1]],
  ["convLayerInputGradient", [0, 1, 2]],
  ["convTransposeLayerInputGradient", [0, 1, 2]],
  ["convLayerWeightGradient", [0, 1]],
  ["sumChannels", [0]],
  ["headLoss", [0, 1]],
  ["attention", [0]],
  ["attentionGradient", [0, 1]],
  // What a step reads, and the weights of its states; states themselves stay f32.
  ...["lstm", "gru", "rnn", "rnnRelu"].map((name) => [name, [0, 1]] as const),
  ...["lstm", "rnn", "rnnRelu"].map((name) => [`${name}Gradient`, [2]] as const),
  ["gruGradient", [3]],
  ...activationNames.map((name) => [`${name}Gradient`, [1]] as const),
]);
/** Those whose result products read in turn. */
export const storing = ["matmul", "transposeMatmul", "linear", "linearInputGradient"];
/** Kernels whose reading counts: they have one of each kind of inner loop. */
const READ_NATIVELY = ["block64", "block128", "packed", "direct"];

/** The inputs of an op that may be stored as halves; none of most. */
export const halvesOf = (op: AnyOp): readonly number[] => operands.get(op.name) ?? [];

const made = new Map<AnyOp, AnyOp>();
const forms = new Map<AnyOp, AnyOp>();

/** The form of an op that reads halves where its inputs are, and stores them with the attribute `toHalf`. */
export function halved(op: AnyOp): AnyOp {
  const found = made.get(op) ?? make(op);
  made.set(op, found);
  forms.set(found, op);
  return found;
}

/** A loss whose head may read halves: the same op, which knows that head and becomes one node with it. */
export function besideHalves(loss: AnyOp): AnyOp {
  const same: AnyOp = {
    ...loss,
    fuse: fuseHalved(formOf, wideOf, storesHalves),
    unfused: unfusedHalved(loss, wideOf),
  };
  forms.set(same, loss);
  return same;
}

/** The form that reads halves of an op that has one; of another the op itself. */
const formOf = (op: AnyOp): AnyOp => (halvesOf(op).length > 0 ? halved(op) : op);
const storesHalves = ({ name }: AnyOp): boolean => storing.includes(name);

/** The op that one is a form of; null where it is none. */
const wideOf = (op: AnyOp): AnyOp | null => forms.get(op) ?? null;

function make(op: AnyOp): Op<Stores> {
  const name = `half${op.name[0]!.toUpperCase()}${op.name.slice(1)}`;
  const { trial } = op;
  // What only some devices load may be there by now or not: a form is the same either way, and gets its own of them below.
  const kernels = op.kernels.filter((k) => !k.late);
  return {
    name,
    infer(inputs, attrs) {
      const [first, ...rest] = op.infer(inputs.map(wide), attrs);
      return [attrs?.toHalf ? { ...first!, dtype: "f16" } : first!, ...rest];
    },
    reference(inputs, attrs) {
      const [y, ...rest] = op.reference(inputs, attrs);
      return [attrs?.toHalf ? toHalf.reference([y!], null)[0]! : y!, ...rest];
    },
    ideal: (inputs, attrs) => op.reference(inputs, attrs),
    // Halves are f32 numbers there; what rounds them is the reference.
    wasm: (inputs, outputs, attrs) => (attrs?.toHalf ? null : (op.wasm?.(inputs.map(wide), outputs, attrs) ?? null)),
    gradient: "none",
    kernels: [
      ...kernels.map((k) => kernelOf(name, k, false)),
      ...kernels.filter((k) => READ_NATIVELY.includes(suffixOf(k))).map((k) => kernelOf(name, k, true)),
      ...[...halfBlockKernels(op), ...matrixKernels(op)].map((k) => keptAsHalves(name, k)),
    ],
    ...(trial
      ? {
          trial: {
            ...trial,
            store: (g: Graph, t: Tensor) => g.one(toHalf, [t], null),
          },
        }
      : {}),
    ...(op.sample ? { sample: op.sample } : {}),
    fuse: fuseHalved(halved, wideOf, storesHalves),
    proof: { family: "halvedProof", of: op },
  };
}

// Behind a form's kernels come its own of those that the device's are put behind its op's.
lateKernels.push(async (nodes, caps) => {
  const found = nodes.flatMap(({ op }) => (made.get(wideOf(op)!) === op ? [{ op, wide: wideOf(op)! }] : []));
  if (found.length > 0)
    await addLateKernels(
      found.map(({ wide }) => ({ op: wide })),
      caps,
    );
  for (const { op, wide } of found) {
    const late = wide.kernels
      .filter((k) => k.late)
      .map((k) => ({ ...kernelOf(op.name, k, false), late: true as const }));
    const kernels = op.kernels as AnyKernel[];
    kernels.push(...late.filter(({ name }) => !kernels.some((k) => k.name === name)));
  }
});

/** Matrix instructions take halves on both sides. */
function matrixKernels(op: AnyOp): readonly AnyKernel[] {
  const found = subgroupMatrixKernel(op) ?? convMatrixKernel(op);
  return found ? [{ ...found, needs: "subgroupMatrices" }] : [];
}

/** The op's kernel where both operands are halves, which it keeps as such. */
function keptAsHalves(name: string, kernel: AnyKernel): Kernel<Stores> {
  const native = kernelOf(name, kernel, true);
  const both = (inputs: readonly TensorSpec[]): boolean => inputs[0]!.dtype === "f16" && inputs[1]!.dtype === "f16";
  return {
    ...native,
    name: `${name}/${suffixOf(kernel)}`,
    needs: kernel.needs ?? "shaderF16",
    suits: (inputs, attrs, caps) => both(inputs) && (kernel.suits?.(inputs, attrs, caps) ?? true),
    plan: (inputs, ...rest) => (both(inputs) ? native.plan(inputs, ...rest) : null),
  };
}

const wide = ({ shape, dtype }: TensorSpec): TensorSpec => ({ shape, dtype: dtype === "f16" ? "f32" : dtype });
const suffixOf = ({ name }: AnyKernel): string => name.slice(name.indexOf("/") + 1);

/** The op's kernel with its text changed where what it reads and writes are halves. */
function kernelOf(name: string, kernel: AnyKernel, native: boolean): Kernel<Stores> {
  return {
    name: `${name}/${suffixOf(kernel)}${native ? "-native" : ""}`,
    ...(native ? { needs: "shaderF16" as const } : kernel.needs ? { needs: kernel.needs } : {}),
    suits: (inputs, attrs, caps) => !native && (kernel.suits?.(inputs, attrs, caps) ?? true),
    plan(inputs, outputs, attrs, caps) {
      if (native && !caps.shaderF16) return null;
      const plan = kernel.plan(inputs.map(wide), outputs.map(wide), attrs, capsForHalves(caps));
      if (!plan) return null;
      const changed = (launch: Launch, scratches: KernelPlan["scratch"]): Launch | null => {
        const roles = { input: inputs, output: outputs, scratch: scratches ?? [] };
        const isHalf = ({ kind, index }: Binding): boolean => roles[kind][index]!.dtype === "f16";
        const bindings = launch.bindings.flatMap((b, i) => (isHalf(b) ? [i + 1] : []));
        const code = bindings.length === 0 ? launch.code : withHalves(launch.code, bindings, native);
        return code === null ? null : { ...launch, code };
      };
      const whole = outputs[0]!.dtype !== "f16" || plan.launches.length === 1;
      const launches = whole ? plan.launches.map((launch) => changed(launch, plan.scratch)) : [null];
      if (launches.every((launch) => launch !== null)) return { ...plan, launches };
      const apart = storedApart(plan, outputs[0]!, caps);
      return {
        ...apart,
        launches: [
          ...plan.launches.map((_, i) => changed(apart.launches[i]!, apart.scratch)!),
          ...apart.launches.slice(plan.launches.length),
        ],
      };
    },
  };
}

/** The same with its result in scratch, and a launch that stores it as halves. */
function storedApart(plan: KernelPlan, { shape }: TensorSpec, caps: DeviceCaps): KernelPlan {
  const before = plan.scratch ?? [];
  const at = scratch(before.length, "read_write");
  const isResult = (b: Binding): boolean => b.kind === "output" && b.index === 0;
  const redirected = plan.launches.map((launch) => ({
    ...launch,
    bindings: launch.bindings.map((b) => (isResult(b) ? { ...b, kind: at.kind, index: at.index } : b)),
  }));
  const size = sizeOf(shape);
  const stores = halfPlan(size, { ...at, access: "read" }, output(0), caps, size % 4 === 0);
  return { scratch: [...before, { shape, dtype: "f32" }], launches: [...redirected, ...stores.launches] };
}
