import { sizeOf } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { AnyOp, Binding, DeviceCaps, KernelPlan, Launch, Op, WasmPlan } from "../../graph/op.ts";
import { add } from "../elementwise/add.ts";
import { addBias, sumRows } from "../matmul/bias.ts";
import { linear } from "../matmul/linear.ts";
import { matmul, transposeMatmul } from "../matmul/matmul.ts";
import { composed, type Part } from "../shared/composed.ts";
import {
  type WeightedAttrs,
  weightedCrossEntropy,
  weightedCrossEntropyGradient,
  weightedCrossEntropyWithGradient,
} from "./weighted-cross-entropy.ts";

/** What headLoss may differentiate by: what the head takes, its weight, its bias. */
export type HeadOperand = "x" | "weight" | "bias";

/** Settings of headLoss. */
export interface HeadLossAttrs extends WeightedAttrs {
  /** Whether the weight lies as [classes, size], as an embedding's does; else as [size, classes]. */
  readonly turned: boolean;
  /** Rows whose logits are in memory at once, a multiple of 64; of 128 where what is read is halves. */
  readonly rows: number;
  /** Whether a bias [classes], the last input, is added to the logits. */
  readonly biased?: boolean;
  /** What there is no gradient of: frozen parameters, and x where nothing before the head learns. */
  readonly without?: readonly HeadOperand[];
}

/** Operands whose gradients stand behind the loss among the outputs, in this order. */
function learned({ biased = false, without = [] }: HeadLossAttrs): readonly HeadOperand[] {
  const operands: readonly HeadOperand[] = biased ? ["x", "weight", "bias"] : ["x", "weight"];
  return operands.filter((operand) => !without.includes(operand));
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
  readonly outputs: readonly Stretch[];
  /** Which of a chunk's applications it is: those of one place share their scratch from chunk to chunk. */
  readonly place: string;
}

/** The parts of headLoss, for all rows or for a chunk of them. */
const partsOf = ({ turned, smoothing, biased = false }: HeadLossAttrs) => ({
  logits: turned
    ? { op: transposeMatmul, attrs: { transpose: "b" } as const }
    : biased
      ? { op: linear, attrs: { activation: null, alpha: 0 } }
      : { op: matmul, attrs: null },
  biased: { op: addBias, attrs: null },
  loss: { op: weightedCrossEntropy, attrs: { smoothing } },
  dlogits: { op: weightedCrossEntropyGradient, attrs: { smoothing } },
  // Both of the two above, which share what they read of a chunk's logits.
  both: { op: weightedCrossEntropyWithGradient, attrs: { smoothing } },
  x: turned ? { op: matmul, attrs: null } : { op: transposeMatmul, attrs: { transpose: "b" } as const },
  weight: { op: transposeMatmul, attrs: { transpose: "a" } as const },
  bias: { op: sumRows, attrs: null },
});

