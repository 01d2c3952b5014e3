import { type Element, element, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { philox } from "../random.ts";
import { wgsl } from "../wgsl.ts";

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

/** Invocations that copy one window together. */
export const WINDOW_WORKGROUP = 64;

/** x and y [rows, length]: windows of a text named by index, and the same one token further on. */
export function tokenWindows(): string {
  return wgsl`
${tokenWindowsParams.wgsl}
${storage(read("tokens", "i32"), read("index", "u32"), read("cursor", "u32"), write("x", "i32"), write("y", "i32"))}
${philox}
@compute @workgroup_size(${WINDOW_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = group.y * groups.x + group.x;
  if (i >= params.rows) { return; }
  ${startOf("i", "index[i]", element("cursor"))}
  for (var j = local; j < params.length; j += ${WINDOW_WORKGROUP}u) {
    x[i * params.length + j] = tokens[start + j];
    y[i * params.length + j] = tokens[start + j + 1u];
  }
}
`;
}
