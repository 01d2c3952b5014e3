import { paramBlock } from "../../../shaders/params.ts";
import type { Launch } from "../../graph/op.ts";
import type { WebGpuDevice } from "./device.ts";
import { Launcher } from "./launcher.ts";
import type { Lowered } from "./lower.ts";

/** Turns of the known answer: a few milliseconds of one invocation. */
const TURNS = 2 ** 20;
const [FACTOR, ADD] = [1664525, 1013904223];
const params = paramBlock({ end: "u32", most: "u32" });

/** Turns until a number comes that no compiler can know to be the last of them. */
const code = `${params.wgsl}
@group(0) @binding(1) var<storage, read_write> turns: array<u32>;
@compute @workgroup_size(1)
fn main() {
  var x = 0u;
  var n = 0u;
  for (; n < params.most && x != params.end; n++) { x = x * ${FACTOR}u + ${ADD}u; }
  turns[0] = n;
}
`;

const known = new WeakMap<WebGpuDevice, Promise<number>>();

/**
 * Turns that a device makes in all loops of an invocation together before it ends them, without an error: infinite but on
 * some drivers (Mesa's lavapipe to 22: 65,535). A known answer, once for a device, by a loop of a million.
 */
export function longestLoop(gpu: WebGpuDevice): Promise<number> {
  let found = known.get(gpu);
  if (!found) {
    found = measure(gpu);
    known.set(gpu, found);
    found.catch(() => known.delete(gpu));
  }
  return found;
}

async function measure(gpu: WebGpuDevice): Promise<number> {
  let end = 0;
  for (let n = 0; n < TURNS; n++) end = (Math.imul(end, FACTOR) + ADD) >>> 0;
  const launcher = new Launcher(gpu, [4]);
  try {
    const launch: Launch = {
      code,
      params: params.pack({ end, most: 2 * TURNS }),
      bindings: [{ kind: "scratch", index: 0, access: "read_write" }],
      workgroups: [1, 1, 1],
    };
    (await launcher.prepare(launch, "a long loop"))(1);
    const [turns] = await launcher.read(0, 0, 1);
    return turns === TURNS ? Number.POSITIVE_INFINITY : turns!;
  } finally {
    launcher.dispose();
  }
}

/** Steps that a dispatch may hold before a device ends its loops: 0 where it has none to spare. */
export async function stepsWithin(gpu: WebGpuDevice, { width, turns }: Lowered): Promise<number> {
  // One invocation's steps are written out: only the loop over them is left, and no submit holds so many.
  if (width === 1) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.floor(((await longestLoop(gpu)) - turns.once) / turns.step));
}
