// Reads what measure.sh captured and says what the hot loops consist of.
//   node analyse.mjs OUT_FOLDER [--kernels kernels.json] [--only REGEX] [--json FILE] [--loops]
// kernels.json (main.ts writes it) has how often the loops of a kernel turn; with it whole kernels are weighed,
// without it only the loop with most multiply-adds.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { counters } from "./counts.mjs";
import { everyLoop, loopsOf, weigh } from "./loops.mjs";
import { readers } from "./texts.mjs";

/** Share of the issue slots of the vector units that multiply-adds take; slow instructions count as the slots they block. */
function share(c, asm) {
  // NVIDIA and Adreno issue one instruction of a warp a cycle, whatever it is; AMD's scalar unit and memory go beside.
  // So does each of Intel's execution units.
  const other =
    asm === "Assembly"
      ? c.valu + 3 * (c.mul32 + c.trans)
      : c.all - c.fmaIssued + (asm === "IR3 Assembly" ? 0 : 3 * c.trans);
  return c.fma === 0 ? 0 : c.fmaIssued / (c.fmaIssued + other);
}

export function analyse(folder, { only = /./, kernels = {} } = {}) {
  const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8"));
  const rows = [];
  for (const [name, { captures, error }] of Object.entries(index.kernels)) {
    if (!only.test(name)) continue;
    if (captures.length !== 1) {
      rows.push({ name, error: error ?? `${captures.length} pipelines` });
      continue;
    }
    const { executables } = JSON.parse(readFileSync(join(folder, captures[0]), "utf8"));
    const { statistics: s, texts, subgroupSize } = executables[0];
    const pick = (...names) => names.map((n) => s[n]).find((v) => v !== undefined) ?? null;
    const row = {
      name,
      subgroup: subgroupSize,
      registers: pick("VGPRs", "Number of GPRs", "GPRs", "Registers used", "Max live registers"),
      waves: pick("Subgroups per SIMD", "Max warps/SM", "Threads", "Max Waves Per Core", "Max dispatch width"),
      spills:
        (pick("Spilled VGPRs", "Spills to memory", "Spills", "STP Count") ?? 0) +
        (pick("Scratch size", "SLM size", "Scratch") ?? 0),
      lds: pick("LDS size", "Workgroup Memory Size"),
      code: pick("Code size"),
      instructions: pick("Instructions", "Instruction count", "Instruction Count"),
      cycles: pick("Inverse Throughput", "Static cycle count", "ALU", "Cycles"),
    };
    const text = texts.find((t) => readers[t.name]);
    if (text) {
      const root = loopsOf(readers[text.name](readFileSync(join(folder, text.file), "utf8")), counters[text.name]);
      const loops = everyLoop(root);
      const hot =
        loops.slice(1).sort((a, b) => b.own.fma + 64 * b.own.matrix - a.own.fma - 64 * a.own.matrix)[0] ?? root;
      const whole = kernels[name]?.loops ? weigh(root, kernels[name].loops, subgroupSize) : null;
      Object.assign(row, {
        hot: hot.own,
        hotShare: share(hot.own, text.name),
        loops: root,
        whole,
        wholeShare: whole ? share(whole, text.name) : null,
        vopd: s.VOPD,
      });
    }
    rows.push(row);
  }
  return { adapter: index.adapter, rows };
}

function printLoop(loop, depth = 0) {
  const c = Object.entries(loop.own)
    .filter(([, v]) => v)
    .map(([k, v]) => `${k} ${v}`)
    .join(", ");
  console.log(`${"  ".repeat(depth + 1)}${depth ? "loop" : "once"}: ${c}`);
  for (const inner of loop.in) printLoop(inner, depth + 1);
}

if (process.argv[1]?.endsWith("analyse.mjs")) {
  const args = process.argv.slice(2);
  const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : null);
  const kernels = option("--kernels") ? JSON.parse(readFileSync(option("--kernels"), "utf8")) : {};
  const result = analyse(args[0], { kernels, only: new RegExp(option("--only") ?? ".") });
  const percent = (x) => (x === null || x === undefined ? "" : `${(100 * x).toFixed(0)}%`);
  console.log(`${result.adapter.description || ""} ${result.adapter.device}`);
  console.log(
    "| kernel | wave | registers | waves | spills | LDS | code | instructions | hot loop: fma/valu/lds(B)/vmem(B)/clamp/mul32/wait | hot fma | whole fma |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|---|");
  for (const r of result.rows) {
    if (r.error) {
      console.log(`| ${r.name} | ${r.error} |`);
      continue;
    }
    const h = r.hot;
    console.log(
      `| ${r.name} | ${r.subgroup} | ${r.registers} | ${r.waves} | ${r.spills} | ${r.lds ?? ""} | ${r.code} | ${r.instructions} | ${h ? `${h.fma}/${h.valu}/${h.lds}(${h.ldsBytes})/${h.vmem}(${h.vmemBytes})/${h.clamp}/${h.mul32}/${h.wait}${h.matrix ? ` matrix ${h.matrix}` : ""}` : ""} | ${percent(r.hotShare)} | ${percent(r.wholeShare)} |`,
    );
    if (args.includes("--loops") && r.loops) printLoop(r.loops);
  }
  if (option("--json")) writeFileSync(option("--json"), JSON.stringify(result, null, 1));
}
