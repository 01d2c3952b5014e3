import { sumReduce, sumReducePair } from "./common.ts";
import { QUAD } from "./quads.ts";

/** Invocations of the kernels that this changes. */
const WORKGROUP = 64;

const quadSum = (type: string): string => `
fn reduceSum(value: ${type}, local: u32) -> ${type} {
  let pair = value + quadSwapX(value);
  return pair + quadSwapY(pair);
}
`;

/**
 * The text of a kernel of one workgroup, whose invocations add up what each has, for one quad; null where it is no such
 * text. Barriers are half of what an adapter on a CPU compiles of it, and an invocation more is one more to change to.
 */
export function byOneQuad(code: string): string | null {
  const sums = [
    ["f32", sumReduce(WORKGROUP)],
    ["vec2<f32>", sumReducePair(WORKGROUP)],
  ] as const;
  const found = sums.find(([, text]) => code.includes(text));
  if (!found) return null;
  const [type, text] = found;
  const changed = code
    .replace(text, quadSum(type))
    .replace(`@workgroup_size(${WORKGROUP})`, `@workgroup_size(${QUAD})`)
    .replaceAll(`+= ${WORKGROUP}u`, `+= ${QUAD}u`);
  return `enable subgroups;\n${changed}`;
}
