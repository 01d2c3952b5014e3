import { type Element, element, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { philox } from "../random.ts";
import { range, wgsl } from "../wgsl.ts";

/** Rows of a batch; tokens of a window, windows of an epoch, and where the last window of the text begins. */
export const tokenWindowsParams = paramBlock({
  rows: "u32",
  length: "u32",
  windows: "u32",
  last: "u32",
  seed: "u32",
  stream: "u32",
});

/** `start`: the token with which window `k`, row `i` of a batch, begins: moved by what its epoch draws. */
export const startOf = (i: string, k: string, cursor: Element): string => `
  let epoch = ${cursor(1)} + (${cursor(2)} + ${i}) / params.windows;
  let offset = mulhi(philox(vec4<u32>(0u, epoch, params.stream, 0u), params.seed).x, params.length);
  let start = min(${k} * params.length + offset, params.last);
`;

/** Invocations that copy one window together; each of them draws where it begins. */
const WINDOW_WORKGROUP = { single: 64, fours: 32 } as const;

/**
 * x and y [rows, length]: windows of a text named by index, and the same one token further on. Tokens are taken one by one, or
 * `four` at once of a window of whole fours, which begin anywhere in the text.
 */
export function tokenWindows(four: boolean): string {
  const type = four ? "vec4<i32>" : "i32";
  const from = (k: number): string =>
    `${type}(${range(four ? 4 : 1)
      .map((t) => `token${k + t}`)
      .join(", ")})`;
  const unit = four ? 4 : 1;
  const workgroup = WINDOW_WORKGROUP[four ? "fours" : "single"];
  return wgsl`
${tokenWindowsParams.wgsl}
${storage(read("tokens", "i32"), read("index", "u32"), read("cursor", "u32"), write("x", type), write("y", type))}
${philox}
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = group.y * groups.x + group.x;
  if (i >= params.rows) { return; }
  ${startOf("i", "index[i]", element("cursor"))}
  let size = params.length / ${unit}u;
  for (var j = local; j < size; j += ${workgroup}u) {
    ${range(unit + 1)
      .map((k) => `let token${k} = tokens[start + ${unit}u * j + ${k}u];`)
      .join("\n    ")}
    x[i * size + j] = ${from(0)};
    y[i * size + j] = ${from(1)};
  }
}
`;
}
