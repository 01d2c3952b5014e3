import { ReferenceExecutor } from "../backend/reference/executor.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { type ConformanceResult, conform } from "../backend/webgpu/conform.ts";
import { ChainruleError } from "../core/errors.ts";
import { type NdArray, ndarray, shapeText, sizeOf } from "../core/ndarray.ts";
import { STREAM, uniforms } from "../core/philox.ts";
import { caseInputs } from "../graph/case-inputs.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import type { AnyOp, Op, OpCase } from "../graph/op.ts";
import { ops } from "../ops/all.ts";
import type { Activation } from "../ops/elementwise/activation.ts";
import { add } from "../ops/elementwise/add.ts";
import { proofOf } from "../proof/proof-of.ts";
import { conformGraph } from "./conformance.ts";
import { checkFiniteDifferences, type FiniteDifferenceResult, LossProbe } from "./finite-differences.ts";
import { onChip } from "./on-chip.ts";

/** How an op is checked. */
export interface CheckOpOptions {
  /** The device that its kernels run on; null leaves the gradient. */
  readonly backend: WebGpuBackend | null;
  /** Draws the inputs of the cases. */
  readonly seed?: number;
  /** Elements of an input that are looked at one by one; all others share one check along a random direction. */
  readonly samples?: number;
}

/** The gradient of one input on one case. */
export interface OpGradientCheck {
  /** Name of the case. */
  readonly case: string;
  /** Which input. */
  readonly input: number;
  /** What central differences say of it. */
  readonly result: FiniteDifferenceResult;
}

/** What a check of an op found. */
export interface OpReport {
  /** Its name. */
  readonly op: string;
  /** True where every kernel and every gradient is right. */
  readonly pass: boolean;
  /** The first thing that is wrong, in one line; "" when all is well. */
  readonly reason: string;
  /** Every kernel on every case, those of ops that the gradient is made of included. */
  readonly kernels: readonly ConformanceResult[];
  /** Every gradient on every case. */
  readonly gradients: readonly OpGradientCheck[];
}

/**
 * Proves an op by one call: every kernel against the reference on every case, inside the op's bound and without a word
 * written behind an array; its form for whole steps, where it has one; and its gradient rule, run in f64, against
 * central differences of the reference. What the gradient is made of is held to the same, where it is not Chainrule's.
 *
 *     const report = await checkOp(op, { backend });
 *     if (!report.pass) throw new Error(report.reason);
 */
export async function checkOp(what: AnyOp | Activation, options: CheckOpOptions): Promise<OpReport> {
  const op: AnyOp = "forward" in what ? what.forward : what;
  const { cases } = await proofOf(op);
  if (cases.length === 0) throw new ChainruleError("usage", `${op.name} has no cases to be checked on`);
  const { gradients, used, wrong } = differentiate(op, cases, options);
  const kernels: ConformanceResult[] = [];
  if (options.backend)
    for (const one of [op, ...used]) kernels.push(...(await conformance(options.backend, one, options)));
  const unrun = options.backend
    ? [op, ...used].find((o) => !o.view && !kernels.some((r) => r.op === o.name))
    : undefined;
  const failed = kernels.find((r) => !r.pass);
  // A wrong derivative makes a right kernel look wrong, so the gradient has the first word.
  const off = gradients.find((g) => !g.result.pass);
  const reason =
    wrong ||
    (unrun && `${unrun.name}: no kernel applies to any of its cases`) ||
    (off && `${op.name}: the gradient of input ${off.input} on ${off.case}: ${differenceText(off.result)}`) ||
    (failed && `${failed.kernel} on ${failed.case}: ${failed.reason}`) ||
    "";
  return { op: op.name, pass: reason === "", reason, kernels, gradients };
}

async function conformance(
  backend: WebGpuBackend,
  op: AnyOp,
  { seed = 1 }: CheckOpOptions,
): Promise<ConformanceResult[]> {
  const found: ConformanceResult[] = [];
  for (const c of (await proofOf(op)).cases) {
    for (const kernel of op.kernels) {
      const result = await conform(backend.gpu, op, kernel, c, { seed });
      if (result) found.push(result);
    }
    if (!op.onChip) continue;
    try {
      found.push({ ...(await conformGraph(onChip(backend), op, c, { seed })), kernel: `${op.name} on the chip` });
    } catch (error) {
      // A case that is too large for one workgroup is no fault of the op's.
      if (!(error instanceof ChainruleError && error.code === "limit")) throw error;
    }
  }
  return found;
}

