import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Result } from "./command.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where the package's names lead in its sources. */
const entries = {
  "chainrule/check": "src/check/index.ts",
  "chainrule/custom": "src/custom.ts",
  "chainrule/io": "src/io/index.ts",
  "chainrule/node": "src/node.ts",
  chainrule: "src/index.ts",
} as const;

/** A program as a document has it, against the sources. */
export function againstSources(code: string): string {
  return against(code, (file) => join(root, file));
}

function against(code: string, place: (file: string) => string): string {
  return Object.entries(entries).reduce(
    (text, [name, file]) => text.replaceAll(`from "${name}"`, `from ${JSON.stringify(place(file))}`),
    code,
  );
}

/**
 * Runs a program of a document as `npx tsx` would, in `folder`, and keeps it there under `name`: with the library as
 * test/setup/command.ts built it, else with its sources.
 */
export async function runProgram(code: string, folder: string, name = "program.mts"): Promise<Result> {
  const file = join(folder, name);
  const built = process.env.CHAINRULE_UNDER_TEST;
  const library = (source: string): string => join(built!, "dist/lib", source.replace(/ts$/, "js"));
  writeFileSync(file, built ? against(code, library) : againstSources(code));
  const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
  return runIn(folder, process.execPath, ["--import", tsx, file]);
}

/** Runs a command and gives all that it printed. */
export function runIn(cwd: string, command: string, args: readonly string[], env = process.env): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env });
    let [out, err] = ["", ""];
    child.stdout.on("data", (text) => {
      out += text;
    });
    child.stderr.on("data", (text) => {
      err += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, out, err }));
  });
}

/** A file of the clone. */
export const readText = (path: string): string => readFileSync(join(root, path), "utf8");
