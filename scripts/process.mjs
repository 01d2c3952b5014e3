import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Starting other programs, alike on Linux, macOS and Windows. Only Node's own modules: nothing may be installed yet. */

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Runs Node with these arguments in the project's folder and gives its exit status; `signal` ends it. */
export function node(args, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
    // A SIGTERM comes to this process alone; one to npm stops at the shell between npm and this process, whose end
    // shows as a new parent.
    const stop = () => child.kill("SIGTERM");
    const parent = process.ppid;
    const watch = setInterval(() => process.ppid !== parent && stop(), 1000);
    process.once("SIGTERM", stop);
    signal?.addEventListener("abort", stop);
    child.once("error", reject);
    child.once("exit", (status, ended) => {
      clearInterval(watch);
      process.off("SIGTERM", stop);
      signal?.removeEventListener("abort", stop);
      resolve(status ?? (ended ? 1 : 0));
    });
  });
}

/** Runs npm, the one that runs this script if there is one. */
export function npm(args) {
  return node([...npmCommand(), ...args]);
}

/** What Node runs as npm. */
export function npmCommand() {
  const beside = dirname(process.execPath);
  const places = [
    process.env.npm_execpath,
    join(beside, "node_modules/npm/bin/npm-cli.js"),
    join(beside, "../lib/node_modules/npm/bin/npm-cli.js"),
  ];
  const program = places.find((path) => path?.endsWith("npm-cli.js") && existsSync(path));
  if (!program) throw new Error("npm was not found: run this through npm (npm start, npm test).");
  return [program];
}

/** The programs that come with the installed packages. */
export const tools = {
  // The native compiler, a quarter of the work; what programs call (TypeDoc, tests) is still the one before it.
  tsc: "node_modules/typescript-7/bin/tsc",
  biome: "node_modules/@biomejs/biome/bin/biome",
  vite: "node_modules/vite/bin/vite.js",
  vitest: "node_modules/vitest/vitest.mjs",
};
