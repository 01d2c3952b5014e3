import { CONTROL, LEAST_SCALE } from "../../shaders/control-places.ts";
import type { Backend } from "../backend/executor.ts";
import { ChainruleError } from "../core/errors.ts";
import { firstNotFinite, type NdArray, unravel, zeros } from "../core/ndarray.ts";
import type { Tensor } from "../graph/graph.ts";
import { idealValues, propagateBounds } from "../graph/propagate.ts";
import type { unpackParameters } from "../nn/parameters.ts";
import type { batchIndex } from "../ops/batch.ts";
import type { fuse } from "../ops/fuse.ts";
import type { GradientGraph, gradientGraph } from "./gradient-graph.ts";
import type { ResolvedOptions, Rows } from "./options.ts";
import type { HalfSteps } from "./precision.ts";
import type { RowSource } from "./row-source.ts";

/** Multiply-adds of the f64 pass that makes the bound: rows beyond are left out, so that it takes a few seconds at most. */
const WORK = 2e9;
/**
 * The share of a gradient's norm that halves may cost. Rounding alone costs some thousandths, and a rectifier whose input
 * is within rounding of zero some hundredths; a gradient whose terms fell below the least half loses most of itself.
 */
const MOST_LOST = 1 / 4;

/**
 * A run that is about to begin, and what this takes of the trainer's own code: handed over, since bundlers would cut what
 * both import out of the trainer's file.
 */
export interface ParityRun {
  readonly backend: Backend;
  readonly options: ResolvedOptions;
  readonly steps: HalfSteps;
  readonly source: RowSource;
  /** u32 [4], as a run begins. */
  readonly cursor: NdArray;
  readonly gradientGraph: typeof gradientGraph;
  readonly fuse: typeof fuse;
  readonly unpackParameters: typeof unpackParameters;
  readonly batchIndex: typeof batchIndex;
}

/** Loss and gradients by name. */
type Found = ReadonlyMap<string, NdArray>;

/**
 * Takes loss and gradients of the run's first batch in f16 and in f32 on this backend, and refuses f16 where they are
 * further apart than halves explain: an element beyond the bound that rounding to halves (u = 2^-11 each) allows when it is
 * carried through the whole net, or a gradient of which a quarter is gone. It refuses and does not fall back, since f16 was
 * asked for by name, and a run in another precision than its settings say cannot be repeated from them. The error has the
 * code "precision" and names the tensor.
 */
export async function requireParity(run: ParityRun): Promise<void> {
  const { options, steps } = run;
  const { model, weights, seed, maxBufferSize, penalty } = options;
  const { lossScale } = options.halves!;
  const { x, y } = await firstRows(run);
  const graphOf = (by: number | null): Promise<GradientGraph> => {
    const halves = by === null ? null : { scale: by, steps };
    return run.gradientGraph(model, weights, x, y, { seed, maxBufferSize, penalty, halves });
  };
  const wide = await onBackend(run, await graphOf(null), null);
  // A batch that is not finite in f32 is not for f16 to answer for: the run itself reports it.
  if ([...wide.values()].some((g) => firstNotFinite(g.data) >= 0)) return;
  const scale = { value: steps.firstControl(lossScale).data[CONTROL.scale]! };
  const half = await onBackend(run, await graphOf(scale.value), lossScale === "dynamic" ? scale : null);
  for (const [name, g] of half) {
    const at = firstNotFinite(g.data);
    if (at >= 0) throw refusal(`${name} is ${g.data[at]} at ${place(at, g)}, finite in f32`, scale.value);
  }
  const bounds = await boundsOf(await graphOf(scale.value));
  for (const [name, g] of half) {
    compareOne(name, g, wide.get(name)!, bounds.get(name)!, name === LOSS ? 1 : scale.value, scale.value);
  }
}

/** The name of what is no gradient, and not scaled. */
const LOSS = "the loss";

/** `by` is what the values in f16, and the bound, are multiplied by. */
function compareOne(name: string, half: NdArray, wide: NdArray, bound: NdArray, by: number, scale: number): void {
  let lost = 0;
  let size = 0;
  for (let i = 0; i < half.data.length; i++) {
    const [h, w] = [half.data[i]! / by, wide.data[i]!];
    const off = Math.abs(h - w);
    // Both may be off, the f32 by far less.
    const allowed = (2 * bound.data[i]!) / by;
    if (off > allowed) {
      const what = `${name} at ${place(i, half)} is ${short(h)}, in f32 ${short(w)}: rounding to halves explains a difference of ${short(allowed)}`;
      throw refusal(what, scale);
    }
    lost += off * off;
    size += w * w;
  }
  const share = Math.sqrt(lost / size);
  if (size > 0 && share > MOST_LOST) {
    const percent = `${Math.round(100 * share)} %`;
    throw refusal(`${name} differs from that in f32 by ${percent} of its norm`, scale);
  }
}

function refusal(what: string, scale: number): ChainruleError {
  return new ChainruleError(
    "precision",
    `precision f16: ${what} (first batch, loss scale ${scale}). Train in f32, or give a loss scale that suits`,
  );
}

const short = (value: number): string => value.toPrecision(4);
const place = (i: number, { shape }: NdArray): string => `[${unravel(i, shape).join(", ")}]`;

/** The rows of the run's first step, as many as the check can take. */
function firstRows({ options, source, cursor, batchIndex }: ParityRun): Promise<Rows> {
  const { data, batch, seed, model } = options;
  const n = data.x.shape[0]!;
  const parameters = model.layers.reduce((sum, l) => sum + (l.type === "linear" ? l.in * l.out : 0), 1);
  const most = Math.max(1, Math.floor(WORK / (6 * parameters)));
  const count = Math.min(batch === "full" ? n : batch, most);
  const order = batch === "full" ? "sequential" : "shuffle";
  const [index] = batchIndex.reference([cursor], { order, batch: count, n, seed });
  return source.read(Uint32Array.from(index!.data));
}

/** Loss and gradients. With `scale`, that is halved until they are finite, as the run itself would. */
async function onBackend(run: ParityRun, g: GradientGraph, scale: { value: number } | null): Promise<Found> {
  const executor = await run.backend.compile(g.graph, { nodes: run.fuse(g.graph), onChip: false });
  try {
    for (;;) {
      const [loss, ...flats] = (await executor.run(1, [g.loss, ...g.flatGradients])) as [NdArray, ...NdArray[]];
      const finite = flats.every((flat) => firstNotFinite(flat.data) < 0);
      if (finite || !scale || scale.value <= LEAST_SCALE) {
        const gradients = run.unpackParameters(g.groups, flats);
        return new Map([[LOSS, loss], ...[...gradients].map(([name, dw]) => [gradientOf(name), dw] as const)]);
      }
      scale.value /= 2;
      executor.write(g.control!, run.steps.firstControl(scale.value));
    }
  } finally {
    executor.dispose();
  }
}

const gradientOf = (name: string): string => `the gradient of ${name}`;

/** How far each may be off, from the f64 values of what the net stands for. */
async function boundsOf(g: GradientGraph): Promise<Found> {
  const bounds = await propagateBounds(g.graph, await idealValues(g.graph));
  const of = (t: Tensor): NdArray => bounds.get(t) ?? zeros(t.shape, "f64");
  const gradients = [...g.parameters].map(([name, { gradient }]) => [gradientOf(name), of(gradient)] as const);
  return new Map([[LOSS, of(g.loss)], ...gradients]);
}
