/**
 * npm run bench:isa [-- --root FOLDER] [--only NAME,...] [--kernels REGEX] [--guessed]: what GPU compilers make of every
 * kernel, of GPUs that are not there; with --guessed of those alone that are the first guess for something. Makes the Debian
 * in FOLDER (default: chainrule-isa in the folder for temporary files) where it is not yet, which needs root and debootstrap.
 * Prints tables of products, convolutions and attention, and all first guesses that spill; fails where one does.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DEFAULT_CAPS, type DeviceCaps } from "../../src/graph/op.ts";
import { type AnalysedKernel, analyse } from "./analyse.mjs";
import { type ListedKernel, listKernels, TAGS } from "./kernels.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const repository = fileURLToPath(new URL("../../", import.meta.url));
const { values } = parseArgs({
  options: {
    root: { type: "string", default: join(tmpdir(), "chainrule-isa") },
    only: { type: "string" },
    kernels: { type: "string", default: "." },
    guessed: { type: "boolean", default: false },
  },
});

/** Devices as measure.sh names them, and what their adapters say of themselves. */
const devices: Readonly<Record<string, Partial<DeviceCaps>>> = {
  navi31: { vendor: "amd", architecture: "rdna-3", subgroupMinSize: 32, subgroupMaxSize: 64 },
  navi21: { vendor: "amd", architecture: "rdna-2", subgroupMinSize: 32, subgroupMaxSize: 64 },
  gfx1201: { vendor: "amd", architecture: "rdna-4", subgroupMinSize: 32, subgroupMaxSize: 64 },
  vega10: { vendor: "amd", architecture: "gcn-5", subgroupMinSize: 64, subgroupMaxSize: 64 },
  nv174: { vendor: "nvidia", architecture: "ampere", subgroupMinSize: 32, subgroupMaxSize: 32, shaderF16: false },
  a740: { vendor: "qualcomm", architecture: "adreno-7xx", subgroupMinSize: 64, subgroupMaxSize: 128 },
  tgl: { vendor: "intel", architecture: "gen-12lp", subgroupMinSize: 8, subgroupMaxSize: 32 },
  dg2: { vendor: "intel", architecture: "gen-12hp", subgroupMinSize: 8, subgroupMaxSize: 32 },
  bmg: { vendor: "intel", architecture: "xe-2hpg", subgroupMinSize: 16, subgroupMaxSize: 32 },
  m1: { vendor: "apple", architecture: "common-3", subgroupMinSize: 32, subgroupMaxSize: 32 },
};
const common: DeviceCaps = {
  ...DEFAULT_CAPS,
  maxComputeWorkgroupStorageSize: 32768,
  maxBufferSize: 2 ** 31 - 4,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  subgroups: true,
  shaderF16: true,
};

if (!existsSync(join(values.root, "isa/layer/libcapture-layer.so"))) {
  execFileSync("bash", [join(here, "setup.sh"), values.root, "--intel"], { stdio: "inherit" });
}
/** Kernels of what `kernels.ts` weighs beside products. */
const WEIGHED = /^(conv|convInputGradient|convWeightGradient|attention|attentionGradient)\..*\.(3x3\.64|d\d+)$/;
const names = values.only?.split(",") ?? Object.keys(devices);
const only = new RegExp(values.kernels);
let spilling = 0;
for (const name of names) {
  const device = devices[name];
  if (!device) throw new Error(`no device ${name}: there are ${Object.keys(devices).join(", ")}`);
  const all = await listKernels({ ...common, ...device });
  const kernels = all.filter((k) => only.test(k.name) && (!values.guessed || k.guessed.length > 0));
  const { adapter, rows } = measured(name, kernels);
  const found = new Map(rows.map((row) => [row.name, row]));
  console.log(`\n${name}: ${adapter.description} ${adapter.device}, ${kernels.length} kernels\n`);
  printProducts(kernels, found);
  printForms(kernels, found);
  const wrong = kernels.filter(
    ({ guessed, name: kernel }) => guessed.length > 0 && (found.get(kernel)?.spills ?? 0) > 0,
  );
  for (const k of wrong)
    console.log(`spills ${found.get(k.name)!.spills}: ${k.name}, first guess for ${k.guessed.join("; ")}`);
  const failed = rows.filter(({ error }) => error !== undefined);
  for (const row of failed) console.log(`not compiled: ${row.name}: ${row.error!.slice(0, 200)}`);
  spilling += wrong.length;
}
console.log(`\n${spilling} first guesses spill`);
process.exit(spilling > 0 ? 1 : 0);

