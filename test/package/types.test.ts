import { writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import oldest from "typescript-5.2";
import { expect, inject, test } from "vitest";
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

const { ModuleKind, ModuleResolutionKind, ScriptTarget } = ts;
const nodenext = { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext };
const bundler = { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler };
const page = { lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.esnext.disposable.d.ts"], types: [] };
/** Without the DOM, as programs for Node are: GPU's types are nowhere then. */
const server = { lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"], types: ["node"] };

/** Files as they were read once: the libraries are the same for every program that reads files alike. */
const files = new Map<string, ts.SourceFile | undefined>();

function hostOf(options: ts.CompilerOptions, compiler: typeof ts): ts.CompilerHost {
  const host = compiler.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (file, ...how) => {
    if (file.endsWith("program.ts")) return read.call(host, file, ...how);
    const key = [compiler.version, options.module, options.target, file].join(" ");
    if (!files.has(key)) files.set(key, read.call(host, file, ...how));
    return files.get(key);
  };
  return host;
}

/** What a compiler says of a program of a user's, the library's declarations included. */
function complaintsOf(text: string, options: ts.CompilerOptions, compiler: typeof ts = ts): string[] {
  const folder = inject("userProject");
  const file = join(folder, "program.ts");
  writeFileSync(file, text);
  const strict: ts.CompilerOptions = {
    ...options,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: ScriptTarget.ES2022,
    typeRoots: [join(folder, "node_modules/@types")],
  };
  const compiled = compiler.createProgram([file], strict, hostOf(strict, compiler));
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

const programs: readonly (readonly [string, ts.CompilerOptions])[] = [
  ["bundler, page", { ...bundler, ...page, skipLibCheck: false }],
  ["bundler, page, skipLibCheck", { ...bundler, ...page, skipLibCheck: true }],
  ["nodenext, Node, skipLibCheck", { ...nodenext, ...server, skipLibCheck: true }],
  ["nodenext, Node", { ...nodenext, ...server, skipLibCheck: false }],
];

test.each(programs.slice(0, times(3, 4)))("a strict program compiles: %s", (_name, options) => {
  expect(complaintsOf(program, options)).toEqual([]);
});

/** The oldest compiler that the declarations are for has the same options by the same names, as far as they are used. */
const ts52 = oldest as unknown as typeof ts;

/** Between them they see every entry, both ways to find it, and both compilers; the other two pairs are for test:all. */
const pairs = [
  ["nodenext, Node", { ...nodenext, ...server }],
  ["bundler, page", { ...bundler, ...page }],
] as const;

test.each(pairs.slice(0, times(1, 2)))(
  "a strict program compiles with TypeScript 5.2, without skipLibCheck: %s",
  (_name, options) => {
    expect(ts52.version).toMatch(/^5\.2\./);
    expect(complaintsOf(program, { ...options, skipLibCheck: false }, ts52)).toEqual([]);
  },
);

const entries = ["chainrule", "chainrule/check", "chainrule/custom", "chainrule/io", "chainrule/node"];
const takes = (names: readonly string[]): string =>
  names.map((name, i) => `import * as e${i} from "${name}";\nexport const n${i} = Object.keys(e${i});\n`).join("");
const neither = { ...bundler, lib: ["lib.es2022.d.ts"], types: [], skipLibCheck: false };

test.each(entries)("%s alone compiles with TypeScript 5.2, without skipLibCheck, the DOM and Node's types", (entry) => {
  expect(complaintsOf(takes([entry]), neither, ts52)).toEqual([]);
});

test("all entries compile for es2020 with TypeScript 5.2, and without the DOM with this one", () => {
  const old = { ...neither, lib: ["lib.es2020.d.ts", "lib.dom.d.ts"] };
  expect(complaintsOf(takes(entries), old, ts52)).toEqual([]);
  expect(complaintsOf(takes(entries), neither)).toEqual([]);
});
