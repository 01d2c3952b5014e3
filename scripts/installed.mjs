import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { npm, root } from "./process.mjs";

/** Installs what is missing: `npm ci` where the lock file fits package.json, else `npm install`. */
export async function ensureInstalled() {
  const missing = whatIsMissing();
  if (!missing) return;
  const command = lockFits() ? "ci" : "install";
  console.log(`Installing packages with npm ${command} (${missing}) ...`);
  const status = await npm([command, "--no-audit", "--no-fund"]);
  if (status !== 0) {
    console.error(`npm ${command} failed with status ${status}; what it printed above says why.`);
    process.exit(status);
  }
}

/** Installs a package of its own, whose lock file lies in `folder`, where what is there is not what that asks for. */
export async function ensurePackage(folder, what) {
  const versions = (path) => Object.entries(JSON.parse(readFileSync(join(folder, path), "utf8")).packages);
  const written = "node_modules/.package-lock.json";
  const found = existsSync(join(folder, written)) ? Object.fromEntries(versions(written)) : {};
  if (versions("package-lock.json").every(([path, { version }]) => path === "" || found[path]?.version === version))
    return;
  console.log(`Installing ${what} (${relative(root, folder)}) ...`);
  const status = await npm(["ci", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts"]);
  if (status !== 0) process.exit(status);
}

/** The first package that the lock file asks for and node_modules lacks, in words; null where all are there. */
export function whatIsMissing() {
  const lock = read("package-lock.json");
  if (!lock) return "there is no package-lock.json";
  if (!lockFits()) return "package.json has changed";
  // npm writes this list when it has finished, so a broken install does not look whole.
  const installed = read("node_modules/.package-lock.json");
  if (!installed) return "nothing is installed";
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (path === "" || wanted.link) continue;
    const found = installed.packages[path];
    const there = found?.version === wanted.version && existsSync(join(root, path, "package.json"));
    if (!there && isForThisMachine(wanted)) return `${path.replace("node_modules/", "")} ${wanted.version}`;
  }
  return null;
}

/** True where the lock file was made from the package.json that is there. */
function lockFits() {
  const own = read("package.json");
  const locked = read("package-lock.json")?.packages?.[""];
  if (!own || !locked) return false;
  const kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
  return kinds.every((kind) => sorted(own[kind]) === sorted(locked[kind]));
}

function sorted(names) {
  return JSON.stringify(Object.entries(names ?? {}).sort());
}

/** Optional packages are builds for one platform each; npm installs those that fit. */
function isForThisMachine(wanted) {
  if (!wanted.optional) return true;
  if (!wanted.os && !wanted.cpu) return false;
  return fits(wanted.os, process.platform) && fits(wanted.cpu, process.arch) && fits(wanted.libc, libc());
}

function fits(allowed, actual) {
  return !allowed || (allowed.includes(actual) && !allowed.includes(`!${actual}`));
}

function libc() {
  process.report.excludeNetwork = true; // looking up host names takes seconds on some machines
  return process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
}

function read(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), "utf8"));
  } catch {
    return null;
  }
}
