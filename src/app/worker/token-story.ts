import { ReferenceExecutor } from "../../backend/reference/executor.ts";
import { type NdArray, ndarray, rows } from "../../core/ndarray.ts";
import { calledName, layerName } from "../../nn/model-spec.ts";
import { gradientGraph } from "../../train/run/gradient-graph.ts";
import { current, parametersNow, trainingRows } from "./session.ts";
import { pieceOf } from "./text-look.ts";

/** A target that counts for nothing, as PyTorch's cross entropy has it. */
const IGNORED = -100;

/** A layer that gives a row of numbers for each step. */
export interface TokenLayer {
  readonly name: string;
  readonly type: string;
  readonly width: number;
  /** Of each step: the length of its row of values, and of the gradient that comes back to it. */
  readonly values: readonly number[];
  readonly gradients: readonly number[];
}

/** One window of the text through the net and back, in f64. */
export interface TokenStory {
  readonly step: number;
  readonly row: number;
  readonly rows: number;
  /** The step whose loss alone goes back; null where all do. */
  readonly of: number | null;
  /** What was read at each step, and what was to be told. */
  readonly pieces: readonly string[];
  readonly targets: readonly string[];
  /** What the net gives its targets. */
  readonly chances: readonly number[];
  /** Mean of -log of the chances that count. */
  readonly loss: number;
  /** From the first to the last. */
  readonly layers: readonly TokenLayer[];
}

/** Length of each of `count` rows. */
function lengths({ data }: NdArray, count: number): number[] {
  const width = data.length / count;
  return Array.from({ length: count }, (_, i) => Math.hypot(...data.subarray(i * width, (i + 1) * width)));
}

/** Window number `row` through the net as it is now; of the losses at its steps only that of step `of`, where that is said. */
export async function tokenStory(row: number, of: number | null): Promise<TokenStory> {
  const { trainer } = current();
  const { model, seed } = trainer.options;
  const data = trainingRows();
  const [n, steps] = data.x.shape as [number, number];
  const at = Math.max(0, Math.min(n - 1, row));
  const only = of === null || of >= steps ? null : of;
  const [x, y] = [rows(data.x, at, at + 1), rows(data.y, at, at + 1)];
  const counted = only === null ? y.data : y.data.map((token, i) => (i === only ? token : IGNORED));
  const weights = await parametersNow();
  const g = await gradientGraph(model, weights, x, ndarray([1, steps], "i32", Int32Array.from(counted)), {
    seed,
    maxBufferSize: 2 ** 32,
  });
  const exact = new ReferenceExecutor(g.graph, "f64");
  exact.step();
  const named = new Map(g.graph.nodes.flatMap((node) => node.outputs.map((t) => [t.name, t] as const)));
  const layers: TokenLayer[] = model.layers.flatMap((layer, i) => {
    const called = calledName(layer, i);
    const type = layerName(layer);
    const out = named.get(`${called}.${type}`);
    const slope = out && g.gradients.get(out);
    if (!slope || out.shape[0] !== 1 || out.shape[1] !== steps) return [];
    const [value, back] = [exact.values.get(out)!, exact.values.get(slope)!];
    const width = value.data.length / steps;
    return [{ name: called, type, width, values: lengths(value, steps), gradients: lengths(back, steps) }];
  });
  const logits = exact.values.get(g.outputs)!.data;
  const count = logits.length / steps;
  return {
    step: trainer.stepsTaken,
    row: at,
    rows: n,
    of: only,
    pieces: Array.from(x.data, pieceOf),
    targets: Array.from(y.data, pieceOf),
    chances: Array.from({ length: steps }, (_, i) => chance(logits.subarray(i * count, (i + 1) * count), y.data[i]!)),
    loss: exact.values.get(g.loss)!.data[0]!,
    layers,
  };
}

/** Softmax's share of one. */
function chance(logits: ArrayLike<number> & Iterable<number>, at: number): number {
  const top = Math.max(...logits);
  let sum = 0;
  for (const z of logits) sum += Math.exp(z - top);
  return Math.exp(logits[at]! - top) / sum;
}
