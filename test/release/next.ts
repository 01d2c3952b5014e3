import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { npmCommand, root } from "../../scripts/process.mjs";
import { complaints, launchBrowser } from "../setup/browser.ts";
import { learns, library } from "../shared/user-program.ts";

/**
 * node --import tsx test/release/next.ts: a fresh project of Next.js, app router, that has installed the packed library:
 * built by Turbopack and by webpack and then served, and on the dev server. A client component trains on WebGPU, its
 * worker on three threads of the CPU. First: npm run build -- package.
 */

const NEXT = "16.4.6";
const REACT = "19";
const THREADS = 3;
const MINUTES = 5;

const files: Readonly<Record<string, string>> = {
  "next.config.mjs": `const headers = [
  { key: "Cross-Origin-Opener-Policy", value: "same-origin" },
  { key: "Cross-Origin-Embedder-Policy", value: "require-corp" },
];
export default { headers: async () => [{ source: "/:path*", headers }] };
`,
  "app/layout.js": `export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
`,
  "app/page.js": `import Train from "./train.js";
export default function Page() {
  return <Train />;
}
`,
  "app/train.js": `"use client";
import { ${library}, webgpuBackend } from "chainrule";
import { useEffect } from "react";

async function learn() {
  const result = [];
  const backend = await webgpuBackend();
  ${learns("backend, options")}
  return result;
}

export default function Train() {
  useEffect(() => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    const threads = new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => resolve(message);
    });
    Promise.all([learn().catch(String), threads]).then((results) => {
      window.results = results;
    });
  }, []);
  return <p>chainrule</p>;
}
`,
  "app/worker.js": `import { ${library}, wasmBackend } from "chainrule";

async function learn() {
  const result = [];
  const backend = await wasmBackend({ threads: ${THREADS} });
  ${learns("backend, options")}
  return result;
}

postMessage(await learn().catch(String));
`,
};

/** Runs npm; throws with its complaint. */
function npm(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...npmCommand(), ...args], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${args.join(" ")} failed:\n${stderr}`);
  return stdout;
}

const folder = mkdtempSync(join(tmpdir(), "chainrule-next-"));
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
const command = join(folder, "node_modules/next/dist/bin/next");

function build(bundler: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, "build", bundler], {
    ...{ cwd: folder, env, encoding: "utf8", timeout: MINUTES * 60_000 },
  });
  if (status !== 0) throw new Error(`next build ${bundler} failed:\n${stdout}${stderr}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Serves the project and gives what the page says, once it has trained. */
async function served(how: "start" | "dev"): Promise<{ results: unknown; found: readonly string[] }> {
  const port = await freePort();
  const args = [command, how, "-p", String(port), "-H", "127.0.0.1"];
  const server: ChildProcess = spawn(process.execPath, args, { cwd: folder, env, stdio: "ignore" });
  const browser = await launchBrowser();
  try {
    const url = `http://127.0.0.1:${port}/`;
    const until = Date.now() + MINUTES * 60_000;
    while (!(await fetch(url).catch(() => null))?.ok) {
      if (server.exitCode !== null || Date.now() > until) throw new Error(`next ${how} does not answer`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    const page = await browser.newPage();
    const found = complaints(page);
    await page.goto(url);
    await page.waitForFunction(() => "results" in window, undefined, { timeout: MINUTES * 60_000 });
    return { results: await page.evaluate(() => Reflect.get(window, "results")), found };
  } finally {
    await browser.close();
    const ended = new Promise((resolve) => server.once("exit", resolve));
    if (server.exitCode === null && server.kill()) await ended;
  }
}

let failed = 0;
/** A line for a case: both have learned, on what they were to, and nothing was complained of. */
async function check(name: string, how: "start" | "dev"): Promise<void> {
  const { results, found } = await served(how);
  const on = ["WebGPU", `${THREADS} threads`];
  const learned = on.map((wanted, i) => {
    const [loss, accuracy, description] = (results as [number, number, string][])[i]!;
    return loss < 0.01 && accuracy === 1 && description.includes(wanted);
  });
  // A browser asks for an icon that nobody made.
  const right = learned.every(Boolean) && found.every((text) => text.includes("favicon") || text.includes("404"));
  if (!right) failed++;
  console.log(`${right ? "ok  " : "FAIL"} ${name}: ${JSON.stringify(results)} ${right ? "" : found.join("; ")}`);
}

try {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  writeFileSync(join(folder, "package.json"), '{"private":true}');
  const [packed] = JSON.parse(
    npm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder], process.argv[2] ?? root),
  );
  const tarball = join(folder, (packed as { filename: string }).filename);
  const packages = [`next@${NEXT}`, `react@${REACT}`, `react-dom@${REACT}`, tarball];
  npm(["install", "--no-audit", "--no-fund", "--ignore-scripts", ...packages], folder);
  for (const bundler of ["--turbopack", "--webpack"]) {
    build(bundler);
    await check(`next build ${bundler}, next start`, "start");
  }
  await check("next dev", "dev");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
