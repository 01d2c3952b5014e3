import { createReadStream, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { Browser } from "playwright-core";
import { createServer as createVite } from "vite";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { complaints, launchBrowser } from "../setup/browser.ts";
import { learns, library } from "../shared/user-program.ts";

/** Memory that threads may share, as a host's headers allow it. */
const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const THREADS = 3;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** A fresh project that has chainrule installed: a page, and a worker in which the CPU trains on threads of its own. */
function project(name: string, from = "chainrule"): string {
  const root = join(inject("userProject"), name);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
  const text = {
    "package.json": '{"private":true,"type":"module"}',
    "index.html": `<!doctype html><title>…</title><script type="module" src="./main.js"></script>`,
    "main.js": `new Worker(new URL("./worker.js", import.meta.url), { type: "module" }).onmessage = ({ data }) => {
  window.results = data;
};
`,
    "worker.js": `import { ${library}, wasmBackend } from "${from}";
const result = [];
const warned = [];
console.warn = (text) => warned.push(text);
const backend = await wasmBackend({ threads: ${THREADS} });
${learns("backend, options")}
postMessage([result, warned]);
`,
  };
  for (const [file, content] of Object.entries(text)) writeFileSync(join(root, file), content);
  return root;
}

async function resultsAt(url: string): Promise<{ result: unknown[]; warned: string[]; found: string[] }> {
  const page = await browser.newPage();
  try {
    const found = complaints(page);
    await page.goto(url);
    await page.waitForFunction(() => "results" in window, undefined, { timeout: 50_000 });
    const [result, warned] = (await page.evaluate(() => Reflect.get(window, "results"))) as [unknown[], string[]];
    return { result, warned, found };
  } finally {
    await page.close();
  }
}

async function inVite(root: string, optimizeDeps: { exclude?: string[] }) {
  const server = await createVite({
    ...{ root, configFile: false, logLevel: "error", optimizeDeps, cacheDir: join(root, ".vite") },
    server: { port: 0, headers: isolated, fs: { strict: false } },
  });
  try {
    await server.listen();
    return await resultsAt(server.resolvedUrls!.local[0]!);
  } finally {
    await server.close();
  }
}

const trained = (threads: string) => [expect.any(Number), 1, expect.stringContaining(threads)];

test("Vite 8's dev server as it comes, which bundles the library beforehand: all threads", async () => {
  const root = project("vite-plain");
  const { result, warned, found } = await inVite(root, {});
  // Vite 7 leaves the file of the threads behind there: then one thread computes, and the warning names the setting.
  expect(readdirSync(join(root, ".vite/deps"))).toContain("chainrule.js");
  expect(warned).toEqual([]);
  expect(result).toEqual(trained(`${THREADS} threads`));
  expect(found).toEqual([]);
});

test("Vite's dev server with the setting that Vite 7 needs: all threads", async () => {
  const { result, warned, found } = await inVite(project("vite-set"), { exclude: ["chainrule"] });
  expect(warned).toEqual([]);
  expect(result).toEqual(trained(`${THREADS} threads`));
  expect(found).toEqual([]);
});

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

/** A static host: files by their names, and nothing else. */
async function staticHost(root: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, "http://host").pathname));
    const file = join(root, path.endsWith("/") ? `${path}index.html` : path);
    response.writeHead(200, { ...isolated, "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file)
      .on("error", () => response.destroy())
      .pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

test("a plain script of type module from a static host, without any build: all threads", async () => {
  const root = project("static", "./chainrule/dist/lib/src/index.js");
  symlinkSync(join(inject("userProject"), "node_modules/chainrule"), join(root, "chainrule"), "dir");
  const server = await staticHost(root);
  try {
    const { port } = server.address() as AddressInfo;
    const { result, warned, found } = await resultsAt(`http://127.0.0.1:${port}/`);
    expect(warned).toEqual([]);
    expect(result).toEqual(trained(`${THREADS} threads`));
    expect(found.filter((text) => !text.includes("favicon"))).toEqual([]);
  } finally {
    server.close();
  }
});
