import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { fitted, perHour } from "./soak-figures.ts";
import { plotOf } from "./soak-plot.ts";
import { type Sample, soak } from "./soak-run.ts";

/**
 * Trains for half an hour through everything that a run may meet, and looks at its memory every second:
 *
 *     node --import tsx test/release/soak.ts [minutes=30] [--out folder]
 *
 * Writes soak.csv and soak.svg. Exit status 1 where live bytes were ever not those of the plan, where anything was left
 * after the end, where a run was not what it is undisturbed, or where the process's memory grows.
 */

/** Until then caches fill and code is compiled: what grows afterwards would go on growing. */
const WARM_UP = 0.3;
/** Mebibytes an hour that a fitted line of the resident set may rise: less than a quarter of it, after a day. */
const MOST_GROWTH = 32;
/** A short try has noise that an hour's line would be made of: a rise of so many mebibytes in all is none. */
const NOISE_MB = 24;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
const minutes = Number(positionals[0] ?? 30);
if (!(minutes > 0)) throw new Error(`minutes must be a number above 0, got ${positionals[0]}`);
const out = values.out ?? mkdtempSync(join(tmpdir(), "chainrule-soak-"));
mkdirSync(out, { recursive: true });

const gpu = await createNodeGpu();
Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
const { samples, faults, totals } = await soak({ minutes, folder: out, gpu });

const header = "seconds,step,steps_per_second,rss,heap_used,external,live_bytes,plan_bytes,buffers,losses";
const row = (s: Sample): string =>
  [
    s.seconds.toFixed(2),
    s.step,
    s.stepsPerSecond.toFixed(1),
    s.rss,
    s.heapUsed,
    s.external,
    s.live,
    s.plan,
    s.buffers,
    s.losses,
  ].join(",");
writeFileSync(join(out, "soak.csv"), `${[header, ...samples.map(row)].join("\n")}\n`);
writeFileSync(join(out, "soak.svg"), plotOf(samples));

const steady = samples.filter((s) => s.seconds > 60 * minutes * WARM_UP);
for (const [name, of] of [
  ["resident set", (s: Sample) => s.rss],
  ["heap", (s: Sample) => s.heapUsed],
  ["external", (s: Sample) => s.external],
] as const) {
  const line = fitted(steady.map((s) => [s.seconds, of(s) / 2 ** 20]));
  const rise = line.slope * (steady.at(-1)!.seconds - steady[0]!.seconds);
  console.log(
    `${name}: ${line.first.toFixed(0)} to ${(line.first + rise).toFixed(0)} MiB, ${perHour(line.slope)} an hour`,
  );
  if (name === "resident set" && rise > NOISE_MB && 3600 * line.slope > MOST_GROWTH) {
    faults.push(`the resident set grows: ${rise.toFixed(0)} MiB after warm-up, ${perHour(line.slope)} an hour`);
  }
}
console.log(totals);
console.log(`${samples.length} samples in ${join(out, "soak.csv")}, plotted in ${join(out, "soak.svg")}`);
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
