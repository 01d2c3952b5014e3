import { paramBlock } from "../params.ts";
import { matmulParams } from "./common.ts";

/** Those of a product, and elements from one matrix of each operand, and of the result, to the next. */
export const batchedParams = paramBlock({
  ...matmulParams.fields,
  aBatch: "u32",
  bBatch: "u32",
  cBatch: "u32",
});

/** Where main begins, in every kernel of a product. */
const ENTRY = "@builtin(local_invocation_index) lane: u32) {";

/**
 * The text of a product's kernel as one of a batch of them: workgroups along z have a product each, and read and write
 * where its matrices begin. Of a kernel that divides no sum along z.
 */
export function batchedProduct(code: string): string {
  if (!code.includes(matmulParams.wgsl) || !code.includes(ENTRY)) throw new TypeError("a product's kernel has changed");
  const starts = ["a", "b", "c"].map(
    (name) => `  ${name}First = params.${name}Offset + group.z * params.${name}Batch;`,
  );
  return code
    .replace(
      matmulParams.wgsl,
      `${batchedParams.wgsl}\n${["a", "b", "c"].map((name) => `var<private> ${name}First: u32;`).join("\n")}\n`,
    )
    .replaceAll("group.z", "0u")
    .replace(/params\.([abc])Offset/g, "$1First")
    .replace(ENTRY, `${ENTRY}\n${starts.join("\n")}`);
}
