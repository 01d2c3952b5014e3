import { ensureInstalled } from "./installed.mjs";
import { node, tools } from "./process.mjs";
import { ensureWasm } from "./wasm.mjs";

/**
 * npm test: types, style, then all tests. Arguments go to vitest: npm test -- --project unit. With --all, as
 * `npm run test:all` has it, what repeats itself with other numbers does so more often: see test/shared/thorough.ts.
 */
const args = process.argv.slice(2).filter((arg) => arg !== "--all");
if (args.length < process.argv.length - 2) process.env.CHAINRULE_TESTS = "all";
await ensureInstalled();
await ensureWasm();
const steps = [
  ["Types", [tools.tsc, "--noEmit"]],
  ["Style", [tools.biome, "check"]],
  ["Tests", [tools.vitest, "run", ...args]],
];
for (const [name, command] of steps) {
  console.log(`${name}: ${command.join(" ")}`);
  const status = await node(command);
  if (status !== 0) process.exit(status);
}
