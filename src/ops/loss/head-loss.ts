import { sizeOf } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { AnyOp, Binding, DeviceCaps, KernelPlan, Launch, Op, WasmPlan } from "../../graph/op.ts";
import { add } from "../elementwise/add.ts";
import { matmul, transposeMatmul } from "../matmul/matmul.ts";
import { composed } from "../shared/composed.ts";
import { type WeightedAttrs, weightedCrossEntropy, weightedCrossEntropyGradient } from "./weighted-cross-entropy.ts";

/** Settings of headLoss. */
export interface HeadLossAttrs extends WeightedAttrs {
  /** Whether the weight lies as [classes, size], as an embedding's does; else as [size, classes]. */
  readonly turned: boolean;
  /** Rows whose logits are in memory at once, a multiple of 64. */
  readonly rows: number;
  /** True where the weight has no gradient. */
  readonly frozen?: boolean;
}

/** A value of the node, or a stretch of one from an element on, under a shape of its own. */
interface Stretch {
  readonly kind: Binding["kind"];
  readonly index: number;
  readonly from: number;
  readonly spec: TensorSpec;
}

interface Application {
  readonly op: AnyOp;
  readonly attrs: unknown;
  readonly inputs: readonly Stretch[];
  readonly output: Stretch;
  /** Which of a chunk's applications it is: those of one place share their scratch from chunk to chunk. */
  readonly place: string;
}

/** The parts of headLoss, for all rows or for a chunk of them. */
const partsOf = ({ turned, smoothing }: HeadLossAttrs) => ({
  logits: turned ? { op: transposeMatmul, attrs: { transpose: "b" } as const } : { op: matmul, attrs: null },
  loss: { op: weightedCrossEntropy, attrs: { smoothing } },
  dlogits: { op: weightedCrossEntropyGradient, attrs: { smoothing } },
  dx: turned ? { op: matmul, attrs: null } : { op: transposeMatmul, attrs: { transpose: "b" } as const },
  dw: { op: transposeMatmul, attrs: { transpose: "a" } as const },
});

/** What is applied to what, chunk after chunk, and the scratch between: the sums of chunks are added up in their order. */
function applicationsOf([x, w]: readonly TensorSpec[], attrs: HeadLossAttrs) {
  const [n, size] = x!.shape as readonly [number, number];
  const classes = w!.shape[attrs.turned ? 0 : 1]!;
  const chunks = Math.ceil(n / attrs.rows);
  const most = Math.min(n, attrs.rows);
  const f32 = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: "f32" });
  const scratch = [f32(most, classes), f32(most, classes)];
  if (chunks > 1) scratch.push(f32(1), f32(1), f32(1), ...(attrs.frozen ? [] : [w!, w!, w!]));
  const whole = (kind: Binding["kind"], index: number, spec: TensorSpec): Stretch => ({ kind, index, from: 0, spec });
  const [dloss, weights, sums] = [f32(1), f32(classes), f32(2)].map((spec, k) => whole("input", 3 + k, spec));
  const parts = partsOf(attrs);
  const applications: Application[] = [];
  for (let c = 0; c < chunks; c++) {
    const first = c * attrs.rows;
    const count = Math.min(attrs.rows, n - first);
    const rows = (kind: Binding["kind"], index: number): Stretch => ({
      kind,
      index,
      from: first * size,
      spec: f32(count, size),
    });
    const labels: Stretch = { kind: "input", index: 2, from: first, spec: { shape: [count], dtype: "i32" } };
    const weight = whole("input", 1, w!);
    const [logits, dlogits] = [0, 1].map((k) => whole("scratch", k, f32(count, classes))) as [Stretch, Stretch];
    /** The sum of chunks so far: in the output once it is that of all, else in two places by turns. */
    const sum = (k: number, output: number, from: number, spec: TensorSpec): Stretch =>
      k === chunks - 1 ? whole("output", output, spec) : whole("scratch", from + (k % 2), spec);
    const apply = (place: keyof typeof parts, inputs: readonly Stretch[], output: Stretch): void => {
      applications.push({ ...parts[place], inputs, output, place });
    };
    const summed = (
      place: "loss" | "dw",
      inputs: readonly Stretch[],
      output: number,
      from: number,
      spec: TensorSpec,
    ) => {
      if (c === 0) return apply(place, inputs, sum(0, output, from, spec));
      const own = whole("scratch", from + 2, spec);
      apply(place, inputs, own);
      const terms = [sum(c - 1, output, from, spec), own];
      applications.push({
        op: add,
        attrs: null,
        inputs: terms,
        output: sum(c, output, from, spec),
        place: `${place} sum`,
      });
    };
    apply("logits", [rows("input", 0), weight], logits);
    summed("loss", [logits, labels, weights!, sums!], 0, 2, f32(1));
    apply("dlogits", [logits, labels, dloss!, weights!, sums!], dlogits);
    apply("dx", [dlogits, weight], rows("output", 1));
    if (!attrs.frozen) summed("dw", attrs.turned ? [dlogits, rows("input", 0)] : [rows("input", 0), dlogits], 2, 5, w!);
  }
  return { applications, scratch };
}