interface Differentiated {
  readonly gradients: readonly OpGradientCheck[];
  /** Ops of the gradient that Chainrule's own tests know nothing of. */
  readonly used: readonly AnyOp[];
  readonly wrong: string;
}

function differentiate(op: AnyOp, cases: readonly OpCase<unknown>[], options: CheckOpOptions): Differentiated {
  if (op.gradient === "none") return { gradients: [], used: [], wrong: "" };
  const gradients: OpGradientCheck[] = [];
  const used = new Set<AnyOp>();
  for (const c of cases) {
    const g = new Graph();
    const inputs = caseInputs(c, options.seed ?? 1).map((x, i) => g.variable(`input ${i}`, x));
    const outputs = g.add(op, inputs, c.attrs);
    const weights = outputs.map((y, k) => coefficients(g, y, k));
    const floats = outputs.flatMap((y, k) => (weights[k] ? [[y, weights[k]] as const] : []));
    const parts = floats.map(([y, w]) => g.one(weightedSum, [y, w], null));
    const loss = parts.reduce((sum, part) => g.one(add, [sum, part], null));
    const before = g.nodes.length;
    const dxs = op.gradient(g, outputs[0]!.node!, weights);
    for (const node of g.nodes.slice(before)) {
      if (node.op !== op && !node.op.view && !(ops as readonly unknown[]).includes(node.op)) used.add(node.op as AnyOp);
    }
    const where = `${op.name} on ${c.name}`;
    if (dxs.length !== inputs.length) {
      return {
        gradients,
        used: [...used],
        wrong: `${where}: the gradient rule gives ${dxs.length} gradients for ${inputs.length} inputs`,
      };
    }
    const exact = new ReferenceExecutor(g, "f64");
    exact.step();
    const probe = new LossProbe(g, loss, exact.values);
    for (const [i, dx] of dxs.entries()) {
      if (!dx) continue;
      const x = inputs[i]!;
      if (dx.shape.join() !== x.shape.join()) {
        const wrong = `${where}: the gradient of input ${i} is ${shapeText(dx.shape)}, the input ${shapeText(x.shape)}`;
        return { gradients, used: [...used], wrong };
      }
      const [value, gradient] = [exact.values.get(x)!, exact.values.get(dx)!];
      gradients.push({
        case: c.name,
        input: i,
        result: checkFiniteDifferences(probe, x, value, gradient, options.samples ?? 64),
      });
    }
  }
  const wrong = gradients.length === 0 ? `${op.name}: the gradient rule gives no gradient of any input` : "";
  return { gradients, used: [...used], wrong };
}

/** What the loss makes of an output: a variable of its shape, or null where it holds no floats. */
function coefficients(g: Graph, y: Tensor, k: number): Tensor | null {
  if (y.dtype !== "f32") return null;
  return g.variable(
    `coefficients ${k}`,
    ndarray(y.shape, "f32", uniforms(7, STREAM.check, 70 + k, sizeOf(y.shape), -1, 1)),
  );
}

/** sum of y times coefficients: the loss of an op by itself. Only the reference runs it. */
const weightedSum: Op<null> = {
  name: "weightedSum",
  infer: () => [{ shape: [1], dtype: "f32" }],
  reference([y, w]: readonly NdArray[]) {
    let sum = 0;
    for (let i = 0; i < y!.data.length; i++) sum += y!.data[i]! * w!.data[i]!;
    return [ndarray([1], "f64", [sum])];
  },
  gradient: "none",
  kernels: [],
  proof: { cases: [] },
};

function differenceText({ worst, checked, size }: FiniteDifferenceResult): string {
  const where = worst.index[0] === -1 ? "along a random direction" : `at ${shapeText(worst.index)}`;
  return `${where} the rule gives ${worst.analytic}, the reference itself changes by ${worst.numeric} (${checked} of ${size} elements)`;
}
