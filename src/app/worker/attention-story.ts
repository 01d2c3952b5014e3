import { ReferenceExecutor } from "../../backend/reference/executor.ts";
import { ndarray, type Shape } from "../../core/ndarray.ts";
import { uniforms } from "../../core/philox.ts";
import { backward } from "../../graph/backward.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import { add } from "../../ops/elementwise/add.ts";
import { multiply } from "../../ops/elementwise/multiply.ts";
import { sumSquaredError } from "../../ops/loss/losses.ts";
import { matmul, transposeMatmul } from "../../ops/matmul/matmul.ts";
import { softmax } from "../../ops/norm/softmax.ts";
import { part } from "../../ops/shape/pad.ts";
import { isHidden } from "./attention-sizes.ts";

/** The three projections of the small attention, flat [width, width], as x @ W has them. */
export interface AttentionParameters {
  readonly wq: readonly number[];
  readonly wk: readonly number[];
  readonly wv: readonly number[];
}

/** One head of self-attention over a few steps, of which one step's query is followed. */
export interface AttentionSetup {
  readonly steps: number;
  readonly width: number;
  /** Whether a step sees only itself and those before it. */
  readonly causal: boolean;
  /** The step whose query is followed, from 0. */
  readonly query: number;
  /** [steps, width], flat; null, or of another size than these settings have: numbers to begin with. So below. */
  readonly x: readonly number[] | null;
  /** [width] */
  readonly target: readonly number[] | null;
  readonly parameters: AttentionParameters | null;
}

/** Values and what comes back, flat: [rows, columns]. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly number[];
  /** d loss / d value. */
  readonly deltas: readonly number[];
}

/** One query's way through attention, there and back, in f64. */
export interface AttentionStory extends Pick<AttentionSetup, "steps" | "width" | "causal" | "query"> {
  readonly x: Matrix;
  readonly wq: Matrix;
  readonly wk: Matrix;
  readonly wv: Matrix;
  /** Of the step that is followed: [1, width]. */
  readonly q: Matrix;
  readonly k: Matrix;
  readonly v: Matrix;
  /** [1, steps]: query times keys / sqrt(width), as they are before the mask. */
  readonly scores: Matrix;
  /** [1, steps]: what the softmax makes of them. */
  readonly weights: Matrix;
  /** [1, width] */
  readonly output: Matrix;
  readonly target: readonly number[];
  /** Sum over the output of (o - t)^2. */
  readonly loss: number;
}

const SEED = 11;

/** Tenths in [-1, 1]: short to read, and none alike. */
const tenths = (stream: number, count: number): readonly number[] =>
  [...uniforms(SEED, stream, 0, count, -1, 1)].map((v) => Math.round(10 * v) / 10);

/** Computes the story by the engine's reference, op by op, since the engine's own attention keeps no scores. */
export function attentionStory(setup: AttentionSetup): AttentionStory {
  const { steps, width, causal, query } = setup;
  const g = new Graph();
  const variable = (name: string, shape: Shape, values: readonly number[]): Tensor =>
    g.variable(name, ndarray(shape, "f64", [...values]));
  const given = (stream: number, rows: number, own: readonly number[] | null | undefined): readonly number[] =>
    own?.length === rows * width ? own : tenths(stream, rows * width);
  const matrix = (name: keyof AttentionParameters, stream: number): Tensor =>
    variable(name, [width, width], given(stream, width, setup.parameters?.[name]));
  const x = variable("x", [steps, width], given(1, steps, setup.x));
  const [wq, wk, wv] = [matrix("wq", 2), matrix("wk", 3), matrix("wv", 4)];
  const target = variable("target", [1, width], given(5, 1, setup.target));
  const row = g.one(part, [x], { from: [query, 0], shape: [1, width] }, "row");
  const q = g.one(matmul, [row, wq], null, "q");
  const k = g.one(matmul, [x, wk], null, "k");
  const v = g.one(matmul, [x, wv], null, "v");
  const products = g.one(transposeMatmul, [q, k], { transpose: "b" } as const, "products");
  const places = Array.from({ length: steps }, (_, i) => i);
  const scale = variable(
    "scale",
    [1, steps],
    places.map(() => 1 / Math.sqrt(width)),
  );
  const mask = variable(
    "mask",
    [1, steps],
    places.map((i) => (isHidden(setup, i) ? Number.NEGATIVE_INFINITY : 0)),
  );
  const scores = g.one(multiply, [products, scale], null, "scores");
  const masked = g.one(add, [scores, mask], null, "masked");
  const weights = g.one(softmax, [masked], null, "weights");
  const output = g.one(matmul, [weights, v], null, "output");
  const loss = g.one(sumSquaredError.forward, [output, target], null, "loss");
  const seed = variable("d loss", [1], [1]);
  const gradients = backward(g, loss, seed, [x, wq, wk, wv], (a, b) => g.one(add, [a, b], null, a.name));
  const exact = new ReferenceExecutor(g, "f64");
  exact.step();
  const list = (t: Tensor): readonly number[] => [...exact.values.get(t)!.data];
  const found = (t: Tensor): Matrix => {
    const [rows, columns] = t.shape as readonly [number, number];
    return { rows, columns, values: list(t), deltas: list(gradients.get(t)!) };
  };
  return {
    steps,
    width,
    causal,
    query,
    x: found(x),
    wq: found(wq),
    wk: found(wk),
    wv: found(wv),
    q: found(q),
    k: found(k),
    v: found(v),
    scores: found(scores),
    weights: found(weights),
    output: found(output),
    target: list(target),
    loss: list(loss)[0]!,
  };
}
