import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled, ensurePackage } from "../../../scripts/installed.mjs";
import { node } from "../../../scripts/process.mjs";

/** node test/release/onnx/run.mjs: exported nets in ONNX Runtime, which lives in a package of its own; --write keeps what it gives. */
await ensureInstalled();
const folder = dirname(fileURLToPath(import.meta.url));
await ensurePackage(folder, "ONNX Runtime");
process.exit(await node(["--import", "tsx", join(folder, "main.ts"), ...process.argv.slice(2)]));
