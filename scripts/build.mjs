import { ensureInstalled } from "./installed.mjs";
import { node, tools } from "./process.mjs";

/** npm run build: the page to dist/site, the library and its declarations to dist/lib, what Node runs to dist/cli and dist/bench. */
await ensureInstalled();
const steps = [
  [tools.vite, "build"],
  [tools.vite, "build", "--config", "vite.lib.config.ts"],
  [tools.vite, "build", "--config", "vite.node.config.ts"],
  [tools.tsc, "--project", "tsconfig.build.json"],
];
for (const args of steps) {
  const status = await node(args);
  if (status !== 0) process.exit(status);
}