/** What is applied to what, chunk after chunk, and the scratch between: the sums of chunks are added up in their order. */
function applicationsOf(inputs: readonly TensorSpec[], attrs: HeadLossAttrs) {
  const [x, w] = inputs as readonly [TensorSpec, TensorSpec];
  const { turned, biased = false } = attrs;
  const [n, size] = x.shape as readonly [number, number];
  const classes = w.shape[turned ? 0 : 1]!;
  const chunks = Math.ceil(n / attrs.rows);
  const most = Math.min(n, attrs.rows);
  const f32 = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: "f32" });
  const scratch = [f32(most, classes), f32(most, classes)];
  const whole = (kind: Binding["kind"], index: number, spec: TensorSpec): Stretch => ({ kind, index, from: 0, spec });
  const [dloss, weights, sums] = [f32(1), f32(classes), f32(2)].map((spec, k) => whole("input", 3 + k, spec));
  const parts = partsOf(attrs);
  const applications: Application[] = [];
  const apply = (place: keyof typeof parts, given: readonly Stretch[], ...outputs: readonly Stretch[]): void => {
    applications.push({ ...parts[place], inputs: given, outputs, place });
  };
  /** The sum over chunks: in the output once it is that of all, else in two places by turns. */
  const summing = (place: "both" | "weight" | "bias", output: number, spec: TensorSpec) => {
    const first = chunks > 1 ? scratch.push(spec, spec, spec) - 3 : 0;
    const so = (k: number): Stretch =>
      k === chunks - 1 ? whole("output", output, spec) : whole("scratch", first + (k % 2), spec);
    return (c: number, given: readonly Stretch[], ...beside: readonly Stretch[]): void => {
      if (c === 0) {
        apply(place, given, so(0), ...beside);
        return;
      }
      const own = whole("scratch", first + 2, spec);
      apply(place, given, own, ...beside);
      const terms = [so(c - 1), own];
      applications.push({ op: add, attrs: null, inputs: terms, outputs: [so(c)], place: `${place} sum` });
    };
  };
  const gradients = learned(attrs);
  const at = (operand: HeadOperand): number => 1 + gradients.indexOf(operand);
  const addLoss = summing("both", 0, f32(1));
  const addWeight = gradients.includes("weight") ? summing("weight", at("weight"), f32(...w.shape)) : null;
  const addBiases = gradients.includes("bias") ? summing("bias", at("bias"), f32(classes)) : null;
  for (let c = 0; c < chunks; c++) {
    const first = c * attrs.rows;
    const count = Math.min(attrs.rows, n - first);
    const rows = (kind: Binding["kind"], index: number, { dtype }: Pick<TensorSpec, "dtype">): Stretch => ({
      kind,
      index,
      from: first * size,
      spec: { shape: [count, size], dtype },
    });
    const [taken, weight] = [rows("input", 0, x), whole("input", 1, w)];
    const labels: Stretch = { kind: "input", index: 2, from: first, spec: { shape: [count], dtype: "i32" } };
    const [logits, dlogits] = [0, 1].map((k) => whole("scratch", k, f32(count, classes))) as [Stretch, Stretch];
    const bias = biased ? [whole("input", 6, f32(classes))] : [];
    // The plain product lies where the gradient will be.
    if (turned && biased) {
      apply("logits", [taken, weight], dlogits);
      apply("biased", [dlogits, ...bias], logits);
    } else apply("logits", [taken, weight, ...bias], logits);
    addLoss(c, [logits, labels, dloss!, weights!, sums!], dlogits);
    if (gradients.includes("x")) apply("x", [dlogits, weight], rows("output", at("x"), f32()));
    addWeight?.(c, turned ? [dlogits, taken] : [taken, dlogits]);
    addBiases?.(c, [dlogits]);
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
function planOf({ op, attrs, inputs, outputs }: Application, caps: DeviceCaps): KernelPlan | null {
  const [specs, made] = [inputs, outputs].map((values) => values.map(({ spec }) => spec)) as [
    TensorSpec[],
    TensorSpec[],
  ];
  const plans = [...op.kernels].reverse().map((kernel) => ({
    plan: kernel.needs ? null : kernel.plan(specs, made, attrs, caps),
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
      const at = application[b.kind === "input" ? "inputs" : "outputs"][b.index]!;
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
    const { op, place, outputs } = application;
    const plan = op.wasm!(
      application.inputs.map(({ spec }) => spec),
      outputs.map(({ spec }) => spec),
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
        const { kind, index, from } = (arg.kind === "input" ? application.inputs : outputs)[arg.index]!;
        return { kind, index, offset: from };
      }),
    }));
  });
  return { calls, scratch: room.scratch };
}

/**
 * Loss, and its gradients by x, weight and bias, of a head: from x [n, size], weight, labels i32 [n], dloss [1], class
 * weights [classes], their sums [2] and, where there is one, the bias [classes], to loss [1], dx [n, size], dweight and
 * dbias [classes], without those that `without` names. Logits [n, classes] are in memory for `rows` rows at a time.
 */
export const headLoss: Op<HeadLossAttrs> = {
  ...composed<HeadLossAttrs>({
    name: "headLoss",
    body(attrs) {
      const { turned, biased = false } = attrs;
      const parts = partsOf(attrs);
      const given = (...indices: readonly number[]) => indices.map((input) => ({ input }));
      const list: Part[] = [];
      const put = (place: keyof typeof parts, inputs: Part["inputs"]) => ({
        part: list.push({ ...parts[place], inputs }) - 1,
      });
      const product = put("logits", given(0, 1, ...(biased && !turned ? [6] : [])));
      const logits = biased && turned ? put("biased", [product, ...given(6)]) : product;
      const loss = put("loss", [logits, ...given(2, 4, 5)]);
      const dlogits = put("dlogits", [logits, ...given(2, 3, 4, 5)]);
      const back: Readonly<Record<HeadOperand, Part["inputs"]>> = {
        x: [dlogits, ...given(1)],
        weight: turned ? [dlogits, ...given(0)] : [...given(0), dlogits],
        bias: [dlogits],
      };
      return { outputs: [loss, ...learned(attrs).map((operand) => put(operand, back[operand]))], parts: list };
    },
    kernels: [{ name: "headLoss/chunks", plan: (inputs, _outputs, attrs, caps) => planChunks(inputs, attrs, caps) }],
  }),
  wasm: (inputs, _outputs, attrs) => callChunks(inputs, attrs),
};
