import type { Backend } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import type { Node, TensorSpec } from "../../graph/graph.ts";
import type { ResolvedOptions } from "../run/options.ts";
import type { TrainingGraph } from "../run/training-graph.ts";

/**
 * What would fit where a run does not: loaded only when one has failed. What the trainer has loaded already is given and
 * not imported: a module that two chunks of a bundle share becomes a chunk of its own, and the first load grows.
 */

type Change = Partial<Pick<ResolvedOptions, "batch" | "maxDataBytes" | "recompute">>;

/** A run of these options as a graph, the nodes that run, the values of its state, and rows of an evaluation's batch. */
export type LaidOut = (options: ResolvedOptions) => Promise<{
  readonly plan: TrainingGraph;
  readonly nodes: readonly Node[];
  readonly state: readonly TensorSpec[];
  readonly evalBatch: number;
}>;

/** Known answers of kernels that a later graph is the first to use, on arrays of thousands of elements. */
const KNOWN_ANSWERS = 2 ** 21;

/** Every value takes four bytes. */
const bytesOf = ({ shape }: { readonly shape: readonly number[] }): number => 4 * shape.reduce((a, b) => a * b, 1);
const sum = (values: readonly { readonly shape: readonly number[] }[]): number =>
  values.reduce((total, t) => total + bytesOf(t), 0);

/**
 * What lies beside a run: readings that are on their way at once (see Trainer.run), the copy of the state, which takes
 * any buffer that it fits, and what an evaluation of the training and the test rows takes, whose arrays are their own.
 */
function beside(
  laid: Awaited<ReturnType<LaidOut>>,
  { model, data, test, maxDataBytes }: ResolvedOptions,
): readonly number[] {
  const ring = bytesOf(laid.plan.ring);
  const parameters = sum([...laid.plan.groups, ...laid.plan.frozen].map((group) => group.flat));
  const widths = model.layers.reduce((total, l) => total + (l.type === "linear" ? l.in + l.out : 0), 0);
  const sets = test ? [data, test] : [data];
  const evaluations = sets.map(({ x, y }) => {
    const rows = Math.min(maxDataBytes, bytesOf(x)) + Math.min(maxDataBytes, bytesOf(y));
    return Math.ceil((rows + ring + parameters + 8 * laid.evalBatch * widths) / 4) * 4;
  });
  return [ring, ring, Math.max(ring, sum(laid.state)), KNOWN_ANSWERS, ...evaluations];
}

/** The error with the largest batch that this device has room for, or what else would fit, in its message. */
export async function withLargestBatch(
  backend: Backend,
  options: ResolvedOptions,
  error: ChainruleError,
  layOut: LaidOut,
): Promise<Error> {
  if (!backend.probeMemory) return error;
  /** Bytes of the run with something changed; null where that does not fit either. */
  const room = async (change: Change): Promise<number | null> => {
    try {
      const given = { ...options, ...change };
      const laid = await layOut(given);
      return await backend.probeMemory!(laid.plan.graph, laid.nodes, beside(laid, given));
    } catch (failure) {
      if (failure instanceof ChainruleError && failure.code === "limit") return null;
      throw failure;
    }
  };
  try {
    const again = await computedAgain(options, room);
    const smaller = (await smallerBatch(options, room)) ?? (await streamedRows(options, room));
    const advice = [again, smaller].filter((found) => found !== null).join(". ") || NOTHING;
    return new ChainruleError("limit", `${error.message}. ${advice}`, { cause: error });
  } catch {
    // The device was lost meanwhile, say: what is known is the first error.
    return error;
  }
}

const NOTHING = "Not even a batch of one row would fit, its rows streamed: take a smaller net, or train on the CPU";

type Room = (change: Change) => Promise<number | null>;

/** The run as it was asked for, without most values of its forward pass. */
async function computedAgain({ recompute }: ResolvedOptions, room: Room): Promise<string | null> {
  const bytes = recompute ? null : await room({ recompute: true });
  return bytes === null ? null : `With recompute (--recompute) it would fit as it is, in ${bytes} bytes`;
}

/** By halving: a smaller batch never takes more. */
async function smallerBatch({ data, batch }: ResolvedOptions, room: Room): Promise<string | null> {
  const asked = batch === "full" ? data.x.shape[0]! : batch;
  let [fits, tooLarge, bytes] = [0, asked, 0];
  while (tooLarge - fits > 1) {
    // One row first: where that does not fit, nothing does.
    const middle = fits === 0 ? 1 : Math.floor((fits + tooLarge) / 2);
    const found = await room({ batch: middle });
    if (found === null && fits === 0) return null;
    if (found === null) tooLarge = middle;
    else [fits, bytes] = [middle, found];
  }
  return fits === 0 ? null : `A batch of ${fits} would fit, in ${bytes} bytes; ${asked} were asked for`;
}

/** Batches that are tried where the data set itself is what there is no room for: as asked, and small ones. */
const SMALL_BATCHES = [32, 1];

/** Chunks of the data set, by halving. */
async function streamedRows({ data, batch }: ResolvedOptions, room: Room): Promise<string | null> {
  if (!("data" in data.x && "data" in data.y)) return null;
  const rows = data.x.shape[0]!;
  const all = Math.max(data.x.data.byteLength, data.y.data.byteLength);
  const asked = batch === "full" ? [] : [batch];
  for (const rowsOfStep of [...asked, ...SMALL_BATCHES.filter((n) => batch === "full" || n < batch)]) {
    for (let most = Math.floor(all / 2); most >= (rowsOfStep * all) / rows; most = Math.floor(most / 2)) {
      const bytes = await room({ batch: rowsOfStep, maxDataBytes: most });
      const smaller = rowsOfStep === batch ? "" : ` and a batch of ${rowsOfStep}`;
      if (bytes !== null)
        return `With maxDataBytes: ${most}${smaller} its rows would stream, and fit in ${bytes} bytes`;
    }
  }
  return null;
}
