import { writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript-5.2";
import { expect, inject, test } from "vitest";
import { tools } from "../../scripts/process.mjs";
import { root, runIn } from "../shared/program.ts";
import { times } from "../shared/thorough.ts";

/** A program of a user's, which names what the library gives. */
const program = `
import {
  type Backend, ChainruleError, cpuBackend, createTrainer, type Gradients, linear, matmul, type ModelSpec, ndarray,
  type NdArray, relu, sequential, type StepMetrics, type Trainer, type TrainerOptions, webgpuBackend,
} from "chainrule";
import { checkGradients, type GradientReport } from "chainrule/check";
import {
  type ByteSource, type DataSplit, loadDataFile, openRowFile, parsePreprocessing, prepareCsv, preprocessingOf,
  preprocessingText, readWeights, type RowFileOptions, splitThreeWays, standardise, writeWeights,
} from "chainrule/io";
import { createNodeGpu, type FileSource, openFileSource } from "chainrule/node";

const model: ModelSpec = sequential([linear(2, 8, { bias: false }), relu(), linear(2)], { loss: "crossEntropy" });
const x: NdArray = ndarray([4, 2], "f32", [0, 0, 0, 1, 1, 0, 1, 1]);
const y = ndarray([4], "i32", [0, 1, 1, 0]);
const options: TrainerOptions = { model, data: { x, y }, batch: "full" };

export async function run(signal: AbortSignal): Promise<GradientReport> {
  using backend: Backend = await webgpuBackend(await createNodeGpu());
  await using found: Trainer = await createTrainer({ ...options, signal, gpu: null });
  const trainer = await createTrainer(backend, options);
  for await (const metrics of trainer.run({ steps: 3, signal })) {
    const { loss }: StepMetrics = metrics;
    loss.toFixed(3);
  }
  const step: StepMetrics = await found.step();
  const gradients: Gradients = await trainer.gradients(x, y, { intermediates: true });
  const dw: NdArray | undefined = gradients.parameters.get("0.weight");
  const product: NdArray = await matmul(await cpuBackend(), x, dw ?? x);
  readWeights(writeWeights(model, await trainer.parameters()), model);
  try {
    await loadDataFile("data.csv", new Uint8Array(product.data.buffer as ArrayBuffer));
  } catch (error) {
    if (error instanceof ChainruleError && error.code === "data") step.step.toFixed();
  }
  const parts: DataSplit = splitThreeWays(await loadDataFile("a.csv", new Uint8Array()), { validation: 0.1, test: 0.2, seed: 1 });
  const kept = preprocessingText(preprocessingOf(standardise(parts).train));
  const rows = prepareCsv("new.csv", "a,b\\n1,2", parsePreprocessing("kept.json", JSON.parse(kept)), "drop");
  await trainer.predict(rows.x);
  const beside: RowFileOptions = { open: (file): Promise<ByteSource> => openFileSource(file), scale: 255 };
  const file: FileSource = await openFileSource("rows.safetensors");
  await trainer.evaluate(await openRowFile(file, beside));
  await file.close();
  // @ts-expect-error: a batch is a number or "full"
  createTrainer(backend, { ...options, batch: "half" });
  // @ts-expect-error: no such layer's option
  linear(2, 8, { biased: true });
  return checkGradients({ model, weights: await trainer.parameters(), x, y, backend, signal });
}
`;

/** Compiler options as tsconfig.json has them. */
type Options = Readonly<Record<string, unknown>>;

const nodenext = { module: "nodenext", moduleResolution: "nodenext" };
const bundler = { module: "esnext", moduleResolution: "bundler" };
const page = { lib: ["es2022", "dom", "esnext.disposable"], types: [] };
/** Without the DOM, as programs for Node are: GPU's types are nowhere then. */
const server = { lib: ["es2023", "esnext.disposable"], types: ["node"] };
const strict = { strict: true, exactOptionalPropertyTypes: true, noEmit: true, target: "es2022" };

/** Writes the program into the user's project. */
function written(text: string): string {
  const file = join(inject("userProject"), "program.ts");
  writeFileSync(file, text);
  return file;
}

/** What the newest compiler says of a program of a user's, the library's declarations and its own included. */
async function complaintsOf(text: string, options: Options): Promise<string[]> {
  const folder = inject("userProject");
  const config = join(folder, "tsconfig.json");
  const compilerOptions = { ...strict, ...options };
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [written(text)] }));
  const compiler = join(root, tools.tsc);
  const { out } = await runIn(folder, process.execPath, [
    compiler,
    "--project",
    config,
    "--listFiles",
    "--pretty",
    "false",
  ]);
  const lines = out.split("\n").filter((line) => line !== "");
  const isFile = (line: string): boolean => /^\/.*\.ts$|^[A-Z]:.*\.ts$/.test(line);
  expect(lines.filter((line) => isFile(line) && /chainrule/.test(line)).length).toBeGreaterThan(20);
  return lines.filter((line) => !isFile(line));
}

