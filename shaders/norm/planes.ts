import { flatMain, rowMain } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { ROW_WORKGROUP, STRIDE } from "./rows.ts";

/** Kernels that change every element of x [n, channels, ...places] by numbers of its channel. */

/**
 * How elements meet invocations: one by one, or a workgroup a plane of `places` elements, where no element takes a
 * division. `size` counts elements or planes.
 */
export type PlaneForm = "flat" | "plane";

/** With fours, which stand in one plane, `size` of the flat form and `places` count those. */
export const planeParams = paramBlock({ size: "u32", rows: "u32", channels: "u32", places: "u32", extra: "f32" });

/** Entry point: `numbers` are made once for each `channel`, `body` runs for every element `i`. */
export function planeMain(form: PlaneForm, numbers: string, body: string): string {
  if (form === "flat") return flatMain(`  let channel = i / params.places % params.channels;\n${numbers}\n${body}`);
  return rowMain(
    wgsl`
  let channel = row % params.channels;
${numbers}
  for (var j = local; j < params.places; j += ${STRIDE}) {
    let i = row * params.places + j;
${body}
  }
`,
    ROW_WORKGROUP,
  );
}
