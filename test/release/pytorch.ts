import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuBackend } from "../../src/backend/cpu.ts";
import { type NdArray, rows } from "../../src/core/ndarray.ts";
import { permute } from "../../src/core/permute.ts";
import { exportPytorch } from "../../src/io/pytorch/export.ts";
import { readSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { transpose } from "../../src/io/weights/transpose.ts";
import { readWeights } from "../../src/io/weights/weights.ts";
import { unpackParameters } from "../../src/nn/parameters.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { requireResident } from "../../src/train/data/row-source.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { plotCurves } from "./curve-plot.ts";
import { featureRuns, smallRuns } from "./nets.ts";
import { presetRun } from "./presets.ts";
import { inFolder, runProcesses, runPython, Verdict, writeFiles } from "./python.ts";

/**
 * Exports against PyTorch: a run of Chainrule's is exported in its midst and goes on in both. See README.md beside it.
 * Losses of all further steps, weights and moments at the end, gradients of a batch, rows, two processes over gloo, and
 * the way back are compared. With a folder as argument, the curves of the runs on two processes are drawn there.
 */
const curves = process.argv[2];
const verdict = new Verdict();
const backend = await cpuBackend();
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Steps before the export, and behind it. */
const BEFORE = 30;
const BEHIND = 60;
/** Relative to the largest loss: what 60 steps make of float32's rounding. */
const LOSS_LIMIT = 5e-6;
/** By norm of the whole gradient: near a minimum, single ones are the small difference of large numbers. */
const GRADIENT_LIMIT = 2e-6;
/** By norm, of each parameter and each moment. */
const STATE_LIMIT = 1e-4;

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
const away = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Array.from(a, (v, i) => v - b[i]!)) / Math.max(norm(b), 1e-12);
const furthest = (pairs: readonly (readonly [NdArray, NdArray])[]): number =>
  Math.max(
    ...pairs.map(([a, b]) => (a.data.length === b.data.length ? away(a.data, b.data) : Number.POSITIVE_INFINITY)),
  );

async function losses(trainer: Trainer, steps: number): Promise<number[]> {
  const all: number[] = [];
  for await (const { loss } of trainer.run({ steps, onNotFinite: "skip" })) all.push(loss);
  return all;
}

const logged = (file: string): number[] =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line.replace(/NaN|Infinity/, "null")).loss ?? Number.NaN);

/** Largest difference over the largest loss; steps that are not finite must be so in both. */
function curve(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.some((v, i) => Number.isFinite(v) !== Number.isFinite(b[i]))) return Infinity;
  const finite = b.flatMap((v, i) => (Number.isFinite(v) ? [[a[i]!, v] as const] : []));
  return Math.max(...finite.map(([v, w]) => Math.abs(v - w))) / Math.max(...finite.map(([, w]) => Math.abs(w)));
}

/** The losses before the export, where the curves are one, and those of a log behind it. */
const continued = (first: readonly number[], folder: string, name: string): number[] => [
  ...first.map(() => Number.NaN).slice(1),
  first.at(-1)!,
  ...logged(join(folder, `${name}.jsonl`)),
];

const file = (folder: string, name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));

/** Loss and gradients of the first rows, of Chainrule's. */
async function gradients(options: Trainer["options"], weights: ReadonlyMap<string, NdArray>, count: number) {
  const { model, seed, maxBufferSize } = options;
  const data = requireResident(options.data);
  const g = await gradientGraph(model, weights, rows(data.x, 0, count), rows(data.y, 0, count), {
    seed,
    maxBufferSize,
  });
  const executor = await backend.compile(g.graph);
  const [loss, ...flats] = await executor.run(1, [g.loss, ...g.flatGradients]);
  executor.dispose();
  return { loss: loss!, gradients: unpackParameters(g.groups, flats) };
}

