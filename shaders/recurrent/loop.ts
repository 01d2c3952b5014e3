import { paramBlock } from "../params.ts";
import { lane, range, wgsl } from "../wgsl.ts";
import { fourRows } from "./unit.ts";

/**
 * The loop over time for GPUs. A workgroup has four rows of the batch to itself and goes through all steps, with a barrier
 * after each: rows know nothing of each other. State, which all invocations read, is twice there, the step before's and this
 * one's, four rows to a vec4. Each step begins with a product of state and weights. `packed.ts` is the same for CPUs.
 */
export interface LoopForm {
  /** Invocations of a workgroup. */
  readonly width: number;
  /** Places for state in workgroup memory, both halves; 0: it lies in the device's memory. */
  readonly local: number;
  /** For few registers: less terms are added at a time, and what is done behind the sums is done for one row after the other. */
  readonly few: boolean;
}

/** Multiple of which terms of a sum there are, and how many are added at a time. */
export const TERMS = 4;
export const termsOf = ({ few }: LoopForm): number => (few ? 2 : TERMS);

/** Of all forms. `items`: what has sums of its own; `groups`: workgroups that have rows. */
export const loopParams = paramBlock({
  rows: "u32",
  steps: "u32",
  h: "u32",
  begin: "u32",
  end: "u32",
  reverse: "u32",
  terms: "u32",
  items: "u32",
  groups: "u32",
});

/** Where state lies. */
export function stateDeclaration({ local }: LoopForm, index: number): string {
  return local > 0
    ? `var<workgroup> state: array<vec4<f32>, ${local}>;`
    : `@group(0) @binding(${index}) var<storage, read_write> state: array<vec4<f32>>;`;
}

const barrier = ({ local }: LoopForm): string => (local > 0 ? "workgroupBarrier();" : "storageBarrier();");

/** Sums of an item, each a vec4 of rows: \`sums\`, those of an item's gates or of its units. Behind the last item that is done again. */
function product(form: LoopForm, lanes: number): string {
  const { width } = form;
  const terms = range(termsOf(form));
  const sum = (l: number): string =>
    terms.reduce((before, k) => `fma(vec4<f32>(w${k}.${lane(l)}), row${k}, ${before})`, `a${l}`);
  return [
    `    for (var base = 0u; base < params.items; base += ${width}u) {`,
    "    let item = min(base + lane, params.items - 1u);",
    ...range(lanes).map((l) => `    var a${l} = vec4<f32>();`),
    `    for (var k = 0u; k < params.terms; k += ${terms.length}u) {`,
    ...terms.map((k) => `      let w${k} = weights[(k + ${k}u) * params.items + item];`),
    ...terms.map((k) => `      let row${k} = state[now + k + ${k}u];`),
    ...range(lanes).map((l) => `      a${l} = ${sum(l)};`),
    "    }",
    // A copy: an array whose index is a variable anywhere is not kept in registers.
    `    var sums = array<vec4<f32>, ${lanes}>(${range(lanes)
      .map((l) => `a${l}`)
      .join(", ")});`,
  ].join("\n");
}

/** What a loop does: `old` lets `was[r]` be state before the launch's first step, `step` begins one, `unit` is one unit's. */
export interface LoopText {
  /** Sums of an item, and units. */
  readonly lanes: number;
  readonly units: number;
  readonly lengths: boolean;
  readonly old: string;
  readonly step: string;
  readonly unit: string;
}

/** The entry point. */
export function loopMain(form: LoopForm, { lanes, units, lengths, old, step, unit }: LoopText): string {
  const { width, local, few } = form;
  return wgsl`
@compute @workgroup_size(${width})
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = id.y * count.x + id.x;
  if (group >= params.groups) { return; }
  let h = params.h;
  let first = group * 4u;
#if ${local > 0}
  let mine = 0u;
#else
  let mine = group * 2u * params.terms;
#endif
  for (var term = lane; term < params.terms; term += ${width}u) {
    var was = vec4<f32>();
    for (var r = 0u; r < 4u; r++) {
      let row = first + r;
${old}
    }
    state[mine + term] = was;
    state[mine + params.terms + term] = vec4<f32>();
  }
  ${barrier(form)}
  var now = mine;
  var next = mine + params.terms;
  for (var s = params.begin; s < params.end; s++) {
${step}
${product(form, lanes)}
    if (base + lane < params.items) {
    for (var u = 0u; u < ${units}u; u++) {
    let unit = item * ${units}u + u;
    if (unit < h) {
#if ${few}
    for (var v = 0u; v < min(4u, params.rows - first); v++) {
${fourRows(lengths, "first + v", true)}
${unit}
    }
#else
${fourRows(lengths, "first")}
${unit}
#endif
    }
    }
    }
    }
    ${barrier(form)}
    let turned = now; now = next; next = turned;
  }
}
`;
}
