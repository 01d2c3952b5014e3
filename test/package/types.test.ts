import { writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, inject, test } from "vitest";

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

test.each([
  ["bundler, page", { ...bundler, ...page, skipLibCheck: false }],
  ["bundler, page, skipLibCheck", { ...bundler, ...page, skipLibCheck: true }],
  ["nodenext, Node", { ...nodenext, ...server, skipLibCheck: false }],
  ["nodenext, Node, skipLibCheck", { ...nodenext, ...server, skipLibCheck: true }],
])("a strict program compiles: %s", (_name, options) => {
  const folder = inject("userProject");
  const file = join(folder, "program.ts");
  writeFileSync(file, program);
  const strict: ts.CompilerOptions = {
    ...options,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: ScriptTarget.ES2022,
    typeRoots: [join(folder, "node_modules/@types")],
  };
  const compiled = ts.createProgram([file], strict);
  // TypeScript's own libraries are not looked into: that takes longer than all the rest.
  const files = compiled
    .getSourceFiles()
    .filter((f) => f === compiled.getSourceFile(file) || /chainrule/.test(f.fileName));
  expect(files.length).toBeGreaterThan(20);
  const found = [
    ...compiled.getOptionsDiagnostics(),
    ...compiled.getGlobalDiagnostics(),
    ...files.flatMap((f) => [...compiled.getSyntacticDiagnostics(f), ...compiled.getSemanticDiagnostics(f)]),
  ];
  const text = found.map((d) => `${d.file?.fileName ?? ""} ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`);
  expect(text).toEqual([]);
});
