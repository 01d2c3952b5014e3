import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProvidedContext } from "vitest";
import type { TestProject } from "vitest/node";
import { buildLibrary } from "../../scripts/library.mjs";
import { npmCommand } from "../../scripts/process.mjs";

declare module "vitest" {
  export interface ProvidedContext {
    /** What `npm pack` makes. */
    tarball: string;
    /** What lies in it, and its bytes unpacked, as npm says. */
    packed: { readonly files: readonly { readonly path: string }[]; readonly unpackedSize: number };
    /** A project of a user's, elsewhere, that has installed it. */
    userProject: string;
  }
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs npm and gives what it prints. Throws with its complaint. */
function npm(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...npmCommand(), ...args], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${args.join(" ")} failed:\n${stderr}`);
  return stdout;
}

/** Packs the package as it is published, and installs it into a fresh project, without the network. */
export async function setup(project: TestProject): Promise<() => void> {
  const stage = join(root, "dist/package-under-test");
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const file of ["package.json", "README.md", "ARCHITECTURE.md", "LICENSE", "bin", "docs"]) {
    cpSync(join(root, file), join(stage, file), { recursive: true });
  }
  // npm test looks for errors of types beside this.
  await buildLibrary(join(stage, "dist/lib"), false);
  const { build } = await import("vite");
  const outDir = join(stage, "dist");
  await build({ configFile: join(root, "vite.node.config.ts"), root, logLevel: "warn", build: { outDir } });
  // What is built is there: the script that would build it is of the clone.
  const [{ filename, files, unpackedSize }] = JSON.parse(npm(["pack", "--ignore-scripts", "--json"], stage)) as [
    ProvidedContext["packed"] & { filename: string },
  ];
  const tarball = join(stage, filename);
  const user = mkdtempSync(join(tmpdir(), "chainrule-user-"));
  writeFileSync(join(user, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  npm(["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", tarball], user);
  // What else a user would install, from here.
  for (const name of ["webgpu", "@sparticuz/chromium", "@types/node", "undici-types"]) {
    mkdirSync(join(user, "node_modules", name, ".."), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(user, "node_modules", name), "dir");
  }
  project.provide("tarball", tarball);
  project.provide("packed", { files: files.map(({ path }) => ({ path })), unpackedSize });
  project.provide("userProject", user);
  return () => rmSync(user, { recursive: true, force: true });
}