async function goOn(name: string, given: TrainerOptions, processes: boolean): Promise<void> {
  await inFolder(async (folder) => {
    const trainer = await createTrainer(backend, given);
    const first = await losses(trainer, BEFORE);
    const state = await trainer.state();
    writeFiles(folder, exportPytorch(trainer.options, state));

    const count = Math.min(16, given.data.x.shape[0]!);
    const graded = runPython(
      [here("gradients.py"), ".", `${count}`, "g.safetensors", `${trainer.options.seed}`],
      folder,
    );
    if (graded.status !== 0) return verdict.say(`${name}: gradients`, false, graded.err.slice(-400));
    const theirs = readSafetensors(file(folder, "g.safetensors")).tensors;
    const ours = await gradients(trainer.options, state.parameters, count);
    const [a, b] = [...ours.gradients].reduce(
      ([all, others], [n, d]) => [
        [...all, ...(d.shape.length === 2 ? transpose(d) : d).data],
        [...others, ...theirs.get(n)!.data],
      ],
      [[], []] as [number[], number[]],
    );
    const gradientOff = a.length === b.length ? away(a, b) : Number.POSITIVE_INFINITY;
    const gradedOff = away(ours.loss.data, theirs.get("loss")!.data);
    verdict.say(
      `${name}: loss and gradients`,
      Math.max(gradientOff, gradedOff) < GRADIENT_LIMIT,
      `loss ${gradedOff.toExponential(1)}, gradients ${gradientOff.toExponential(1)}`,
    );

    const flags = ["train.py", "--steps", `${BEHIND}`, "--log", "log.jsonl", "--save", "out"];
    const ran = runPython(flags, folder);
    if (ran.status !== 0) return verdict.say(`${name}: goes on`, false, ran.err.slice(-400));
    const further = await losses(trainer, BEHIND);
    const lossOff = curve(logged(join(folder, "log.jsonl")), further);
    const end = await trainer.state();
    const exported = exportPytorch(trainer.options, end);
    const parts = ["model", "optimizer", ...(state.average ? ["average"] : [])];
    const stateOff = parts.map((part) => {
      const a = readSafetensors(file(folder, `out/${part}.safetensors`)).tensors;
      const b = readSafetensors(exported.get(`${part}.safetensors`) as Uint8Array).tensors;
      return furthest([...b].map(([n, value]) => [a.get(n)!, value] as const));
    });
    verdict.say(
      `${name}: ${BEHIND} steps on`,
      lossOff < LOSS_LIMIT && stateOff.every((off) => off < STATE_LIMIT),
      `losses ${lossOff.toExponential(1)}, weights ${stateOff[0]!.toExponential(1)}${state.moments.length > 0 ? `, moments ${stateOff[1]!.toExponential(1)}` : ""}${state.average ? `, average ${stateOff[2]!.toExponential(1)}` : ""}`,
    );

    const weights = readWeights(file(folder, "out/model.safetensors"), trainer.options.model);
    const back = await createTrainer(backend, { ...given, weights });
    const ourLoss = (await back.evaluate("train"))!.loss;
    const theirLoss = (JSON.parse(/^train (.*)$/m.exec(ran.out)![1]!.replace("Infinity", "1e999")) as { loss: number })
      .loss;
    const backOff = ourLoss === theirLoss ? 0 : Math.abs(ourLoss - theirLoss) / Math.max(Math.abs(theirLoss), 1e-3);
    verdict.say(`${name}: back again`, backOff < 1e-5, `loss ${ourLoss} here, ${theirLoss} there`);
    back.dispose();
    trainer.dispose();

    if (!processes) return;
    const two = await runProcesses(2, ["train.py", "--steps", `${BEHIND}`, "--log", "two.jsonl"], folder);
    if (two.status !== 0) return verdict.say(`${name}: two processes`, false, two.err.slice(-400));
    const twoOff = curve(logged(join(folder, "two.jsonl")), logged(join(folder, "log.jsonl")));
    verdict.say(`${name}: two processes`, twoOff < LOSS_LIMIT, `losses ${twoOff.toExponential(1)} from one process's`);
    if (!curves) return;
    const title = `${name}: exported after step ${BEFORE}, and taken on by both`;
    const plot = plotCurves(title, [
      { name: "Chainrule", colour: "#90cdf4", dash: "", losses: [...first, ...further] },
      { name: "PyTorch, one process", colour: "#c05621", dash: "8 5", losses: continued(first, folder, "log") },
      { name: "PyTorch, two processes", colour: "#1a202c", dash: "2 5", losses: continued(first, folder, "two") },
    ]);
    writeFiles(curves, [[`${name.replaceAll(/\W+/g, "-")}.svg`, plot]]);
  });
}

/** rows.py's rows against core/permute.ts's. */
async function sameRows(): Promise<void> {
  const questions = [1, 2, 3, 5, 100, 1797, 60_000, 2 ** 20 + 1].flatMap((n) =>
    [1, 7, 32].flatMap((batch) =>
      [0, 1, 999, 123_456].map((step): [number, number, number, number] => [step, batch, n, (n * 7919 + step) >>> 0]),
    ),
  );
  questions.push([3, 5, 10, 2 ** 32 - 1], [70_000, 65_536, 1000, 1]);
  const ours = questions.map(([step, batch, n, seed]) =>
    Array.from({ length: batch }, (_, i) => {
      const position = step * batch + i;
      return permute(seed, Math.floor(position / n), position % n, n);
    }),
  );
  await inFolder(async (folder) => {
    const trainer = await createTrainer(backend, smallRuns()[0]![1]);
    writeFiles(folder, exportPytorch(trainer.options, await trainer.state()));
    writeFiles(folder, [["questions.json", JSON.stringify(questions)]]);
    const ran = runPython([here("ask-rows.py"), ".", "questions.json"], folder);
    const theirs = ran.status === 0 ? (JSON.parse(ran.out) as number[][]) : [];
    const wrong = ours.filter((list, i) => JSON.stringify(list) !== JSON.stringify(theirs[i]));
    verdict.say(
      "rows",
      wrong.length === 0,
      `${questions.length} batches, ${wrong.length} differ ${ran.err.slice(-300)}`,
    );
    trainer.dispose();
  });
}

/** A run in which one row makes every batch that holds it infinite, so that those steps are left out. */
function wildRow(): TrainerOptions {
  const given = smallRuns().find(([name]) => name === "optimizer adam")![1];
  const data = requireResident(given.data);
  const y = data.y.data.slice();
  y[3 * 45] = 3e30; // row 45
  return { ...given, data: { x: data.x, y: { ...data.y, data: y } }, batch: 3 };
}

await sameRows();
await goOn("steps left out", wildRow(), true);
const inTwo = new Set([
  "every layer",
  "optimizer adam",
  "loss sumSquaredError",
  "clipped",
  "layer dropout",
  "all rows",
]);
for (const [name, options] of smallRuns()) await goOn(name, options, inTwo.has(name));
for (const [name, options] of featureRuns()) await goOn(name, options, true);
for (const name of ["tutorial", "tutorial-as-published", "xor", "iris", "spirals", "digits", "fashion"]) {
  await goOn(`preset ${name}`, await presetRun(name), name === "digits");
}
backend.dispose();
verdict.end();
