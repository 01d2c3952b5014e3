import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { build, preview } from "vite";
import { STREAM, uniform } from "../../src/core/philox.ts";
import { decodeCheckpoint } from "../../src/io/checkpoint/checkpoint.ts";
import { findChromium } from "../../src/platform/chromium.ts";

/** Processes that are killed: the browser with all its children, the one that computes, the one that holds the page. */
const victims = ["browser", "gpu-process", "renderer"] as const;
type Victim = (typeof victims)[number];
/** A life after the run has gone on lasts up to so many milliseconds. */
const WITHIN_MS = 2500;
/** Milliseconds between two saves, in place of the fifteen seconds of the published page. */
const SAVE_MS = 100;

interface Found {
  kills: Record<Victim, number>;
  /** Kills after which one of the slots did not hold a whole checkpoint. */
  torn: number;
  /** Times that the browser had no GPU to give after its process had been killed, and was started again. */
  withoutGpu: number;
  /** Steps of the run at its end, and those whose losses were compared with the undisturbed run's. */
  steps: number;
  compared: number;
}

/**
 * Trains the page on each device, half of the kills each, going on every time from what was kept; then trains it once
 * undisturbed and compares the loss of every step that any of the lives has shown, bit for bit.
 */
export async function killPages(folder: string, kills: number, seed: number): Promise<Record<string, Found>> {
  const outDir = join(folder, "site");
  await build({ logLevel: "warn", build: { outDir, emptyOutDir: true } });
  saveOften(join(outDir, "assets"));
  const server = await preview({ logLevel: "warn", build: { outDir }, preview: { port: 0, open: false } });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("vite preview has no port");
  const found: Record<string, Found> = {};
  for (const [i, device] of ["webgpu", "cpu"].entries()) {
    const url = `http://localhost:${address.port}/#v=2&data=digits&net=48-tanh-drop0.1&device=${device}`;
    const count = i === 0 ? Math.ceil(kills / 2) : Math.floor(kills / 2);
    found[device] = await killPage(join(folder, device), url, device, count, seed);
    console.log(device, JSON.stringify(found[device]));
  }
  await server.close();
  return found;
}

/** The published page saves a few times a minute: here its one number for that is made small. */
function saveOften(assets: string): void {
  const files = readdirSync(assets).filter((name) => name.endsWith(".js"));
  const found = files.flatMap((name) => {
    const path = join(assets, name);
    const parts = readFileSync(path, "utf8").split(/\b15e3\b/);
    return parts.length > 1 ? [{ path, parts }] : [];
  });
  const [only] = found;
  if (found.length !== 1 || only!.parts.length !== 2) throw new Error("not one number of 15 seconds in the page");
  writeFileSync(only!.path, only!.parts.join(String(SAVE_MS)));
}

async function open(folder: string): Promise<BrowserContext> {
  const { executablePath, args, env } = await findChromium();
  return chromium.launchPersistentContext(folder, { executablePath, args, env, locale: "en-US" });
}

async function killPage(folder: string, url: string, device: string, kills: number, seed: number): Promise<Found> {
  const found: Found = {
    kills: { browser: 0, "gpu-process": 0, renderer: 0 },
    torn: 0,
    withoutGpu: 0,
    steps: 0,
    compared: 0,
  };
  const shown = new Map<number, number>();
  const profile = `${folder}-killed`;
  let context = await open(profile);
  let offered = 0;
  for (let kill = 0; ; kill++) {
    let page = await context.newPage();
    // The last bits on the CPU are others, so such a life says nothing: the browser starts again.
    for (; (await openedOn(page, url)) !== device; found.withoutGpu++) {
      if (found.withoutGpu > kills) throw new Error(`the page does not train on ${device}`);
      await context.close();
      context = await open(profile);
      page = await context.newPage();
    }
    offered = await goOn(page, offered);
    if (kill === kills) {
      await page.waitForTimeout(2 * WITHIN_MS);
      await page.click("#play");
      await page.waitForFunction(() => document.querySelector("#play")?.textContent?.includes("Play"));
      await look(page, shown);
      break;
    }
    await page.waitForTimeout(WITHIN_MS * uniform(seed, STREAM.check, kill, 0));
    await look(page, shown);
    const choice = Math.floor(3 * uniform(seed, STREAM.check, kill, 1));
    const victim = victims[device === "webgpu" || choice !== 1 ? choice : 0]!;
    killProcess(profile, victim);
    found.kills[victim]++;
    // What is killed may take its time to be seen as gone.
    await page.waitForTimeout(300).catch(() => undefined);
    if (victim === "browser") {
      await context.close().catch(() => undefined);
      context = await open(profile);
    } else await page.close().catch(() => undefined);
    const torn = await tornSlots(context, url);
    if (torn > 1) throw new Error(`kill ${kill + 1} (${victim}) left no whole checkpoint`);
    found.torn += torn;
    console.log(`kill ${kill + 1}: ${victim}, at step ${Math.max(...shown.keys())}; went on from ${offered}`);
  }
  await context.close();
  found.steps = Math.max(...shown.keys());
  const whole = await undisturbed(`${folder}-whole`, url, device, found.steps);
  for (const [step, loss] of [...shown].sort(([a], [b]) => a - b)) {
    const right = whole.get(step);
    if (right === undefined) continue; // a long curve is thinned
    if (!Object.is(right, loss)) throw new Error(`step ${step}: the loss is ${loss}, left alone it is ${right}`);
    found.compared++;
  }
  return found;
}