/** Files as they were read once: the libraries are the same for every program that reads files alike. */
const files = new Map<string, ts.SourceFile | undefined>();

function hostOf(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (file, ...how) => {
    if (file.endsWith("program.ts")) return read.call(host, file, ...how);
    const key = [options.module, options.target, file].join(" ");
    if (!files.has(key)) files.set(key, read.call(host, file, ...how));
    return files.get(key);
  };
  return host;
}

/** The same of the oldest compiler that the declarations are for. */
function oldComplaintsOf(text: string, asked: Options): string[] {
  const file = written(text);
  const { options, errors } = ts.convertCompilerOptionsFromJson({ ...strict, ...asked }, inject("userProject"));
  expect(errors).toEqual([]);
  const compiled = ts.createProgram([file], options, hostOf(options));
  // TypeScript's own libraries are not looked into: that takes longer than all the rest.
  const sources = compiled
    .getSourceFiles()
    .filter((f) => f === compiled.getSourceFile(file) || /chainrule/.test(f.fileName));
  expect(sources.length).toBeGreaterThan(20);
  const found = [
    ...compiled.getOptionsDiagnostics(),
    ...compiled.getGlobalDiagnostics(),
    ...sources.flatMap((f) => [...compiled.getSyntacticDiagnostics(f), ...compiled.getSemanticDiagnostics(f)]),
  ];
  return found.map((d) => `${d.file?.fileName ?? ""} ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`);
}

test.each([
  ["bundler, page", { ...bundler, ...page, skipLibCheck: false }],
  ["bundler, page, skipLibCheck", { ...bundler, ...page, skipLibCheck: true }],
  ["nodenext, Node, skipLibCheck", { ...nodenext, ...server, skipLibCheck: true }],
  ["nodenext, Node", { ...nodenext, ...server, skipLibCheck: false }],
])("a strict program compiles: %s", async (_name, options) => {
  expect(await complaintsOf(program, options)).toEqual([]);
});

test("a program with a mistake does not compile", async () => {
  const wrong = program.replace('"full" };', '"half" };');
  expect(wrong).not.toBe(program);
  expect((await complaintsOf(wrong, { ...bundler, ...page, skipLibCheck: true })).join()).toContain("error TS");
});

/** Of the oldest compiler one of two: the other is for test:all. */
const pairs = [
  ["nodenext, Node", { ...nodenext, ...server }],
  ["bundler, page", { ...bundler, ...page }],
] as const;

test.each(pairs.slice(0, times(1, 2)))(
  "a strict program compiles with TypeScript 5.2, without skipLibCheck: %s",
  (_name, options) => {
    expect(ts.version).toMatch(/^5\.2\./);
    expect(oldComplaintsOf(program, { ...options, skipLibCheck: false })).toEqual([]);
  },
);

const entries = ["chainrule", "chainrule/check", "chainrule/custom", "chainrule/io", "chainrule/node"];
const takes = (names: readonly string[]): string =>
  names.map((name, i) => `import * as e${i} from "${name}";\nexport const n${i} = Object.keys(e${i});\n`).join("");
const neither = { ...bundler, lib: ["es2022"], types: [], skipLibCheck: false };

test.each(entries)("%s alone compiles with TypeScript 5.2, without skipLibCheck, the DOM and Node's types", (entry) => {
  expect(oldComplaintsOf(takes([entry]), neither)).toEqual([]);
});

test("all entries compile for es2020 with TypeScript 5.2, and without the DOM with this one", async () => {
  expect(oldComplaintsOf(takes(entries), { ...neither, lib: ["es2020", "dom"] })).toEqual([]);
  expect(await complaintsOf(takes(entries), neither)).toEqual([]);
});
