import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled } from "./installed.mjs";
import { node, npm, root } from "./process.mjs";

/** npm run bench: installs the peers into a package of their own, once, and runs all side by side. */
await ensureInstalled();
const folder = join(root, "bench/peers");
if (!peersInstalled()) {
  console.log("Installing the libraries to compare with (bench/peers) ...");
  const status = await npm(["ci", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts"]);
  if (status !== 0) process.exit(status);
}
process.exit(await node(["--import", "tsx", join(folder, "main.ts"), ...process.argv.slice(2)]));

/** True where what npm wrote last names the versions that the lock file asks for. */
function peersInstalled() {
  const installed = join(folder, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return false;
  const packages = (path) => JSON.parse(readFileSync(path, "utf8")).packages;
  const found = packages(installed);
  const wanted = Object.entries(packages(join(folder, "package-lock.json")));
  return wanted.every(([path, { version }]) => path === "" || found[path]?.version === version);
}
