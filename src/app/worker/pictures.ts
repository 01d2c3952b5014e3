import { type NdArray, ndarray, rows } from "../../core/ndarray.ts";
import { multiplyAdds } from "../../nn/shapes.ts";
import { requireResident } from "../../train/data/row-source.ts";
import { Predictor } from "../../train/evaluation/predictor.ts";
import { probabilities } from "../../train/evaluation/probabilities.ts";
import { boundaryFrom, gridFor } from "./boundary.ts";
import { openCpu } from "./devices.ts";
import { current, parametersNow, type Session, trainingRows } from "./session.ts";
import type { Confusion, Mistake, Pictures, WeightPicture } from "./types.ts";

/** Rows that the confusion matrix is counted over, mistakes that are shown, and the weights that are worth sending. */
const MOST_ROWS = 1000;
/** Fewer rows where a row is much work: so many multiply-adds are a few tenths of a second. */
const MOST_WORK = 4e9;
const LEAST_ROWS = 64;
const MISTAKES = 12;
const MOST_INPUTS = 4096;
const MOST_UNITS = 64;

/** Nets made ready to be asked, for one session. */
interface Asked {
  readonly session: Session;
  readonly plane: { readonly net: Predictor; readonly extent: number } | null;
  readonly sample: {
    readonly net: Predictor;
    readonly x: NdArray;
    readonly y: NdArray;
    readonly on: "train" | "test";
  } | null;
  one: Predictor | null;
}

let asked: Asked | null = null;

/** Pictures are asked of the CPU, whatever trains: small batches, and nothing to compile. */
async function askedFor(session: Session, weights: ReadonlyMap<string, NdArray>): Promise<Asked> {
  if (asked?.session === session) return asked;
  asked?.plane?.net.dispose();
  asked?.sample?.net.dispose();
  asked?.one?.dispose();
  const cpu = await openCpu();
  const { model, data, test } = session.trainer.options;
  const grid = gridFor(model, trainingRows().x);
  const on = test ? "test" : "train";
  const from = requireResident(test ?? data);
  const affordable = Math.max(LEAST_ROWS, Math.floor(MOST_WORK / multiplyAdds(model)));
  const n = Math.min(MOST_ROWS, affordable, from.x.shape[0]!);
  const x = rows(from.x, 0, n);
  const labels = session.split[on]!.y;
  asked = {
    session,
    plane: grid && { net: await Predictor.create(cpu, model, weights, grid.rows), extent: grid.extent },
    sample:
      labels.dtype === "i32"
        ? { net: await Predictor.create(cpu, model, weights, x), x, y: rows(labels, 0, n), on }
        : null,
    one: null,
  };
  return asked;
}

/** All that can be drawn of the net as it is now. */
export async function picturesNow(): Promise<Pictures> {
  // What a text's net makes is asked for by itself.
  if (current().settings.text) return { boundary: null, weights: null, confusion: null };
  const weights = await parametersNow();
  const { plane, sample } = await askedFor(current(), weights);
  return {
    boundary: plane && boundaryFrom(await plane.net.run(weights), plane.extent),
    weights: firstWeights(weights),
    confusion: sample && confusionOf(await sample.net.run(weights), sample, current().split.train.image !== undefined),
  };
}

function firstWeights(weights: ReadonlyMap<string, NdArray>): WeightPicture | null {
  const first = [...weights].find(([name, w]) => name.endsWith(".weight") && w.shape.length > 1)?.[1];
  // A convolution's are shown as filters.
  if (first?.shape.length !== 2) return null;
  const [inputs, all] = first.shape as readonly [number, number];
  if (inputs > MOST_INPUTS) return null;
  const units = Math.min(all, MOST_UNITS);
  const values = Float32Array.from(
    { length: inputs * units },
    (_, k) => first.data[Math.floor(k / units) * all + (k % units)]!,
  );
  return { inputs, units, values };
}

function confusionOf(outputs: NdArray, { x, y, on }: NonNullable<Asked["sample"]>, images: boolean): Confusion {
  const classes = Math.max(2, outputs.shape[1]!);
  const counts = new Int32Array(classes * classes);
  const mistakes: Mistake[] = [];
  for (let i = 0; i < x.shape[0]!; i++) {
    const p = probabilities(outputs, i);
    const probability = p.reduce((a, b) => Math.max(a, b), 0);
    const said = p.indexOf(probability);
    const label = y.data[i]!;
    counts[label * classes + said]!++;
    if (said === label) continue;
    const width = x.shape[1]!;
    const pixels = images ? Float32Array.from(x.data.subarray(i * width, (i + 1) * width)) : null;
    mistakes.push({ label, said, probability, pixels });
  }
  mistakes.sort((a, b) => b.probability - a.probability);
  return { on, classes, counts, mistakes: mistakes.slice(0, MISTAKES) };
}

/** Probabilities of the classes for one row of the user's. */
export async function classify(row: Float32Array): Promise<Float32Array> {
  const weights = await parametersNow();
  const all = await askedFor(current(), weights);
  const x = ndarray([1, row.length], "f32", row);
  all.one ??= await Predictor.create(await openCpu(), current().trainer.options.model, weights, x);
  return probabilities(await all.one.run(weights, x), 0);
}
