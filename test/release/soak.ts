import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { growthPerHour } from "./soak-figures.ts";
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

/** Until then caches fill, code is compiled, and devices are lost often: what grows afterwards would go on growing. */
const WARM_UP = 0.3;
/** Mebibytes an hour that the resident set may rise, whatever is lost: less than 800 in a day. */
const MOST_GROWTH = 32;
/** Mebibytes that a lost device may leave: a software adapter in the process itself takes some anew each time. */
const MOST_PER_LOSS = 2;
/** A rise of so many mebibytes in all is none: a short try has noise that an hour's line would be made of. */
const NOISE_MB = 24;

// What a look finds is in use, and not garbage that nobody has collected yet: handles of Dawn's are small here and large
// there. Each device has threads of its own, and glibc an arena for each, which it keeps: there is one for all.
if (!globalThis.gc) {
  const args = ["--expose-gc", ...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, MALLOC_ARENA_MAX: "1" };
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env });
  process.exit(status ?? 1);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
const minutes = Number(positionals[0] ?? 30);
if (!(minutes > 0 && minutes < Number.POSITIVE_INFINITY)) {
  console.error(`minutes must be a number above 0, got ${positionals[0]}`);
  process.exit(2);
}
const out = values.out ?? mkdtempSync(join(tmpdir(), "chainrule-soak-"));
mkdirSync(out, { recursive: true });

const gpu = await createNodeGpu();
Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
const { samples, faults, totals } = await soak({ minutes, warmUp: WARM_UP, folder: out, gpu });

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
const [first, last] = [steady[0]!, steady.at(-1)!];
const [hours, losses] = [(last.seconds - first.seconds) / 3600, last.losses - first.losses];
for (const [name, of] of [
  ["resident set", (s: Sample) => s.rss],
  ["heap", (s: Sample) => s.heapUsed],
  ["external", (s: Sample) => s.external],
] as const) {
  const held = steady.map((s) => ({ kind: s.kind, seconds: s.seconds, mebibytes: of(s) / 2 ** 20 }));
  const perHour = growthPerHour(held);
  const [from, to] = [held[0]!, held.at(-1)!].map((s) => s.mebibytes.toFixed(0));
  const text = `${perHour.toFixed(1)} MiB an hour between runs alike, with ${losses} devices lost in ${(60 * hours).toFixed(1)} min`;
  console.log(`${name}: ${from} MiB after warm-up, ${to} at the end; ${text}`);
  const rise = perHour * hours;
  if (name === "resident set" && rise > NOISE_MB && rise > MOST_GROWTH * hours + MOST_PER_LOSS * losses) {
    faults.push(`the resident set grows by ${rise.toFixed(0)} MiB: ${text}`);
  }
}
console.log(totals);
console.log(`${samples.length} samples in ${join(out, "soak.csv")}, plotted in ${join(out, "soak.svg")}`);
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
