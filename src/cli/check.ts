import type { Backend } from "../backend/executor.ts";
import type { FiniteDifferenceResult } from "../check/finite-differences.ts";
import { checkGradients, type GradientReport, type TensorCheck } from "../check/gradients.ts";
import { continueTutorial } from "../check/tutorial-story.ts";
import { short } from "../core/format.ts";
import { rows, shapeText } from "../core/ndarray.ts";
import { defaultInitialiser, type Initialiser, initialise, initialisers, withFirstAdapters } from "../nn/initialise.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { requireFits } from "../nn/parameters.ts";
import { randomBatch } from "../nn/random-batch.ts";
import { multiplyAdds } from "../nn/shapes.ts";
import { matchRows } from "../train/data/match-rows.ts";
import { requireResident } from "../train/data/row-source.ts";
import { type Precision, precisions } from "../train/f16/precision.ts";
import { fineTuneOptions, startOf } from "./adapter-flags.ts";
import { backendChoices, openBackend } from "./backend.ts";
import { dataFlags } from "./data-flags.ts";
import { clearProgress, everySoOften, print, table } from "./output.ts";
import { rowShapeOf } from "./run-data.ts";
import { loadData, loadModelFor } from "./sources.ts";
import { isText, textData } from "./text-data.ts";
import { penaltyFlags } from "./train-settings.ts";
import { choiceFlag, countFlag, parse } from "./usage.ts";
import { weightsOptions } from "./weights-flags.ts";

const help = `Usage: chainrule check <model.json|preset> [options]

Proves the gradients of a model on one batch, tensor by tensor: the device's values against the CPU's f64 inside
a propagated bound, and the f64 against finite differences. Exits 1 when a tensor fails.

  --data <preset|file>   where the batch comes from (its first rows); drawn from the seed by default
  --label <column>       CSV: the column to predict
  --weights <file>       .safetensors, .npz or PyTorch's .pt; drawn from the seed by default
  --match-weights, --weights-key
                         as for train
  --freeze, --lora, --adapter
                         as for train: the gradients of what is trained are checked
  --init <how>           uniform01, he, xavier or zeros
  --batch <N>            rows (default 32; of a large net fewer, at least 2)
  --l1 <X>  --l2 <X>     check the loss with the penalties that train adds
  --seed <N>             weights and dropout masks (default 1)
  --backend <B>          auto (default), webgpu, cpu or reference
  --precision <P>        f32 (default) or f16: products of halves, against the bound that halves allow
  --json                 the whole report as JSON`;

const options = {
  data: { type: "string" },
  label: { type: "string" },
  ...weightsOptions,
  ...fineTuneOptions,
  init: { type: "string" },
  batch: { type: "string" },
  l1: { type: "string" },
  l2: { type: "string" },
  seed: { type: "string" },
  backend: { type: "string" },
  precision: { type: "string" },
} as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const name = positionals[0]!;
  const flags = dataFlags({ label: values.label });
  const { model: loaded, preset } = await loadModelFor(name, () => rowShapeOf(values.data, flags));
  const { model, weights: read } = await startOf(values, loaded, "f64");
  const source = values.data ?? preset?.data;
  const seed = countFlag("seed", values.seed, 0) ?? preset?.seed ?? 1;
  const init = choiceFlag<Initialiser>("init", values.init, initialisers) ?? preset?.init ?? defaultInitialiser(model);
  const batch = countFlag("batch", values.batch) ?? defaultRows(model);
  const penalty = penaltyFlags(values);
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "auto";
  const precision = choiceFlag("precision", values.precision, precisions) ?? "f32";
  const data =
    source === undefined
      ? randomBatch(model, batch, seed)
      : isText(source, model, flags)
        ? requireResident((await textData(source, flags, model)).train)
        : (await loadData({ source, flags, seed }, model)).train;
  const n = Math.min(batch, data.x.shape[0]!);
  const some = "lengths" in data && data.lengths && { lengths: rows(data.lengths, 0, n) };
  const { x, y, lengths } = matchRows(model, { x: rows(data.x, 0, n), y: rows(data.y, 0, n), ...some }, "batch");
  const backend: Backend = await openBackend(choice);
  requireFits(model, backend.limits.maxBufferSize);
  const weights = read ? withFirstAdapters(model, read, seed) : initialise(model, seed, init);
  const say = everySoOften();
  const report = await checkGradients({
    ...{ model, weights, x, y, backend, seed, precision, ...(lengths && { lengths }) },
    ...(penalty ? { penalty } : {}),
    ...(n * multiplyAdds(model) > LARGE && { finiteWork: MOST_FINITE_WORK }),
    onProgress: (done, of) => say(`checked ${done} of ${of} values`),
  });
  clearProgress();
  const story = name.startsWith("tutorial") && !values.weights ? await continueTutorial(name) : null;
  if (values.json) print(JSON.stringify({ model: name, batch: n, precision, ...report, story }));
  else {
    print(reportText(report, n, precision));
    if (story) print(story.text);
  }
  backend.dispose();
  return report.pass ? 0 : 1;
}

