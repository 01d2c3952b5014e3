import { join } from "node:path";
import { ensureInstalled, ensurePackage } from "./installed.mjs";
import { node, root } from "./process.mjs";

/** npm run bench: installs the peers into a package of their own, once, and runs all side by side. */
await ensureInstalled();
const folder = join(root, "bench/peers");
await ensurePackage(folder, "the libraries to compare with");
process.exit(await node(["--import", "tsx", join(folder, "main.ts"), ...process.argv.slice(2)]));
