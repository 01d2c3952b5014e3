import { ensureInstalled } from "./installed.mjs";
import { node, tools } from "./process.mjs";
import { ensureWasm } from "./wasm.mjs";

/** npm test: types, style, then all tests. Arguments go to vitest: npm test -- --project unit */
await ensureInstalled();
await ensureWasm();
const steps = [
  ["Types", [tools.tsc, "--noEmit"]],
  ["Style", [tools.biome, "check"]],
  ["Tests", [tools.vitest, "run", ...process.argv.slice(2)]],
];
for (const [name, args] of steps) {
  console.log(`${name}: ${args.join(" ")}`);
  const status = await node(args);
  if (status !== 0) process.exit(status);
}
