import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { findChromium } from "../../src/platform/chromium.ts";
import { swiftshaderEnv } from "../../src/platform/vulkan.ts";

/**
 * The built page in real Firefox and in Chromium, side by side on one software driver: steps a second, and every room.
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
/** Least share of Chromium's steps a second. */
const SHARE = 0.8;
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
