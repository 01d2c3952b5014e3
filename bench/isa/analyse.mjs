// Reads what measure.sh captured and says what the hot loops consist of.
//   node analyse.mjs OUT_FOLDER [--kernels kernels.json] [--only REGEX] [--json FILE] [--loops]
// kernels.json (from chainrule-kernels.mts) has how often the loops of a kernel turn; with it whole kernels are weighed,
// without it only the loop with most multiply-adds.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NONE = {
  fma: 0,
  fmaIssued: 0,
  valu: 0,
  mul32: 0,
  trans: 0,
  clamp: 0,
  scalar: 0,
  smem: 0,
  lds: 0,
  ldsBytes: 0,
  vmem: 0,
  vmemBytes: 0,
  matrix: 0,
  wait: 0,
  barrier: 0,
  control: 0,
  spill: 0,
  all: 0,
};
const sum = (a, b, times = 1) => Object.fromEntries(Object.keys(NONE).map((k) => [k, a[k] + times * b[k]]));

/** A text as instructions { name, operands, label, target } in their order. Labels stand before what they name. */
const readers = {
  // RADV, by LLVM's disassembler: "BB3:", "\tv_fma_f32 v1, v2, v3, v4   ; bytes"
  Assembly(text) {
    return text.split("\n").flatMap((line) => {
      const label = /^(BB\d+):/.exec(line);
      if (label) return [{ label: label[1] }];
      const body = /^\t([a-z]\w+)\s*([^;]*)/.exec(line);
      if (!body) return [];
      const target = /^s_c?branch/.test(body[1]) ? /BB\d+/.exec(body[2])?.[0] : undefined;
      return [{ name: body[1], operands: body[2].trim(), target, ends: /^s_(branch|endpgm)$/.test(body[1]) }];
    });
  },
  // NVK: "block 3 L9 [2] -> {", "@!p0  r4 = ffma.ftz r1 r2 r3  // delay=1", "} -> [4, 10]"
  "NAK assembly"(text) {
    return text.split("\n").flatMap((line) => {
      const label = /^block\S* \d+ (L\d+)/.exec(line);
      if (label) return [{ label: label[1] }];
      if (!/^[ @]/.test(line) || line.startsWith("}")) return [];
      const [code, note = ""] = line.split("//");
      const bare = code.replace(/^\s*@!?\S+/, "").trim();
      const always = !/^\s*@/.test(code) && /^(bra pT |exit)/.test(bare);
      const parts = /^(?:(.*?)\s+=\s+)?(\S+)(.*)$/.exec(bare);
      if (!parts || parts[2] === "}") return [];
      const target = parts[2] === "bra" ? /L\d+/.exec(parts[3])?.[0] : undefined;
      return [
        {
          name: parts[2],
          operands: parts[3].trim(),
          to: parts[1] ?? "",
          target,
          ends: always,
          delay: Number(/delay=(\d+)/.exec(note)?.[1] ?? 0),
        },
      ];
    });
  },
  // Turnip: "l53:", "(sy)(ss)(rpt3)mad.f32 r1.x, (r)r2.x, r3.x, (r)r4.x"
  "IR3 Assembly"(text) {
    return text.split("\n").flatMap((line) => {
      const label = /^(l\d+):/.exec(line);
      if (label) return [{ label: label[1] }];
      const body = /^((?:\(\w+\))*)([a-z][\w.]*)\s*(.*)$/.exec(line.trim());
      if (!body || /^(shps|shpe|getone)/.test(body[2])) return [];
      const times = 1 + Number(/\(rpt(\d)\)/.exec(body[1])?.[1] ?? 0);
      const nops = Number(/\(nop(\d)\)/.exec(body[1])?.[1] ?? 0);
      const target = /^(br|jump|bany|ball|brao|braa)/.test(body[2]) ? /#(l\d+)/.exec(body[3])?.[1] : undefined;
      return [
        {
          name: body[2],
          operands: body[3],
          target,
          ends: /^(jump|end)$/.test(body[2]),
          times,
          nops,
          waits: /\((sy|ss)\)/.test(body[1]),
        },
      ];
    });
  },
  // ANV: "LABEL36:", "(-f0.0) while(16) JIP:  LABEL36", "mad(16)  g10<1>F  g8<8,8,1>F ..."; messages go on in a second line
  "GEN Assembly"(text) {
    const lines = text.split("\n");
    const found = lines.flatMap((line, i) => {
      const label = /^(LABEL\d+):/.exec(line);
      if (label) return [{ label: label[1] }];
      const body = /^(\([^)]*\)\s*)?([a-z][\w.]*)(?: \w+)?\((\d+)\)\s*(.*)$/.exec(line);
      if (!body) return [];
      const [, , name, width, operands] = body;
      // Lanes that leave a loop wait at its end: code behind it follows the turn back.
      const target = /^(if|else|while|break|continue|goto|brd)/.test(name) ? /LABEL\d+/.exec(operands)?.[0] : undefined;
      const message = name.startsWith("send") ? (lines[i + 1] ?? "").trim() : "";
      return [{ name, operands, message, target, ends: name === "else", width: Number(width) }];
    });
    // Xe2 computes 16 lanes a cycle and runs 32 invocations a thread, its forerunners 8 and at most 16 here.
    const dispatch = Math.max(...found.map((x) => x.width ?? 1));
    const native = dispatch === 32 ? 16 : 8;
    return found.map((x) => ({ ...x, cycles: Math.max(1, (x.width ?? 1) / native), part: (x.width ?? 1) / dispatch }));
  },
};

