import type { Backend } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { firstNotFinite, type NdArray, unravel, zeros } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import { unpackParameters } from "../../nn/parameters.ts";
import { multiplyAdds } from "../../nn/shapes.ts";
import { fuse } from "../../ops/fuse.ts";
import { batchIndex } from "../../ops/step/batch.ts";
import { CONTROL, LEAST_SCALE } from "../../ops/step/control.ts";
import { startCursor } from "../../ops/step/record.ts";
import { idealValues, propagateBounds } from "../../proof/propagate.ts";
import type { Rows } from "../data/row-source.ts";
import { isResident, sourceOf } from "../data/row-source.ts";
import { type GradientGraph, gradientGraph } from "../run/gradient-graph.ts";
import type { ResolvedOptions } from "../run/options.ts";
import type { HalfSteps } from "./precision.ts";

/** Multiply-adds of the f64 pass that makes the bound: rows beyond are left out, so that it takes a few seconds at most. */
const WORK = 3e8;
/**
 * The share of a gradient's norm that halves may cost. Rounding alone costs some thousandths, and a rectifier whose input
 * is within rounding of zero some hundredths; a gradient whose terms fell below the least half loses most of itself.
 */
const MOST_LOST = 1 / 4;
/**
 * A gradient of less than this share of all of them together is judged as if it had so much: a bias in front of batch norm
 * has none at all, and what halves leave there is rounding of what cancels.
 */
const LEAST_SHARE = 1e-3;

/** Loss and gradients by name. */
type Found = ReadonlyMap<string, NdArray>;

/**
 * Takes loss and gradients of the run's first batch in f16 and in f32 on this backend, and refuses f16 where they are
 * further apart than halves explain: an element beyond the bound that rounding to halves (u = 2^-11 each) allows when it is
 * carried through the whole net, or a gradient of which a quarter is gone. It refuses and does not fall back, since f16 was
 * asked for by name, and a run in another precision than its settings say cannot be repeated from them. The error has the
 * code "precision" and names the tensor.
 */
export async function requireParity(backend: Backend, options: ResolvedOptions, steps: HalfSteps): Promise<void> {
  const { model, weights, seed, maxBufferSize, penalty } = options;
  const { lossScale } = options.halves!;
  const { x, y, lengths } = await firstRows(options);
  const graphOf = (by: number | null): Promise<GradientGraph> => {
    const halves = by === null ? null : { scale: by, steps };
    return gradientGraph(model, weights, x, y, { seed, maxBufferSize, penalty, halves, ...(lengths && { lengths }) });
  };
  const wide = await onBackend(backend, await graphOf(null));
  // A batch that is not finite in f32 is not for f16 to answer for: the run itself reports it.
  if ([...wide.values()].some((g) => firstNotFinite(g.data) >= 0)) return;
  const scale = { value: steps.firstControl(lossScale).data[CONTROL.scale]! };
  const half = await onBackend(backend, await graphOf(scale.value), lossScale === "dynamic" ? { scale, steps } : null);
  for (const [name, g] of half) {
    const at = firstNotFinite(g.data);
    if (at >= 0) throw refusal(`${name} is ${g.data[at]} at ${place(at, g)}, finite in f32`, scale.value);
  }
  const bounds = await boundsOf(await graphOf(scale.value));
  const all = [...wide].reduce((sum, [name, g]) => (name === LOSS ? sum : sum + squares(g)), 0);
  for (const [name, g] of half) {
    const [by, least] = name === LOSS ? [1, 0] : [scale.value, LEAST_SHARE ** 2 * all];
    compareOne(name, g, wide.get(name)!, bounds.get(name)!, { by, least, scale: scale.value });
  }
}

function squares({ data }: NdArray): number {
  let sum = 0;
  for (const v of data) sum += v * v;
  return sum;
}

/** The name of what is no gradient, and not scaled. */
const LOSS = "the loss";

interface Judged {
  /** What the values in f16, and the bound, are multiplied by. */
  readonly by: number;
  /** The least square of a norm that a difference is held against. */
  readonly least: number;
  readonly scale: number;
}

function compareOne(name: string, half: NdArray, wide: NdArray, bound: NdArray, { by, least, scale }: Judged): void {
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
  const share = Math.sqrt(lost / Math.max(size, least));
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
function firstRows({ data, batch, seed, model }: ResolvedOptions): Promise<Rows> {
  const n = data.x.shape[0]!;
  const most = Math.max(1, Math.floor(WORK / (6 * (1 + multiplyAdds(model)))));
  const count = Math.min(batch === "full" ? n : batch, most);
  const order = batch === "full" ? "sequential" : "shuffle";
  const [index] = batchIndex.reference([startCursor()], { order, batch: count, n, seed });
  const source = isResident(data) ? sourceOf(data) : data;
  return source.read(Uint32Array.from(index!.data));
}

/** Loss and gradients. With `moves` the scale is halved until they are finite, as the run itself would. */
async function onBackend(
  backend: Backend,
  g: GradientGraph,
  moves: { readonly scale: { value: number }; readonly steps: HalfSteps } | null = null,
): Promise<Found> {
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph), onChip: false });
  try {
    for (;;) {
      const [loss, ...flats] = (await executor.run(1, [g.loss, ...g.flatGradients])) as [NdArray, ...NdArray[]];
      const finite = flats.every((flat) => firstNotFinite(flat.data) < 0);
      if (finite || !moves || moves.scale.value <= LEAST_SCALE) {
        const gradients = unpackParameters(g.groups, flats);
        return new Map([[LOSS, loss], ...[...gradients].map(([name, dw]) => [gradientOf(name), dw] as const)]);
      }
      moves.scale.value /= 2;
      executor.write(g.control!, moves.steps.firstControl(moves.scale.value));
    }
  } finally {
    executor.dispose();
  }
}

const gradientOf = (name: string): string => `the gradient of ${name}`;

/** How far each may be off, from the f64 values of what the net stands for. */
async function boundsOf(g: GradientGraph): Promise<Found> {
  const bounds = await propagateBounds(g.graph, await idealValues(g.graph), "webgpu");
  const of = (t: Tensor): NdArray => bounds.get(t) ?? zeros(t.shape, "f64");
  const gradients = [...g.parameters].map(([name, { gradient }]) => [gradientOf(name), of(gradient)] as const);
  return new Map([[LOSS, of(g.loss)], ...gradients]);
}
