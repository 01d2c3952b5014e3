import { ensureInstalled } from "./installed.mjs";
import { node, tools } from "./process.mjs";
import { ensureWasm } from "./wasm.mjs";

/**
 * npm test: types, style and all tests, side by side: the first two have one core to themselves while what is tested is
 * built. What fails of them ends the tests. Arguments go to vitest: npm test -- --project unit. With --all, as
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
const failed = new AbortController();
let first = 0;
const done = steps.map(async ([name, command]) => {
  console.log(`${name}: ${command.join(" ")}`);
  const status = await node(command, failed.signal);
  if (status === 0 || first !== 0) return;
  first = status;
  if (name !== "Tests") console.error(`${name} failed`);
  failed.abort();
});
await Promise.all(done);
process.exit(first);