const widthOf = (name) => {
  const bits = /_(?:b|u|i|d)?(32|64|96|128|16|8)$/.exec(name)?.[1] ?? /\.b(\d+)/.exec(name)?.[1];
  if (bits) return Number(bits) / 8;
  const words = /dwordx?(\d)?$/.exec(name);
  return words ? 4 * Number(words[1] ?? 1) : 4;
};

/** What an instruction counts as. */
const counters = {
  Assembly({ name, operands }) {
    const c = { ...NONE, all: 1 };
    if (name.startsWith("v_dual_")) {
      for (const half of [name, ...(/:: (\w+)/.exec(operands)?.slice(1) ?? [])]) {
        if (/fmac|fmaak|fmamk|fma_/.test(half)) c.fma++;
        else c.valu += 0.5;
      }
      if (c.fma) c.fmaIssued = 1;
      return c;
    }
    if (/^v_(s)?wmma|^v_mfma/.test(name)) c.matrix = 1;
    else if (/^v_pk_fma_f16|^v_dot2/.test(name)) [c.fma, c.fmaIssued] = [2, 1];
    else if (/^v_pk_fma_f32/.test(name)) [c.fma, c.fmaIssued] = [2, 1];
    else if (/^v_(fma|fmac|mad|mac|fmaak|fmamk|madak|madmk)(_mix\w*)?_(legacy_)?f(32|16)/.test(name))
      [c.fma, c.fmaIssued] = [1, 1];
    else if (/^v_fma_mix/.test(name)) [c.fma, c.fmaIssued] = [1, 1];
    else if (/^v_/.test(name)) {
      c.valu = 1;
      if (/^v_(mul_lo_u32|mul_hi_[ui]32|mad_[ui]64|mad_co_[ui]64)/.test(name)) c.mul32 = 1;
      if (/^v_(rcp|rsq|sqrt|exp|log|sin|cos)/.test(name)) c.trans = 1;
      if (/^v_(min|max|med3)/.test(name)) c.clamp = 1;
    } else if (/^ds_/.test(name)) {
      c.lds = 1;
      if (/load|read/.test(name))
        c.ldsBytes = widthOf(name.replace(/_st64/, "")) * (/(load|read)2|2addr/.test(name) ? 2 : 1);
    } else if (/^(buffer|global|flat)_/.test(name)) [c.vmem, c.vmemBytes] = [1, /load/.test(name) ? widthOf(name) : 0];
    else if (/^scratch_/.test(name)) c.spill = 1;
    else if (/^s_(load|buffer_load)/.test(name)) c.smem = 1;
    else if (/^s_wait/.test(name)) c.wait = 1;
    else if (/^s_barrier/.test(name)) c.barrier = 1;
    else if (/^s_(delay_alu|nop|clause|set|sendmsg|endpgm|c?branch|inst_prefetch)/.test(name)) c.control = 1;
    else c.scalar = 1;
    return c;
  },
  "NAK assembly"({ name, to, delay }) {
    const c = { ...NONE, all: 1, wait: Math.max(0, delay - 1) };
    if (/^ffma/.test(name)) [c.fma, c.fmaIssued] = [1, 1];
    else if (/^hfma2/.test(name)) [c.fma, c.fmaIssued] = [2, 1];
    else if (/^[hi]mma/.test(name)) c.matrix = 1;
    else if (/^(ld|st|ldsm)\.?(shared)/.test(name) || /^ldsm/.test(name))
      [c.lds, c.ldsBytes] = [1, /^ld/.test(name) ? widthOf(name) : 0];
    else if (/^(ld|st|atom|red)\.local/.test(name)) c.spill = 1;
    else if (/^(ld|st|atom|red)/.test(name) && !/^ldc/.test(name))
      [c.vmem, c.vmemBytes] = [1, /^ld/.test(name) ? widthOf(name) : 0];
    else if (/^ldc/.test(name)) c.smem = 1;
    else if (/^bar/.test(name)) c.barrier = 1;
    else if (/^(bra|bssy|bsync|bclear|nop|exit|warpsync|bmov|break)/.test(name)) c.control = 1;
    else if (/^u[rp]/.test(to)) c.scalar = 1;
    else {
      c.valu = 1;
      if (/^(imad\.(wide|hi)|imul)/.test(name)) c.mul32 = 1;
      if (/^mufu/.test(name)) c.trans = 1;
      if (/mnmx/.test(name)) c.clamp = 1;
    }
    return c;
  },
  "IR3 Assembly"({ name, operands, times, nops, waits }) {
    const c = { ...NONE, all: times + nops, wait: nops + (waits ? 1 : 0) };
    if (/^mad\.f(32|16)/.test(name)) c.fma = c.fmaIssued = times;
    else if (/^(ldl|stl)/.test(name))
      [c.lds, c.ldsBytes] = [1, /^ldl/.test(name) ? 4 * Number(/, (\d+)$/.exec(operands)?.[1] ?? 1) : 0];
    else if (/^(ldp|stp)/.test(name)) c.spill = 1;
    else if (/^(ldib|ldg|isam|sam|stib|stg|resinfo|ldc)/.test(name))
      [c.vmem, c.vmemBytes] = [
        1,
        /^(ldib|ldg|isam)/.test(name) ? 4 * Number(/\.(\d)d?\.?(\d)?/.exec(name)?.[2] ?? 1) : 0,
      ];
    else if (/^(bar|fence)/.test(name)) c.barrier = 1;
    else if (/^nop/.test(name)) c.wait += times;
    else if (/^(br|jump|end|bany|ball|kill|predt|predf|prede|ret)/.test(name)) c.control = 1;
    else {
      c.valu = times;
      if (/^(min|max)/.test(name)) c.clamp = times;
      if (/^mull|^madsh|^mul\.[us]24/.test(name)) c.mul32 = times;
      if (/^(rcp|rsq|sqrt|exp2|log2|sin|cos)/.test(name)) c.trans = times;
    }
    return c;
  },
  "GEN Assembly"({ name, operands, message, width, cycles, part }) {
    const c = { ...NONE, all: cycles };
    if (/^mad/.test(name) && /<1>F/.test(operands)) [c.fma, c.fmaIssued] = [part, cycles];
    else if (/^dpas/.test(name)) c.matrix = 1;
    else if (/^send/.test(name)) {
      c.all = 1;
      if (/^slm/.test(message))
        [c.lds, c.ldsBytes] = [part, /load/.test(message) ? 4 * part * Number(/V(\d+)/.exec(message)?.[1] ?? 1) : 0];
      else if (/ss \)/.test(message)) c.spill = 1;
      else if (/^gateway/.test(message)) c.barrier = 1;
      else
        [c.vmem, c.vmemBytes] = [part, /load/.test(message) ? 4 * part * Number(/V(\d+)/.exec(message)?.[1] ?? 1) : 0];
    } else if (/^sync/.test(name)) [c.wait, c.all] = [1, 1];
    else if (/^(if|else|endif|while|break|halt|jmpi|goto|join|nop)/.test(name)) [c.control, c.all] = [1, 1];
    else if (width < 8) c.scalar = 1;
    else {
      c.valu = cycles;
      if (/^(mul|mach|macl)/.test(name) && /<1>U?D/.test(operands)) c.mul32 = cycles;
      if (/^math/.test(name)) c.trans = cycles;
      if (/^sel\.(l|ge)/.test(name)) c.clamp = cycles;
    }
    return c;
  },
};

