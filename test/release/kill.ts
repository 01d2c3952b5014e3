import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureWasm } from "../../scripts/wasm.mjs";
import { killAndCompare, type Target } from "../shared/kill.ts";

/**
 * Kills at random moments, many of them, each run then compared byte for byte with one that was left alone:
 * node --import tsx test/release/kill.ts <cpu|webgpu|page> [kills, 100] [seed, 1]
 */
const [what = "cpu", count = "100", seed = "1"] = process.argv.slice(2);
await ensureWasm();
const folder = mkdtempSync(join(tmpdir(), "chainrule-kill-"));
const net = join(folder, "net.json");
// Wide enough for WebGPU to choose its kernels by measuring, which a resumed run must not do again.
const layers = [
  { type: "linear", in: 64, out: 256 },
  { type: "relu" },
  { type: "dropout", p: 0.1 },
  { type: "linear", in: 256, out: 10 },
];
writeFileSync(net, JSON.stringify({ layers, loss: "crossEntropy" }));
const common = ["--log-every", "1", "--clip", "5", "--schedule", "cosine:warmup=50"];
const targets: Readonly<Record<string, Omit<Target, "folder" | "seed">>> = {
  cpu: { args: ["digits", "--backend", "cpu", "--steps", "6000", ...common], every: 10, within: 700 },
  webgpu: {
    args: [net, "--data", "digits", "--backend", "webgpu", "--steps", "1500", ...common],
    every: 5,
    within: 2500,
  },
};
try {
  const start = performance.now();
  let found: object;
  if (what === "page") {
    const { killPages } = await import("./kill-page.ts");
    found = await killPages(folder, Number(count), Number(seed));
  } else {
    const target = targets[what];
    if (!target) throw new Error(`${what}: must be cpu, webgpu or page`);
    const work = join(folder, "work");
    mkdirSync(work);
    found = await killAndCompare({ ...target, folder: work, seed: Number(seed) }, Number(count), console.log);
  }
  console.log(what, JSON.stringify({ ...found, seconds: Math.round((performance.now() - start) / 1000) }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
