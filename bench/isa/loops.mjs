// Loops of a text by dominators, and what whole kernels of known loops run.
import { NONE, sum } from "./counts.mjs";

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
export function loopsOf(instructions, count) {
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
  const leaves = (from, to) => {
    const inside = around(from);
    return inside !== root && !inside.body.has(to);
  };
  const { fills, tails } = sidesOf(blocks, before, dominators, all, count, leaves);
  for (const [i, b] of blocks.entries()) {
    const loop = around(i);
    const each = b.code.reduce((total, x) => sum(total, count(x)), NONE);
    loop.own = sum(loop.own, each);
    if (tails.has(i)) loop.tails = sum(loop.tails ?? NONE, each);
    else if (fills.has(i)) loop.fills = sum(loop.fills ?? NONE, each);
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
 * brings one operand, a part the other. `tails` only move: what lies behind the last term becomes 0. What follows a loop is
 * no side of the branch that `leaves` it.
 */
function sidesOf(blocks, before, dominators, unreached, count, leaves) {
  const [fills, tails] = [new Set(), new Set()];
  for (const [b, { next }] of blocks.entries()) {
    if (next.length !== 2) continue;
    for (const side of next) {
      if (before[side].length !== 1 || dominators[b].has(side) || leaves(b, side)) continue;
      const region = [...blocks.keys()].filter((i) => dominators[i] !== unreached && dominators[i].has(side));
      const all = region.flatMap((i) => blocks[i].code).reduce((total, x) => sum(total, count(x)), NONE);
      if (all.fma + all.matrix + all.barrier + all.spill > 0) continue;
      for (const i of region) (all.vmem + all.lds > 0 ? fills : tails).add(i);
    }
  }
  return { fills, tails };
}

const fmasIn = (loop) => loop.own.fma + loop.own.matrix + loop.in.reduce((s, l) => s + fmasIn(l), 0);
export const everyLoop = (loop) => [loop, ...loop.in.flatMap(everyLoop)];

/**
 * What an invocation runs of the whole, by known numbers of turns. A loop that the compiler unrolled is in its parent's
 * instructions already. Null where the loops are others than were announced.
 */
export function weigh(loop, known, wave, { sides, whole } = {}) {
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