/** Stretches without a label or a branch in their midst, with the numbers of those that may follow. */
function blocksOf(instructions) {
  const blocks = [];
  let open = null;
  for (const x of instructions) {
    if (!open || (x.label && open.code.length > 0)) {
      open = { labels: [], code: [], next: [] };
      blocks.push(open);
    }
    if (x.label) open.labels.push(x.label);
    else {
      open.code.push(x);
      if (x.target !== undefined || x.ends) open = null;
    }
  }
  const at = new Map(blocks.flatMap((b, i) => b.labels.map((l) => [l, i])));
  for (const [i, b] of blocks.entries()) {
    const last = b.code.at(-1);
    if (last?.target !== undefined && at.has(last.target)) b.next.push(at.get(last.target));
    if (!last?.ends && i + 1 < blocks.length) b.next.push(i + 1);
  }
  return blocks;
}

/** Natural loops, nested: a loop is what reaches a branch back to a block that everything in it passes. */
function loopsOf(instructions, count) {
  const blocks = blocksOf(instructions);
  const before = blocks.map(() => []);
  for (const [i, b] of blocks.entries()) for (const n of b.next) before[n].push(i);
  const reached = new Set([0]);
  for (const n of reached) for (const next of blocks[n].next) reached.add(next);
  const all = new Set(blocks.keys());
  const dominators = blocks.map((_, i) => (i === 0 ? new Set([0]) : all));
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 1; i < blocks.length; i++) {
      const [first, ...rest] = before[i].filter((p) => reached.has(p)).map((p) => dominators[p]);
      if (!first) continue;
      const now = new Set([...first].filter((d) => rest.every((r) => r.has(d)))).add(i);
      if (now.size !== dominators[i].size) [dominators[i], changed] = [now, true];
    }
  }
  const bodies = new Map();
  for (const [i, b] of blocks.entries()) {
    if (!reached.has(i)) continue;
    for (const head of b.next) {
      if (!dominators[i].has(head)) continue;
      const body = bodies.get(head) ?? new Set([head]);
      const todo = [i];
      while (todo.length > 0) {
        const n = todo.pop();
        if (body.has(n)) continue;
        body.add(n);
        todo.push(...before[n]);
      }
      bodies.set(head, body);
    }
  }
  const root = { own: { ...NONE }, in: [], size: blocks.length + 1 };
  const loops = [...bodies].map(([head, body]) => ({ head, body, own: { ...NONE }, in: [], size: body.size }));
  loops.sort((x, y) => x.size - y.size || y.head - x.head);
  const around = (n, except) =>
    loops.find((l) => l !== except && l.size >= (except?.size ?? 0) && l.body.has(n)) ?? root;
  for (const l of [...loops].sort((x, y) => x.head - y.head)) around(l.head, l).in.push(l);
  const { fills, tails } = sidesOf(blocks, before, dominators, all, count);
  for (const [i, b] of blocks.entries()) {
    const loop = around(i);
    const each = b.code.reduce((total, x) => sum(total, count(x)), NONE);
    loop.own = sum(loop.own, each);
    if (fills.has(i)) loop.fills = sum(loop.fills ?? NONE, each);
    else if (tails.has(i)) loop.tails = sum(loop.tails ?? NONE, each);
  }
  for (const l of [root, ...loops]) {
    delete l.body;
    delete l.head;
    delete l.size;
  }
  return root;
}

