import type { ChipMutant, Mutant } from "../mutants.ts";

const wrong =
  (kernel: string) =>
  (what: string, from: string | RegExp, to: string): Mutant => ({ op: kernel.split("/")[0]!, kernel, what, from, to });
const flat = wrong("embedding/flat");
const scan = wrong("embeddingGradient/scan");
const sorted = wrong("embeddingGradient/sorted");

const head = wrong("headLoss/chunks");
const batched = (rung: string) => wrong(`batchedMatmul/${rung}`);

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
  head("the bias of the first class for all", "bias[params.biasOffset + n]", "bias[params.biasOffset]"),
  head("a plain product's bias is left out", "x[i] + b[i % params.N]", "x[i]"),
  head(
    "the last row of a chunk is not in the bias's gradient",
    "m < params.M; m++) { sum",
    "m + 1u < params.M; m++) { sum",
  ),
];

/** Wrong kernels of batches of products: what they have beside one product's. */
export const batchedMutants: readonly Mutant[] = [
  batched("naive")("all read the first of a", "params.aOffset + group.z * params.aBatch", "params.aOffset"),
  batched("naive")("all read the first of b", "params.bOffset + group.z * params.bBatch", "params.bOffset"),
  batched("direct")("all are written where the first is", "params.cOffset + group.z * params.cBatch", "params.cOffset"),
  batched("direct")(
    "matrices of b are as far apart as those of a",
    "group.z * params.bBatch",
    "group.z * params.aBatch",
  ),
  batched("block32")(
    "the next matrix of a is the one behind it",
    "group.z * params.aBatch",
    "2u * group.z * params.aBatch",
  ),
  batched("packed-quads")("the first of a is left out", "group.z * params.aBatch", "(group.z + 1u) * params.aBatch"),
  batched("row")("all read the first of b", "params.bOffset + group.z * params.bBatch", "params.bOffset"),
  batched("row-alone")("where a run begins is forgotten", "params.aOffset + group.z", "group.z"),
];

export const embeddingChipMutants: readonly ChipMutant[] = [
  ["embedding", "the next token's row", "u32(", "1u + u32("],
  ["embeddingGradient", "the gradient of all other tokens", / == (n\d+)/, " != $1"],
  ["embeddingGradient", "the padding's row learns", /select\(sum, 0\.0, [^;]*\);/, "sum;"],
];