/** Takes up what was kept. Once there was something it must be there for ever, and never go back. */
async function goOn(page: Page, before: number): Promise<number> {
  await page.waitForFunction(() => window.chainrule.curve.losses.length > 5, null, { timeout: 60_000 });
  const offer = page.locator("#go-on");
  await offer.waitFor({ timeout: before > 0 ? 30_000 : 2500 }).catch((error: unknown) => {
    if (before > 0) throw error;
  });
  if ((await offer.count()) === 0) return 0;
  const step = Number((await offer.textContent())!.replace(/\D/g, ""));
  if (step < before) throw new Error(`step ${step} is offered, step ${before} was before`);
  await offer.click();
  const isThere = (n: number): boolean =>
    Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) >= n;
  await page.waitForFunction(isThere, step, { timeout: 60_000 });
  return step;
}

/** After some kills of its GPU process a browser gives no adapter any more; the page trains on the CPU, and says so. */
async function openedOn(page: Page, url: string): Promise<string | null> {
  await page.goto(url);
  await page.waitForSelector("#adapter[data-kind]", { timeout: 60_000 });
  return page.locator("#adapter").getAttribute("data-kind");
}

/** Adds the curve that the page draws; a step seen before must have the loss that it had. */
async function look(page: Page, shown: Map<number, number>): Promise<void> {
  const { steps, losses } = await page.evaluate(() => {
    const { curve } = window.chainrule;
    return { steps: [...curve.steps], losses: [...curve.losses] };
  });
  steps.forEach((step, i) => {
    const loss = losses[i]!;
    if (shown.has(step) && !Object.is(shown.get(step), loss)) {
      throw new Error(`step ${step}: the loss is ${loss}, before the kill it was ${shown.get(step)}`);
    }
    shown.set(step, loss);
  });
}

/** Kills a process of the browser with this profile, and no other. */
function killProcess(profile: string, victim: Victim): void {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8", maxBuffer: 2 ** 26 })
    .trim()
    .split("\n");
  const all = lines.map((line) => {
    const [pid, ppid, ...args] = line.trim().split(/\s+/);
    return { pid: Number(pid), ppid: Number(ppid), args: args.join(" ") };
  });
  const main = all.find((p) => p.args.includes(`--user-data-dir=${profile}`) && !p.args.includes("--type="));
  if (!main) throw new Error(`no browser with the profile ${profile} is running`);
  if (victim === "browser") {
    process.kill(main.pid, "SIGKILL");
    return;
  }
  const below = new Set([main.pid]);
  for (let size = 0; size !== below.size; ) {
    size = below.size;
    for (const p of all) if (below.has(p.ppid)) below.add(p.pid);
  }
  const targets = all.filter((p) => below.has(p.pid) && p.args.includes(`--type=${victim}`));
  if (targets.length === 0) throw new Error(`no ${victim} is running`);
  for (const { pid } of targets) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {} // it went with another
  }
}

/** Slots that hold something which is not a whole checkpoint, as another page of the same origin sees them. */
async function tornSlots(context: BrowserContext, url: string): Promise<number> {
  const page = await context.newPage();
  await page.goto(new URL("data/LICENSES.md", url).href);
  const slots = await page.evaluate(async () => {
    const out: string[] = [];
    const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle("runs").catch(() => null);
    if (!runs) return out;
    for await (const folder of runs.values()) {
      for await (const entry of (folder as FileSystemDirectoryHandle).values()) {
        const file = await (entry as FileSystemFileHandle).getFile();
        out.push(Array.from(new Uint8Array(await file.arrayBuffer()), (b) => String.fromCharCode(b)).join(""));
      }
    }
    return out;
  });
  await page.close();
  return slots.filter((text) => {
    try {
      decodeCheckpoint(Uint8Array.from(text, (c) => c.charCodeAt(0)));
      return false;
    } catch {
      return true;
    }
  }).length;
}

/** The loss of every step that a run shows which nobody disturbs. */
async function undisturbed(folder: string, url: string, device: string, steps: number): Promise<Map<number, number>> {
  const context = await open(folder);
  const page = await context.newPage();
  const kind = await openedOn(page, url);
  if (kind !== device) throw new Error(`the page left alone trains on ${kind}`);
  await page.waitForFunction((n) => (window.chainrule.curve.steps.at(-1) ?? 0) >= n, steps, { timeout: 600_000 });
  const whole = new Map<number, number>();
  await look(page, whole);
  await context.close();
  return whole;
}
