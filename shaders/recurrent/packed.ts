import { fromQuad, QUAD } from "../quads.ts";
import { lane, range, wgsl } from "../wgsl.ts";
import { fourRows } from "./unit.ts";

/**
 * The loop over time for adapters on a CPU, by what matmul/packed.ts says of them. The four invocations of a quad have four
 * rows of the batch each. In each step a part of their state, `depth` terms, goes into an invocation's own variable; then the
 * weights pass, a line after the other, and each adds its terms to its four sums. An invocation loads four terms of a stretch
 * of 16 and takes the others from its neighbours, so it adds them in an order of its own.
 *
 * Nobody waits: what a row leaves behind is read by its own invocation alone. It lies in the device's memory, four rows to a
 * vec4: state, sums of what was added up before, and what the way back carries. Loops ask at their end: SwiftShader goes
 * through a loop's body once more, for no invocation, where it asks at the beginning, and through that of an `if` always.
 */
export interface PackedForm {
  /** Terms at a time: a multiple of STRETCH. */
  readonly depth: number;
}

export const PACKED_ROWS = 4 * QUAD;
/** Terms that a quad loads at a time, four an invocation. */
export const STRETCH = 4 * QUAD;

/** What a loop does: `step` begins one, `unit` is one unit's. */
export interface PackedText {
  readonly lengths: boolean;
  readonly step: string;
  readonly unit: string;
}

/** Sums of line \`line\` and of those terms that are packed, as \`made\`. */
function lineSums(depth: number): string {
  const stretches = range(depth / STRETCH);
  const rows = range(4);
  return [
    "      let from_ = (line * params.terms + k0) / 4u + place;",
    ...stretches.map((g) => `      let w${g}_0 = weights[from_ + ${g * QUAD}u];`),
    ...stretches.flatMap((g) =>
      range(QUAD - 1).map((s) => `      let w${g}_${s + 1} = ${fromQuad[s + 1]!(`w${g}_0`)};`),
    ),
    // Behind the swaps: matmul/packed.ts says why.
    "      let slot = sums + line * 4u;",
    "      let before = select(state[slot], vec4<f32>(), k0 == 0u);",
    ...range(depth).flatMap((k) =>
      rows.map((r) => {
        const sum = k === 0 ? `before.${lane(r)}` : `sum${r}_${k - 1}`;
        const [g, s, u] = [Math.floor(k / STRETCH), Math.floor(k / 4) % QUAD, k % 4];
        return `      let sum${r}_${k} = ${sum} + w${g}_${s}.${lane(u)} * packed[${k * 4 + r}];`;
      }),
    ),
    `      let made = vec4<f32>(${rows.map((r) => `sum${r}_${depth - 1}`).join(", ")});`,
    "      state[slot] = made;",
  ].join("\n");
}

/** The entry point. */
export function packedMain({ depth }: PackedForm, { lengths, step, unit }: PackedText): string {
  return wgsl`
var<private> packed: array<f32, ${4 * depth}>;
@compute @workgroup_size(${QUAD})
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>,
        @builtin(subgroup_invocation_id) inSubgroup: u32) {
  let group = id.y * count.x + id.x;
  if (group >= params.groups) { return; }
  let place = inSubgroup % ${QUAD}u;
  let h = params.h;
  let mine = group * (params.terms + params.items + h) * 4u + place;
  let sums = mine + params.terms * 4u;
  let carried = sums + params.items * 4u;
  if (params.begin == 0u) {
    for (var term = 0u; term < params.terms; term++) { state[mine + term * 4u] = vec4<f32>(); }
  }
  var s = params.begin;
  loop {
${step}
${fourRows(lengths, `group * ${PACKED_ROWS}u + place * 4u`)}
    var k0 = 0u;
    loop {
      var four = 0u;
      loop {
        let term = mine + (k0 + (four ^ place) * 4u) * 4u;
${range(4)
  .flatMap((u) => [
    `        let state${u} = state[term + ${4 * u}u];`,
    ...range(4).map((r) => `        packed[four * 16u + ${4 * u + r}u] = state${u}.${"xyzw"[r]};`),
  ])
  .join("\n")}
        continuing { four++; break if four >= ${depth / 4}u; }
      }
      var line = 0u;
      loop {
${lineSums(depth)}
        continuing { line++; break if line >= params.items; }
      }
      continuing { k0 += ${depth}u; break if k0 >= params.terms; }
    }
    var unit = 0u;
    loop {
${unit}
      continuing { unit++; break if unit >= h; }
    }
    continuing { s++; break if s >= params.end; }
  }
}
`;
}
