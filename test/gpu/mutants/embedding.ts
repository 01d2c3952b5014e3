import type { ChipMutant, Mutant } from "../mutants.ts";

const wrong =
  (kernel: string) =>
  (what: string, from: string | RegExp, to: string): Mutant => ({ op: kernel.split("/")[0]!, kernel, what, from, to });
const flat = wrong("embedding/flat");
const scan = wrong("embeddingGradient/scan");
const sorted = wrong("embeddingGradient/sorted");

const head = wrong("headLoss/chunks");

/** Wrong kernels of embeddings, and of heads with their losses. */
export const embeddingMutants: readonly Mutant[] = [
  flat("the token of another place", "tokens[i / params.width]", "tokens[i % params.width]"),
  flat("the first column for all", "params.width + i % params.width", "params.width"),
  scan("the last place is left", "k < count;", "k + 1u < count;"),
  scan("padding learns", "row == params.without", "false"),
  scan("the row behind padding learns nothing", "row == params.without", "row == params.without + 1u"),
  scan("the first column for all", "k * params.width + column", "k * params.width"),
  sorted("a place ranks behind itself", "k < local", "k <= local"),
  sorted("places of one batch of tokens begin again", "rank[at] = known + before", "rank[at] = before"),
  sorted("only the last batch of tokens counts", "= known + before + 1u", "= before + 1u"),
  sorted("each stretch of the vocabulary begins at 0", "running += here[k];", ""),
  sorted(
    "tokens begin where they end",
    /first\[v\] = running;\n\s+running \+= own;/,
    "running += own; first[v] = running;",
  ),
  sorted("the fourth of four is dropped", "+ c) + d;", "+ c);"),
  sorted("what is over of fours is dropped", "for (; k < end; k++)", "for (; k + 1u < end; k++)"),
  sorted("padding learns", "row == params.without", "false"),
  sorted("places as they come", "dy[order[k] * params.width + column]; }", "dy[k * params.width + column]; }"),
  head("the sums of the chunks before are dropped", "a[i] + b[i]", "b[i]"),
  head("targets that do not count do", /let counts = labels\[\w+\] >= 0;/, "let counts = true;"),
  head("the label's own term is left out", "p - select(0.0, 1.0,", "p - select(0.0, 0.0,"),
  head("what the loss is worth is forgotten", "dloss[0] / sums[0]", "1.0 / sums[0]"),
];

export const embeddingChipMutants: readonly ChipMutant[] = [
  ["embedding", "the next token's row", "u32(", "1u + u32("],
  ["embeddingGradient", "the gradient of all other tokens", / == (n\d+)/, " != $1"],
  ["embeddingGradient", "the padding's row learns", /select\(sum, 0\.0, [^;]*\);/, "sum;"],
];