/** Multiply-adds of a batch that f64 in plain loops can do in a second or so; from LARGE on differences share their work. */
const MOST_WORK = 6e7;
const LARGE = 1e7;
const MOST_FINITE_WORK = 2e10;

/** Rows that are checked unasked: 32, and of a large net so many that it ends within minutes, but two for batch norm. */
function defaultRows(model: ModelSpec): number {
  return Math.max(2, Math.min(32, Math.floor(MOST_WORK / Math.max(1, multiplyAdds(model)))));
}

function reportText(report: GradientReport, batch: number, precision: Precision): string {
  const header = [
    "tensor",
    "shape",
    "max abs",
    "max rel",
    "of bound",
    "norm rel",
    "cosine",
    "differences",
    "worst element",
    "verdict",
  ];
  const lines = report.tensors.filter((t) => t.kind === "gradient" || !t.pass).map(row);
  const verdict = report.pass
    ? `PASS: every gradient is right on ${report.backend} (batch of ${batch}${precision === "f16" ? ", products of halves" : ""})`
    : report.firstDivergent
      ? `FAIL: ${blame(report)}`
      : "FAIL: the gradients are zero, or nothing but rounding, so nothing was shown; use other weights";
  return `${table(header, lines)}\n\n${verdict}`;
}

function row(t: TensorCheck): string[] {
  const { device: d, finite: f } = t;
  const worst = d && (f?.pass ?? true) ? `[${d.worst.index.join(",")}]` : f ? `[${f.worst.index.join(",")}]` : "";
  return [
    t.name,
    shapeText(t.shape),
    d ? short(d.maxAbsolute) : "-",
    d ? short(d.maxRelative) : "-",
    d ? `${(100 * d.worstRatio).toFixed(2)} %` : "-",
    d ? short(d.normRelative) : "-",
    d ? d.cosine.toFixed(9) : "-",
    f ? differencesText(f) : "-",
    worst,
    t.pass ? (t.conclusive ? "ok" : "says nothing") : "WRONG",
  ];
}

/** What went wrong, where: the first tensor in the order of computation. */
function blame(report: GradientReport): string {
  const first = report.tensors.find((t) => t.name === report.firstDivergent)!;
  const { finite, device } = first;
  if (finite && !finite.pass) {
    const { index, analytic, numeric } = finite.worst;
    const where = index[0] === -1 ? "along a random direction" : `at [${index.join(", ")}]`;
    return `${first.name} goes wrong first: ${where} the gradient rule gives ${short(analytic)}, the loss itself changes by ${short(numeric)}`;
  }
  const { index, computed, exact, bound } = device!.worst;
  return `${first.name} goes wrong first: at [${index.join(", ")}] the device has ${short(computed)}, f64 has ${short(exact)}, the bound is ${short(bound)}`;
}

/** Where every element that was looked at lies on a kink, differences show nothing, and say so. */
function differencesText({ pass, checked, size, maxError }: FiniteDifferenceResult): string {
  if (!pass) return `off by ${short(maxError)}`;
  return checked === 0 ? `on kinks (0 of ${size})` : `ok (${checked} of ${size})`;
}
