import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { findChromium } from "../../src/platform/chromium.ts";
import { swiftshaderEnv } from "../../src/platform/vulkan.ts";

/**
 * The built page in real Firefox and in Chromium, side by side on one software driver: time to the first drawn loss, what
 * `auto` measures of WebGPU, steps a second, and every room.
 *   npm run build; npm install --no-save --ignore-scripts puppeteer-core@25.16.0; node --import tsx test/release/firefox.ts
 */

interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T>(text: string): Promise<T>;
  on(event: "pageerror", hear: (error: unknown) => void): void;
}
interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}
interface Puppeteer {
  launch(options: object): Promise<Browser>;
}

const SITE = new URL("../../dist/site/", import.meta.url).pathname;
const WAIT_MS = 12_000;
const ROOMS = ["train", "gradients", "backprop", "benchmark", "kernels"];
/** Least share of Chromium's steps a second, and of its pace to the first loss. */
const SHARE = 0.8;
/** Opens of each browser, in turns. */
const OPENS = 5;
/** Longest wait for a first loss, and for a GPU that was still compiling to be measured. */
const OPEN_MS = 20_000;
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

const server = createServer(async (request, response) => {
  const path = join(SITE, normalize(decodeURIComponent(new URL(request.url!, "http://localhost").pathname)));
  const file = await stat(path).then(
    (s) => (s.isDirectory() ? join(path, "index.html") : path),
    () => null,
  );
  response.setHeader("cross-origin-opener-policy", "same-origin");
  response.setHeader("cross-origin-embedder-policy", "require-corp");
  if (file === null) return void response.writeHead(404).end();
  response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
  response.end(await readFile(file));
}).listen(0, "127.0.0.1");
await new Promise((done) => server.once("listening", done));
const address = `http://localhost:${(server.address() as { port: number }).port}/`;

const { default: puppeteer } = (await import(
  createRequire(join(process.cwd(), "package.json")).resolve("puppeteer-core")
)) as { default: Puppeteer };
const env = { ...process.env, ...(await swiftshaderEnv()) };
const chromium = await findChromium();
const prefs = { "dom.webgpu.enabled": true, "gfx.webgpu.ignore-blocklist": true, "dom.webgpu.workers.enabled": true };
const browsers = {
  firefox: () =>
    puppeteer.launch({
      browser: "firefox",
      executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
      headless: true,
      extraPrefsFirefox: prefs,
      env,
    }),
  chromium: () =>
    puppeteer.launch({
      executablePath: chromium.executablePath,
      args: [...chromium.args],
      headless: true,
      env: { ...env, ...chromium.env },
    }),
};

const failures: string[] = [];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Opens the page afresh and says what it shows after a while. */
async function look(name: keyof typeof browsers, hash: string): Promise<{ rate: number; text: string }> {
  const browser = await browsers[name]();
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => failures.push(`${name} ${hash}: ${String(error)}`));
    await page.goto(`${address}#v=2&${hash}`);
    await pause(WAIT_MS);
    const steps = (): Promise<string> => page.evaluate("document.querySelector('#step-count')?.textContent ?? '0'");
    const number = async (): Promise<number> => Number((await steps()).replace(/\D/g, ""));
    const [before, start] = [await number(), performance.now()];
    await pause(5000);
    const rate = ((await number()) - before) / ((performance.now() - start) / 1000);
    const text = await page.evaluate<string>("document.body.innerText.replace(/\\s+/g, ' ')");
    const problem = await page.evaluate<string | null>("document.querySelector('#problem')?.textContent ?? null");
    if (problem) failures.push(`${name} ${hash}: ${problem}`);
    return { rate, text };
  } finally {
    await browser.close();
  }
}

/** Milliseconds from opening the page to its first drawn loss, and steps a second that `auto` measured of WebGPU. */
async function first(name: keyof typeof browsers, data: string): Promise<{ ms: number; auto: number }> {
  const browser = await browsers[name]();
  try {
    const page = await browser.newPage();
    // The first page of a browser pays for its start.
    await page.goto(`${address}none`);
    await page.goto(`${address}#v=2&data=${data}`);
    return await page.evaluate(`new Promise((resolve, reject) => {
      let ms = null;
      const look = () => {
        const loss = document.querySelector("#loss")?.textContent;
        if (ms === null && loss && loss !== "–" && document.querySelector("#curves canvas")) ms = performance.now();
        const rate = /WebGPU: [^;.]*?([\\d,.]+) steps\\/s/.exec(document.body.textContent.split("Measured on this net")[1] ?? "");
        if (ms !== null && rate) resolve({ ms, auto: Number(rate[1].replaceAll(",", "")) });
        else if (performance.now() > ${OPEN_MS}) reject(new Error("first loss after " + ms + " ms, and then: " + document.body.innerText.slice(0, 600)));
        else requestAnimationFrame(look);
      };
      look();
    })`);
  } finally {
    await browser.close();
  }
}

const medianOf = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const spread = (values: readonly number[]): string =>
  `${Math.round(medianOf(values))} (${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))})`;

for (const data of ["digits", "spirals"]) {
  const found = { firefox: [] as { ms: number; auto: number }[], chromium: [] as { ms: number; auto: number }[] };
  for (let i = 0; i < OPENS; i++) {
    for (const name of ["firefox", "chromium"] as const) found[name].push(await first(name, data));
  }
  const of = (name: keyof typeof found, key: "ms" | "auto"): number[] => found[name].map((f) => f[key]);
  const loss = medianOf(of("chromium", "ms")) / medianOf(of("firefox", "ms"));
  const auto = medianOf(of("firefox", "auto")) / medianOf(of("chromium", "auto"));
  console.log(
    `${data}, first loss: Firefox ${spread(of("firefox", "ms"))} ms, Chromium ${spread(of("chromium", "ms"))}: ${loss.toFixed(2)}`,
  );
  console.log(
    `${data}, auto: Firefox ${spread(of("firefox", "auto"))} steps/s, Chromium ${spread(of("chromium", "auto"))}: ${auto.toFixed(2)}`,
  );
  if (!(loss >= SHARE)) failures.push(`${data}: the first loss takes Firefox ${(1 / loss).toFixed(2)} times as long`);
  if (!(auto >= SHARE)) failures.push(`${data}: auto measures ${auto.toFixed(2)} of Chromium's steps in Firefox`);
}

for (const data of ["digits", "spirals"]) {
  const hash = `data=${data}&device=webgpu`;
  const [firefox, other] = [await look("firefox", hash), await look("chromium", hash)];
  const share = firefox.rate / other.rate;
  console.log(
    `${data}: Firefox ${firefox.rate.toFixed(0)} steps/s, Chromium ${other.rate.toFixed(0)}: ${share.toFixed(2)}`,
  );
  if (!(share >= SHARE)) failures.push(`${data}: Firefox makes ${share.toFixed(2)} of Chromium's steps`);
}
for (const room of ROOMS) {
  const { text } = await look("firefox", `room=${room}&data=tutorial`);
  console.log(`${room}: ${text.length} characters`);
  if (text.length < 200) failures.push(`${room}: nothing is shown`);
}
server.close();
for (const failure of failures) console.error(failure);
process.exitCode = failures.length > 0 ? 1 : 0;
