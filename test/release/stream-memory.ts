import { createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuBackend } from "../../src/backend/cpu.ts";
import { openRowFile } from "../../src/io/dataset/row-file.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { openFileSource } from "../../src/platform/file-source.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";

/**
 * Trains from a file of some hundred megabytes that is read by rows, and prints the most memory that it took. By hand:
 * node --import tsx test/release/stream-memory.ts [MB]
 */
const megabytes = Number(process.argv[2] ?? 400);
/** As Fashion-MNIST has them. */
const SIDE = 28;
const n = Math.floor((megabytes * 1e6) / SIDE ** 2);
/** What all of it, as f32, would take; the limit is far below. */
const whole = 4 * n * SIDE ** 2;
const LIMIT = 600 * 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), "chainrule-stream-"));
try {
  const u32 = (v: number): number[] => [v >>> 24, (v >> 16) & 255, (v >> 8) & 255, v & 255];
  const images = join(folder, "big-images-idx3");
  const out = createWriteStream(images);
  out.write(Uint8Array.of(0, 0, 8, 3, ...u32(n), ...u32(SIDE), ...u32(SIDE)));
  for (let row = 0; row < n; row++) {
    const pixels = Uint8Array.from({ length: SIDE ** 2 }, (_, i) => (i % 10 === row % 10 ? 200 : (i * row) & 63));
    if (!out.write(pixels)) await new Promise<void>((resolve) => out.once("drain", resolve));
  }
  await new Promise<void>((resolve) => out.end(resolve));
  const labels = Uint8Array.from({ length: n }, (_, row) => row % 10);
  writeFileSync(join(folder, "big-labels-idx1"), Buffer.concat([Uint8Array.of(0, 0, 8, 1, ...u32(n)), labels]));

  const model = parseModel({
    layers: [{ type: "linear", in: SIDE ** 2, out: 32 }, { type: "relu" }, { type: "linear", in: 32, out: 10 }],
    loss: "crossEntropy",
  });
  const open = (file: string) => openFileSource(join(folder, file));
  const data = await openRowFile(await open("big-images-idx3"), { open });
  const peak = { rss: 0, arrayBuffers: 0, heapUsed: 0 };
  const watch = setInterval(() => {
    const now = process.memoryUsage();
    for (const key of ["rss", "arrayBuffers", "heapUsed"] as const) peak[key] = Math.max(peak[key], now[key]);
  }, 20);
  const before = process.memoryUsage().rss;
  const trainer = await createTrainer(await cpuBackend(), { model, data, batch: 64 });
  const start = performance.now();
  let loss = Number.NaN;
  // More than an epoch, so that every row is read.
  const steps = trainer.stepsPerEpoch + 100;
  for await (const m of trainer.run({ steps, logEvery: 500 })) loss = m.loss;
  const seconds = (performance.now() - start) / 1000;
  const evaluation = await trainer.evaluate("train");
  clearInterval(watch);
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  console.log(
    `file ${mib(statSync(images).size)}, as f32 ${mib(whole)}; ${n} rows, ${steps} steps in ${seconds.toFixed(1)} s`,
  );
  console.log(
    `loss ${loss.toExponential(2)}; over all rows ${evaluation!.loss.toExponential(2)}, accuracy ${evaluation!.accuracy}`,
  );
  console.log(
    `before ${mib(before)}; most: rss ${mib(peak.rss)}, arrays ${mib(peak.arrayBuffers)}, heap ${mib(peak.heapUsed)}`,
  );
  if (peak.rss > LIMIT) throw new Error(`more than ${mib(LIMIT)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