/** Compiles the kernels for a device and reads what came out. */
function measured(device: string, kernels: readonly ListedKernel[]) {
  const [wgsl, out] = ["wgsl", "out"].map((folder) => join(values.root, "work", device, folder)) as [string, string];
  rmSync(join(values.root, "work", device), { recursive: true, force: true });
  for (const folder of [wgsl, out]) mkdirSync(folder, { recursive: true });
  for (const { name, code } of kernels) writeFileSync(join(wgsl, `${name}.wgsl`), code);
  const dawn = join(repository, "node_modules/webgpu");
  execFileSync("bash", [join(here, "measure.sh"), values.root, dawn, device, wgsl, out], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const hints = Object.fromEntries(kernels.map(({ name, loops }) => [name, { loops }]));
  writeFileSync(join(out, "kernels.json"), JSON.stringify(hints));
  return analyse(out, { kernels: JSON.parse(readFileSync(join(out, "kernels.json"), "utf8")) });
}

function cell(name: string, row: AnalysedKernel | undefined): string {
  const percent = (share: number | null | undefined): string => (share == null ? "" : `${Math.round(100 * share)}`);
  if (!row) return "";
  const spills = row.spills ? ` s${row.spills}` : "";
  return `${name} ${percent(row.hotShare)}/${percent(row.wholeShare)}${spills} (${row.registers} registers, ${row.waves} waves)`;
}

/** Of the convolution and the attention that are weighed: every kernel, the first guesses marked. */
function printForms(kernels: readonly ListedKernel[], found: ReadonlyMap<string, AnalysedKernel>): void {
  const forms = kernels.filter(({ name }) => WEIGHED.test(name) && found.has(name));
  if (forms.length > 0) console.log("\n| kernel | guessed | hot/whole % |\n|---|---|---|");
  for (const { name, guessed } of forms) {
    console.log(`| ${name} | ${guessed.some((tag) => TAGS.test(tag)) ? "yes" : ""} | ${cell("", found.get(name))} |`);
  }
}

/** Of every product: the first guess, and the rung that reaches most. */
function printProducts(kernels: readonly ListedKernel[], found: ReadonlyMap<string, AnalysedKernel>): void {
  console.log("| product | first guess, hot/whole % | best, hot/whole % |\n|---|---|---|");
  const all = [512, 1024, 4096].flatMap((size) => ["", "f16 "].map((type) => [size, type] as const));
  for (const [size, type] of all) {
    for (const form of ["NN", "NT", "TN"]) {
      const op = `${type ? "half" : ""}${form === "NN" ? "Matmul" : "TransposeMatmul"}`.replace(/^[MT]/, (c) =>
        c.toLowerCase(),
      );
      const tag = `${op} ${form}.${size}`;
      const guess = kernels.find(({ guessed }) => guessed.includes(tag));
      const rungs = kernels.filter(({ name }) => name.startsWith(`${op}.`) && name.includes(`.${form}.`));
      const best = rungs
        .filter(({ name }) => !found.get(name)?.spills)
        .sort((a, b) => (found.get(b.name)?.wholeShare ?? 0) - (found.get(a.name)?.wholeShare ?? 0))[0];
      const short = (k: ListedKernel) => k.name.split(".")[1]!;
      console.log(
        `| ${type}${form} ${size} | ${guess ? cell(short(guess), found.get(guess.name)) : ""} | ${best ? cell(short(best), found.get(best.name)) : ""} |`,
      );
    }
  }
}
