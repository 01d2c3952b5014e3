import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { Checkpoint } from "../../io/checkpoint/checkpoint.ts";
import { isArray, type Packed } from "../../io/checkpoint/packed.ts";
import { identityKey, type RunIdentity, runIdentity } from "../../io/checkpoint/run-identity.ts";
import { Checkpoints, restoreCheckpoint } from "../../io/checkpoint/slots.ts";
import { CurveRecorder, type RecordedCurve } from "../state/curve.ts";
import { candidatesFor } from "./devices.ts";
import { news } from "./news.ts";
import { opfsStore } from "./opfs-store.ts";
import { configure, current, deviceFor, type Session } from "./session.ts";
import type { ResumedRun, SavedRun } from "./types.ts";

/** States above this are not kept: reading and writing them would hold up training for seconds. */
const MOST_BYTES = 256 * 2 ** 20;
/** How long another tab, or this page before its reload, may hold on to a run. */
const LOCK_MS = 3000;

/** Where a session's checkpoints go. */
interface Saver {
  readonly run: RunIdentity;
  readonly checkpoints: Checkpoints;
}

/** Null for a session that is not kept: broken on purpose, or trained in another tab too. */
const savers = new WeakMap<Session, Promise<Saver | null>>();
let unlock: (() => void) | null = null;
/** One is opened after another, since each lets go of the lock of the one before. */
let opening: Promise<unknown> = Promise.resolve();

function saverOf(session: Session): Promise<Saver | null> {
  let saver = savers.get(session);
  if (!saver) {
    saver = opening.then(() => openSaver(session));
    opening = saver.catch(() => undefined);
    savers.set(session, saver);
  }
  return saver;
}

async function openSaver(session: Session): Promise<Saver | null> {
  unlock?.();
  unlock = null;
  if (session.settings.fault !== "none" || !globalThis.crypto?.subtle || !navigator.storage?.getDirectory) return null;
  const run = await runIdentity(session.trainer.options);
  const key = await identityKey(run);
  if (!(await lock(key))) return null;
  return { run, checkpoints: await Checkpoints.open(opfsStore(key)) };
}

/** Two tabs with the same run must not write into one another's files. The lock goes with the worker. */
function lock(key: string): Promise<boolean> {
  return new Promise((resolve) => {
    const hold = (): Promise<void> =>
      new Promise((release) => {
        unlock = release;
        resolve(true);
      });
    navigator.locks
      .request(`chainrule run ${key}`, { signal: AbortSignal.timeout(LOCK_MS) }, hold)
      .catch(() => resolve(false));
  });
}

/** A run like this one that was kept, where it is further than this one is. */
export async function lookFor(session: Session): Promise<SavedRun | null> {
  const found = (await saverOf(session))?.checkpoints.found;
  if (!found || found.state.step <= session.trainer.stepsTaken) return null;
  const { description } = found.device;
  const here = await candidatesFor(deviceFor(session.settings, found.device));
  const elsewhere = here.some((backend) => backend.description === description) ? null : description;
  return { step: found.state.step, elsewhere };
}

/**
 * Keeps the run as it is, between two stretches of steps. A checkpoint that is further stays, since this run will come
 * by there. Gives the reason where that failed, null where it did not; training goes on either way.
 */
export async function save(session: Session): Promise<string | null> {
  try {
    const saver = await saverOf(session);
    if (!saver || session.trainer.stepsTaken <= (saver.checkpoints.step ?? 0)) return null;
    const { liveBytes } = session.trainer.memory();
    if (liveBytes > MOST_BYTES)
      return `${Math.round(liveBytes / 2 ** 20)} MiB; at most ${MOST_BYTES / 2 ** 20} MiB are kept`;
    await saver.checkpoints.save(session.trainer, saver.run, extraOf(session));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export async function discard(session: Session): Promise<void> {
  await (await saverOf(session))?.checkpoints.discard();
}

/** Goes on from what was kept: on the same kind of device, with the same kernels, at the same step, with its curves. */
export async function goOn(): Promise<ResumedRun> {
  const session = current();
  const saver = saverOf(session);
  const checkpoint = (await saver)?.checkpoints.found;
  if (!checkpoint) throw new ChainruleError("usage", "no run of these settings is kept");
  const info = await configure(session.settings, checkpoint.device);
  const now = current();
  savers.set(now, saver);
  await restoreCheckpoint(now.trainer, checkpoint);
  takeExtra(now, checkpoint);
  return { info, progress: await news({ picture: true }), evaluations: now.evaluations };
}

/** Columns of an evaluation in a file: step, loss, accuracy (NaN where there is none). */
const EVALUATION = 3;

function extraOf({ recorder, evaluations }: Session): Packed {
  const { numbers, points } = recorder.record();
  const flat = evaluations.flatMap((e) => [e.step, e.loss, e.accuracy ?? Number.NaN]);
  const array = (values: ArrayLike<number>): NdArray => ndarray([values.length], "f64", values);
  return { numbers: array(numbers), points: array(points), evaluations: array(flat) };
}

/** What is missing or of another version leaves the curve to begin at the checkpoint. */
function takeExtra(session: Session, { extra }: Checkpoint): void {
  const parts = (extra ?? {}) as Readonly<Record<string, Packed>>;
  const values = (name: string): Float64Array => {
    const part = parts[name];
    return isArray(part) && part.dtype === "f64" ? (part.data as Float64Array) : new Float64Array();
  };
  const recorded: RecordedCurve = { numbers: values("numbers"), points: values("points") };
  session.recorder = CurveRecorder.from(recorded);
  const flat = values("evaluations");
  for (let at = 0; at + EVALUATION <= flat.length; at += EVALUATION) {
    const [step, loss, accuracy] = flat.subarray(at, at + EVALUATION) as unknown as readonly [number, number, number];
    session.evaluations.push({ step, loss, accuracy: Number.isNaN(accuracy) ? null : accuracy });
  }
}
