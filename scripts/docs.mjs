import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The API reference, by TypeDoc: dist/docs. An export without a description, or that names what is not there, is an error. */

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** Fields of a union's members, such as a layer's: the union's own description has them. */
const anonymous = /\.__type\b/;
/** What the lower tiers are made of: ARCHITECTURE.md and the sources have it, no program needs its name. */
const inside = ["AnyOp", "WasmPlan", "ChipWriter", "ChipValue", "Scalar", "ExecutorCache", "WebGpuDevice"];
const machinery = ["WebGpuExecutor", "LazyTuner", "Graph", "lossKinds"];

/** Reads the sources, writes the reference into `out` unless that is null, and gives every complaint. */
export async function documentation(out) {
  const { Application, Logger, LogLevel, TSConfigReader } = await import("typedoc");
  const entries = ["index.ts", "node.ts", "check/index.ts", "custom.ts", "io/index.ts"];
  const app = await Application.bootstrap(
    {
      name: "Chainrule",
      entryPoints: entries.map((file) => join(root, "src", file)),
      tsconfig: join(root, "tsconfig.build.json"),
      readme: join(root, "README.md"),
      excludePrivate: true,
      // tsc looks for errors; here they would be looked for once more.
      skipErrorChecking: true,
      validation: { notExported: true, invalidLink: true, notDocumented: true },
      intentionallyNotExported: [...inside, ...machinery],
    },
    [new TSConfigReader()],
  );
  const complaints = [];
  app.logger = new (class extends Logger {
    log(message, level) {
      // A copy of the sources without a remote has the reference all the same, without links to them.
      const remote = /git remote/.test(message);
      if (level >= LogLevel.Warn && !anonymous.test(message) && !remote) complaints.push(message);
    }
  })();
  const project = await app.convert();
  if (!project) return ["the sources could not be read", ...complaints];
  app.validate(project);
  if (out) await app.generateDocs(project, out);
  return complaints;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { ensureInstalled } = await import("./installed.mjs");
  const { ensureWasm } = await import("./wasm.mjs");
  await ensureInstalled();
  await ensureWasm();
  const out = join(root, "dist/docs");
  const complaints = await documentation(out);
  for (const text of complaints) console.error(text);
  if (complaints.length > 0) process.exit(1);
  console.log(`The API reference is in ${out}/index.html`);
}
