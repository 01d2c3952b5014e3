import { ensureInstalled } from "./installed.mjs";
import { node, tools } from "./process.mjs";

/**
 * npm run build: the page to dist/site, the library and its declarations to dist/lib, what Node runs to dist/cli and
 * dist/bench. `package` leaves the page out: it is what npm pack calls.
 */
await ensureInstalled();
const steps = [
  [tools.vite, "build"],
  [tools.vite, "build", "--config", "vite.node.config.ts"],
];
for (const args of process.argv[2] === "package" ? steps.slice(1) : steps) {
  const status = await node(args);
  if (status !== 0) process.exit(status);
}
const { buildLibrary } = await import("./library.mjs");
await buildLibrary();