/**
 * Blocks of sides of a branch. `fills` read memory or write workgroup memory and compute nothing: a part of the invocations
 * brings one operand, a part the other. `tails` only move: what lies behind the last term becomes 0.
 */
function sidesOf(blocks, before, dominators, unreached, count) {
  const [fills, tails] = [new Set(), new Set()];
  for (const [b, { next }] of blocks.entries()) {
    if (next.length !== 2) continue;
    for (const side of next) {
      if (before[side].length !== 1 || dominators[b].has(side)) continue;
      const region = [...blocks.keys()].filter((i) => dominators[i] !== unreached && dominators[i].has(side));
      const all = region.flatMap((i) => blocks[i].code).reduce((total, x) => sum(total, count(x)), NONE);
      if (all.fma + all.matrix + all.barrier + all.spill > 0) continue;
      for (const i of region) (all.vmem + all.lds > 0 ? fills : tails).add(i);
    }
  }
  return { fills, tails };
}

const fmasIn = (loop) => loop.own.fma + loop.own.matrix + loop.in.reduce((s, l) => s + fmasIn(l), 0);
const everyLoop = (loop) => [loop, ...loop.in.flatMap(everyLoop)];

/**
 * What an invocation runs of the whole, by known numbers of turns. A loop that the compiler unrolled is in its parent's
 * instructions already. Null where the loops are others than were announced.
 */
function weigh(loop, known, wave, { sides, whole } = {}) {
  let total = { ...loop.own };
  // Of a fill's sides a wave takes one, where the pieces of an operand are a multiple of its size.
  if (sides !== undefined && sides % wave === 0 && loop.fills) total = sum(total, loop.fills, -0.5);
  // Sums are whole blocks long at the sizes that are weighed.
  if (whole && loop.tails) total = sum(total, loop.tails, -1);
  let hints = known ?? [];
  if (loop.in.length < hints.length) {
    // Some were unrolled: of those that are left, who computes is known.
    const computing = hints.filter((h) => h.computes);
    hints =
      loop.in.length === 1
        ? (fmasIn(loop.in[0]) > 0 ? computing : hints.filter((h) => !h.computes)).slice(0, 1)
        : hints.slice(0, loop.in.length);
  }
  if (loop.in.length > hints.length) return null;
  for (const [i, inner] of loop.in.entries()) {
    const { times, apart } = hints[i];
    const weight = weigh(inner, hints[i].in, wave, hints[i]);
    if (!weight) return null;
    // Of two branches a wave runs one, where none of it takes the other.
    total = sum(total, weight, times * (apart !== undefined && apart % wave === 0 ? 0.5 : 1));
  }
  return total;
}

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
