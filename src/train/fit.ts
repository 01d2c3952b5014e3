import type { Backend } from "../backend/executor.ts";
import { ChainruleError } from "../core/errors.ts";
import { bytesOf } from "../graph/graph.ts";
import { fuse } from "../ops/fuse.ts";
import { planOf } from "./machinery.ts";
import type { ResolvedOptions } from "./options.ts";
import { isResident } from "./row-source.ts";
import { stateTensors } from "./state.ts";
import type { TrainingGraph } from "./training-graph.ts";

/** What would fit where a run does not: loaded only when one has failed. */

type Change = Partial<Pick<ResolvedOptions, "batch" | "maxDataBytes">>;

/** Readings that are on their way at once, see Trainer.run, and the copy of the state, which takes any buffer it fits. */
function readingsOf(plan: TrainingGraph): readonly number[] {
  const ring = bytesOf(plan.ring);
  const state = stateTensors(plan).reduce((sum, t) => sum + bytesOf(t), 0);
  return [ring, ring, Math.max(ring, state)];
}

/** The error with the largest batch that this device has room for, or what else would fit, in its message. */
export async function withWhatFits(backend: Backend, options: ResolvedOptions, error: ChainruleError): Promise<Error> {
  if (!backend.room) return error;
  /** Bytes of the run with something changed; null where that does not fit either. */
  const room = async (change: Change): Promise<number | null> => {
    try {
      const { plan } = planOf({ ...options, ...change });
      return await backend.room!(plan.graph, fuse(plan.graph), readingsOf(plan));
    } catch (failure) {
      if (failure instanceof ChainruleError && failure.code === "limit") return null;
      throw failure;
    }
  };
  try {
    const advice = (await smallerBatch(options, room)) ?? (await streamedRows(options, room)) ?? NOTHING;
    return new ChainruleError("limit", `${error.message}. ${advice}`, { cause: error });
  } catch {
    // The device was lost meanwhile, say: what is known is the first error.
    return error;
  }
}

const NOTHING = "Not even a batch of one row would fit: take a smaller net, or train on the CPU";

type Room = (change: Change) => Promise<number | null>;

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

/** Where the data set itself is what there is no room for: chunks of it. */
async function streamedRows({ data, batch }: ResolvedOptions, room: Room): Promise<string | null> {
  if (!isResident(data) || batch === "full") return null;
  const all = Math.max(data.x.data.byteLength, data.y.data.byteLength);
  const least = (batch * all) / data.x.shape[0]!;
  for (let maxDataBytes = Math.floor(all / 2); maxDataBytes >= least; maxDataBytes = Math.floor(maxDataBytes / 2)) {
    const bytes = await room({ maxDataBytes });
    if (bytes !== null) return `With maxDataBytes: ${maxDataBytes} its rows would stream, and it would fit in ${bytes}`;
  }
  return null;
}
