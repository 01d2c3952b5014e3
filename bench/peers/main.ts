import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { computesOnCpu } from "../../src/backend/webgpu/caps.ts";
import { timing } from "../../src/bench/stats.ts";
import { clearProgress, note, print, progress, table } from "../../src/cli/output.ts";
import { version } from "../../src/cli/version.ts";
import { OPEN_MS, openBrowser, openContestant, type PeerBrowser } from "./browser.ts";
import { exactTraining } from "./problem.ts";
import { type PeerReport, peerHead, peerMarkdown, peerRows, ratioRows, useRows } from "./report.ts";
import { runTask, within } from "./run-task.ts";
import { type ContestantName, coldTask, contestants, tasks } from "./tasks.ts";

const help = `Usage: npm run bench [-- options]

Chainrule, TensorFlow.js and jax-js side by side in headless Chromium: same data, same first weights, same net, same
optimizer; each result is checked against f64 before it is timed. Writes bench/results/<adapter>-<date>.json and .md.

  --max <N>       widest task (default 1024)
  --rounds <N>    samples of each contestant (default 7)
  --tasks <words> tasks whose name has one of these, by comma: lenet, resnet20, conv, attention, ... (default: all)
  --only <names>  contestants, by comma: ${contestants.join(", ")}
  --cold <N>      cold starts of each contestant (default 3)`;

const { values } = parseArgs({
  options: {
    help: { type: "boolean", short: "h" },
    max: { type: "string", default: "1024" },
    rounds: { type: "string", default: "7" },
    tasks: { type: "string", default: "" },
    only: { type: "string", default: contestants.join(",") },
    cold: { type: "string", default: "3" },
  },
});
if (values.help) {
  print(help);
  process.exit(0);
}
const wanted = contestants.filter((n) => values.only.split(",").includes(n));
const list = tasks(Number(values.max), values.tasks.split(",").filter(Boolean));
const abort = new AbortController();
process.on("SIGINT", () => (abort.signal.aborted ? process.exit(130) : abort.abort()));

const browser = await openBrowser();
const report: PeerReport = {
  format: "chainrule-peers",
  version: 1,
  date: new Date().toISOString(),
  chainrule: version,
  browser: browser.description,
  adapter: browser.adapter,
  software: computesOnCpu({ description: browser.adapter }),
  processor: `${cpus()[0]?.model.trim() || process.arch}, ${availableParallelism()} threads`,
  versions: await installedVersions(),
  contestants: [],
  tasks: [],
  cold: [],
  complete: false,
};
try {
  await measureTasks(browser);
  await measureCold(browser);
  report.complete = true;
} catch (error) {
  if (!abort.signal.aborted) throw error;
}
await browser.close().catch(() => undefined);
clearProgress();
await writeResults();
const wrong = report.tasks.flatMap((t) => t.cells.filter((c) => c.wrong).map((c) => `${c.contestant} at ${t.task}`));
if (wrong.length > 0) note(`wrong results, not timed: ${wrong.join(", ")}`);
process.exit(wrong.some((w) => w.startsWith("chainrule")) ? 1 : report.complete ? 0 : 130);

async function measureTasks(browser: PeerBrowser): Promise<void> {
  const references = new Map<string, Float64Array>();
  for (const task of list) {
    if (task.kind !== "training") continue;
    progress(`f64 reference of ${task.name}`);
    references.set(task.name, await exactTraining(task));
    abort.signal.throwIfAborted();
  }
  const pages = new Map<ContestantName, Page>();
  for (const name of wanted) {
    try {
      const { page, description } = await openContestant(browser, name, references);
      pages.set(name, page);
      report.contestants.push({ name, description });
    } catch (error) {
      report.contestants.push({ name, description: `cannot be opened: ${messageOf(error)}` });
    }
  }
  const start = performance.now();
  for (const [i, task] of list.entries()) {
    const left =
      i === 0 ? "" : `, about ${Math.ceil(((performance.now() - start) / 60000 / i) * (list.length - i))} min left`;
    progress(`${i + 1} of ${list.length}: ${task.name}${left}`);
    const options = {
      rounds: Number(values.rounds),
      sampleMs: 200,
      budgetMs: 30_000,
      limitMs: 300_000,
      signal: abort.signal,
    };
    report.tasks.push({ task: task.name, cells: await runTask(pages, task, options) });
  }
  for (const page of pages.values()) await page.context().close();
}

/** In a fresh context, with nothing cached: to the loss of the first step, and all of it until the page is closed. */
async function measureCold(browser: PeerBrowser): Promise<void> {
  const times = new Map<ContestantName, { readonly ms: number; readonly closedMs: number }[]>();
  const errors = new Map<ContestantName, string>();
  for (let round = 0; round < Number(values.cold); round++) {
    for (const name of round % 2 === 0 ? wanted : [...wanted].reverse()) {
      abort.signal.throwIfAborted();
      progress(`cold start ${round + 1}: ${name}`);
      const start = performance.now();
      try {
        const page = await browser.coldPage(name);
        const first = page.evaluate(() => globalThis.firstStep);
        const { ms, loss } = await within(first, OPEN_MS).finally(() => page.context().close());
        const closedMs = performance.now() - start;
        if (Number.isFinite(loss)) times.set(name, [...(times.get(name) ?? []), { ms, closedMs }]);
        else errors.set(name, `loss ${loss} in ${coldTask.name}`);
      } catch (error) {
        errors.set(name, messageOf(error));
      }
    }
  }
  if (Number(values.cold) === 0) return;
  for (const contestant of wanted) {
    const found = times.get(contestant);
    const error = errors.get(contestant) ?? null;
    const of = (key: "ms" | "closedMs") => (found && !error ? timing(found.map((t) => t[key])) : null);
    report.cold.push({ contestant, ms: of("ms"), closedMs: of("closedMs"), error });
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^page\.evaluate: /, "").split("\n")[0]!;
}

async function installedVersions(): Promise<Record<string, string>> {
  const names = ["@tensorflow/tfjs-core", "@jax-js/jax"];
  const read = async (name: string) => {
    const text = await readFile(new URL(`./node_modules/${name}/package.json`, import.meta.url), "utf8");
    return [name, (JSON.parse(text) as { version: string }).version] as const;
  };
  return Object.fromEntries(await Promise.all(names.map(read)));
}

async function writeResults(): Promise<void> {
  const folder = fileURLToPath(new URL("../results/", import.meta.url));
  await mkdir(folder, { recursive: true });
  const adapter = report.adapter
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 60);
  const base = `${folder}${adapter}-${report.date.slice(0, 16).replaceAll(":", "")}`;
  await writeFile(`${base}.json`, `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(`${base}.md`, peerMarkdown(report));
  print(peerHead(report).join("\n"));
  for (const { header, rows } of [peerRows(report), ratioRows(report), useRows(report)])
    print(`\n${table(header, rows)}`);
  print(`\nWritten: ${base}.json and .md`);
}