/** Scratch of applications, behind the node's own: what stands at the same place in another chunk uses the same. */
class Room {
  private readonly places = new Map<string, number>();

  constructor(readonly scratch: TensorSpec[]) {}

  at(key: string, spec: TensorSpec): number {
    const known = this.places.get(key);
    if (known !== undefined) {
      if (sizeOf(this.scratch[known]!.shape) < sizeOf(spec.shape)) this.scratch[known] = spec;
      return known;
    }
    this.places.set(key, this.scratch.push(spec) - 1);
    return this.scratch.length - 1;
  }
}

/** The plan of one application: of the last kernel that applies and suits. */
function planOf({ op, attrs, inputs, output }: Application, caps: DeviceCaps): KernelPlan | null {
  const specs = inputs.map(({ spec }) => spec);
  const plans = [...op.kernels].reverse().map((kernel) => ({
    plan: kernel.needs ? null : kernel.plan(specs, [output.spec], attrs, caps),
    suits: kernel.suits?.(specs, attrs, caps) !== false,
  }));
  return (plans.find(({ plan, suits }) => plan && suits) ?? plans.find(({ plan }) => plan))?.plan ?? null;
}

function planChunks(inputs: readonly TensorSpec[], attrs: HeadLossAttrs, caps: DeviceCaps): KernelPlan | null {
  const { applications, scratch } = applicationsOf(inputs, attrs);
  const room = new Room([...scratch]);
  const launches: Launch[] = [];
  for (const application of applications) {
    const plan = planOf(application, caps);
    if (!plan) return null;
    const { place } = application;
    const bind = (b: Binding): Binding => {
      if (b.kind === "scratch") return { ...b, index: room.at(`${place} ${b.index}`, plan.scratch![b.index]!) };
      const at = b.kind === "input" ? application.inputs[b.index]! : application.output;
      const { kind, index, from, spec } = at;
      return { kind, index, access: b.access, offset: from + (b.offset ?? 0), size: b.size ?? sizeOf(spec.shape) };
    };
    for (const launch of plan.launches) launches.push({ ...launch, bindings: launch.bindings.map(bind) });
  }
  return { launches, scratch: room.scratch };
}

function callChunks(inputs: readonly TensorSpec[], attrs: HeadLossAttrs): WasmPlan {
  const { applications, scratch } = applicationsOf(inputs, attrs);
  const room = new Room([...scratch]);
  const calls = applications.flatMap((application) => {
    const { op, place, output } = application;
    const plan = op.wasm!(
      application.inputs.map(({ spec }) => spec),
      [output.spec],
      application.attrs,
    )!;
    return plan.calls.map((call) => ({
      ...call,
      args: call.args.map((arg) => {
        if (typeof arg !== "object" || !("kind" in arg)) return arg;
        if (arg.kind === "scratch") {
          const spec = plan.scratch![arg.index]!;
          return { kind: "scratch" as const, index: room.at(`${place} ${arg.index}`, spec) };
        }
        const { kind, index, from } = arg.kind === "input" ? application.inputs[arg.index]! : output;
        return { kind, index, offset: from };
      }),
    }));
  });
  return { calls, scratch: room.scratch };
}

/**
 * Loss, and its gradients by x and by the weight, of a head without bias: from x [n, size], weight, labels i32 [n], dloss
 * [1], class weights [classes] and their sums [2] to loss [1], dx [n, size] and dweight. Logits [n, classes] are in memory
 * for `rows` rows at a time. Of a frozen weight there is no third output.
 */
export const headLoss: Op<HeadLossAttrs> = {
  ...composed<HeadLossAttrs>({
    name: "headLoss",
    body(attrs) {
      const parts = partsOf(attrs);
      const given = (...indices: readonly number[]) => indices.map((input) => ({ input }));
      const [logits, dlogits] = [{ part: 0 }, { part: 2 }];
      return {
        parts: [
          { ...parts.logits, inputs: given(0, 1) },
          { ...parts.loss, inputs: [logits, ...given(2, 4, 5)] },
          { ...parts.dlogits, inputs: [logits, ...given(2, 3, 4, 5)] },
          { ...parts.dx, inputs: [dlogits, ...given(1)] },
          ...(attrs.frozen
            ? []
            : [{ ...parts.dw, inputs: attrs.turned ? [dlogits, ...given(0)] : [...given(0), dlogits] }]),
        ],
        outputs: [{ part: 1 }, { part: 3 }, ...(attrs.frozen ? [] : [{ part: 4 }])],
      };
    },
    kernels: [{ name: "headLoss/chunks", plan: (inputs, _outputs, attrs, caps) => planChunks(inputs, attrs, caps) }],
  }),
  wasm: (inputs, _outputs, attrs) => callChunks(inputs, attrs),
};
