import type { ChipMutant, Mutant } from "../mutants.ts";

const of =
  (op: string) =>
  (kernel: string, what: string, from: string | RegExp, to: string): Mutant => ({
    op,
    kernel: `${op}/${kernel}`,
    what,
    from,
    to,
  });
const conv = of("conv");
const back = of("convInputGradient");
const weights = of("convWeightGradient");

/** Wrong convolutions. */
export const convMutants: readonly Mutant[] = [
  conv("naive", "the edge is off by one", "xc < params.xColumns", "xc <= params.xColumns"),
  conv("naive", "padding is read as the neighbour", "if (xr < params.xRows && xc < params.xColumns)", "if (true)"),
  conv("naive", "dilation is forgotten", "kc * params.dilationColumns", "kc"),
  conv(
    "naive",
    "stride and dilation are swapped",
    "yc * params.strideColumns + kc * params.dilationColumns",
    "yc * params.dilationColumns + kc * params.strideColumns",
  ),
  conv("naive", "every group reads the first", "o / params.outGroup * params.cGroup", "0u"),
  conv("naive", "the last channel is left out", "channel < params.cGroup", "channel + 1u < params.cGroup"),
  conv("naive", "rows move as columns do", "yr * params.strideRows", "yr * params.strideColumns"),
  back("naive", "the stride's remainder is not looked at", "yr * params.strideRows == rows &&", "true &&"),
  back("naive", "padding before is forgotten", "xc + params.beforeColumns", "xc"),
  back("naive", "channels begin with the first group's", "channel / params.cGroup * params.outGroup", "0u"),
  back("naive", "the kernel is flipped", "* w[k]", "* w[k + taps - 1u - 2u * (kr * params.kernelColumns + kc)]"),
  weights("naive", "the last image is left out", "image < params.n", "image + 1u < params.n"),
  weights("naive", "rows move as columns do", "yr * params.strideRows", "yr * params.strideColumns"),
  weights("naive", "channels are those of the first group", "o / params.outGroup * params.cGroup + inGroup", "inGroup"),

  conv("gather", "the edge is off by one", "bc0 < params.bColumns", "bc0 <= params.bColumns"),
  conv("gather", "the last place is not stored", "n + 7u < N", "n + 8u < N"),
  conv("gather", "the last channel is left out", "k < params.K;", "k + 1u < params.K;"),
  conv("gather", "images follow as those of the result do", "image0 * params.bImage", "image0 * params.cImage"),
  conv("gather", "rows of the padding are read", "(br3 < params.bRows) &", "(br3 + 1u > 0u) &"),
  conv("gather-quads", "a row comes from the wrong lane", /(row5_0 = \S+quadSwap)Y(\(a1_0)/, "$1X$2"),
  conv("gather-quads", "lanes load rows of their neighbours", "mTile + inQuad *", "mTile + (inQuad + 1u) % 4u *"),
  back("gather", "the stride's remainder is not looked at", "% i32(params.phaseColumns) != 0", "> 1000000"),
  back("gather", "phases lie on each other", "+ phaseColumns + column0", "+ column0"),
  back("gather", "rows of a phase are those of all", "- phaseRows - 1u) / params.phaseRows", "- phaseRows - 1u)"),
  back("gather-quads", "groups are those of phases", "group.z / phases", "group.z % phases"),

  conv("strip", "the kernel is flipped", "1u * params.aTapStep", "0u - params.aTapStep"),
  conv("strip", "rows of the padding are read", /& \(br < params\.bRows\)/g, ""),
  conv("strip", "columns of the padding are read", "let col0 = col + 0u < params.bColumns", "let col0 = true"),
  conv("strip", "the last place of a row is not stored", "columnsHere - column,", "columnsHere - column - 1u,"),
  conv("strip", "the second stretch is the first", "b[atB + 1u]", "b[atB + 0u]"),
  back("strip", "the stride's remainder is not looked at", "% i32(params.phaseRows) != 0", "> 1000000"),
  back("strip", "phases of columns lie on each other", "+ params.firstColumn + column", "+ column"),
  back("strip", "rows of a phase are those of all", "- phaseRows - 1u) / params.phaseRows", "- phaseRows - 1u)"),
  back("strip", "columns of a phase follow each other", "+ 1u * params.phaseColumns", "+ 1u"),
  conv("strip", "strips of a row are one too few", /let strips = [^;]+;/, "let strips = max(params.columns / 8u, 1u);"),
  conv("strip-quads", "a row comes from the wrong lane", /(row5_0 = \S+quadSwap)Y(\(a1_0)/, "$1X$2"),
  back("strip", "the kernel is not flipped", "params.aTapFrom", "0u"),
  back("strip", "rows of the kernel go forward", "params.tapStepRows * kr", "kr"),
  back(
    "strip-quads",
    "the last row of the kernel is left out",
    "kr < params.kernelRows",
    "kr + 1u < params.kernelRows",
  ),

  conv("block", "a barrier is missing", /workgroupBarrier\(\);\s+for \(var d/, "for (var d"),
  conv("block", "the second place is the first", "blockB[lane % 8u + 8u]", "blockB[lane % 8u]"),
  conv("block", "the last terms of a block are left out", "d < 4u", "d < 3u"),
  conv("block", "terms behind the last are those of the next channels", "if (k0 + 16u > params.K)", "if (false)"),
  conv("block", "rows of w are those of the first block", "(mTile + mine.x)", "mine.x"),
  conv("block", "padding is read as the neighbour", /(atK \+ 2u \* bPlane\]), inside/, "$1, true"),
  conv("block", "a lane's second piece is its first", "a[aAt + atA + 8u *", "a[aAt + atA + 0u *"),
  conv("block-narrow", "terms are left out", "- k0 + 3u) / 4u", "- k0) / 4u"),
  conv("block-narrow", "places are those of the wider tile", "* 32u;", "* 64u;"),
  back("block", "the stride's remainder is not looked at", "% i32(params.phaseRows) != 0", "> 1000000"),
  back("block", "the fourth channel is the third", "along(row3, place0", "along(row2, place0"),

  conv("planes", "rows of the padding are read", "in0 & col0", "col0"),
  conv("planes", "every channel has the first kernel", "channel * params.aGroup", "0u"),
  conv("planes", "a band begins with the first row", "(line - plane * bands) * params.bandRows", "0u"),
  conv("planes", "the last row of a band is left out", "r < end", "r + 1u < end"),
  back("planes", "the kernel is not flipped", "params.aTapFrom", "0u"),

  weights("block", "the table is not waited for", /workgroupBarrier\(\);\s+let d = lane/, "let d = lane"),
  weights("block", "the right half is the left", "[8u + lane % 8u]", "[lane % 8u]"),
  weights("block", "the last term of a block is left out", "turn < 4u", "turn < 3u"),
  weights("block", "terms behind the last are those of the next slice", "if (p0 + 16u > end)", "if (false)"),
  weights("block", "padding is read as the neighbour", "e0_2.z], in0_2)", "e0_2.z], true)"),
  weights("block", "the second block of channels is the first", "+ m + q * 4u)", "+ q * 4u)"),
  weights(
    "block",
    "columns move as rows do",
    "- line * params.yColumns) * params.strideColumns",
    "- line * params.yColumns) * params.strideRows",
  ),
  weights("block", "the end of a row of places is passed", "select(0u, xRow, passesRow)", "0u"),
  weights("block", "the end of an image is passed", "select(0u, yImage, passesImage)", "0u"),
  weights("block-narrow", "a term is left out", "min(16u, (end", "min(15u, (end"),
  weights("block-narrow", "the next image is not come to", "select(0u, xImage, passesImage)", "0u"),

  weights(
    "gather",
    "a slice begins one late",
    "line = slice * params.sliceLines",
    "line = slice * (params.sliceLines + 1u)",
  ),
  weights("gather", "the last slice is not added", "s < params.slices", "s + 1u < params.slices"),
  weights(
    "gather",
    "elements of the kernel change places",
    "part1 % params.kernelColumns",
    "part1 % params.kernelRows",
  ),
  weights("gather", "the end of a row of places is passed", "yc + 1u < params.yColumns", "yc < params.yColumns"),
  weights("gather", "groups read the first one's dy", "(part * params.outGroup + min(mY", "(min(mY"),
  weights("gather-quads", "a row comes from the wrong lane", /(row5_0 = quadSwap)Y(\(y1_0)/, "$1X$2"),
  weights("strip", "rows of the padding are read", "in0 & inside0", "inside0"),
  weights("strip", "columns of the padding are read", "in0 & inside0", "in0"),
  weights("strip", "a depthwise channel is the next", "here / each", "(here + 1u) / each"),
  weights(
    "strip-quads",
    "the last image is left out",
    "min(params.n * params.yRows,",
    "min((params.n - 1u) * params.yRows,",
  ),
  weights("strip-quads", "the second row of a kernel is the first", "let kr1 = ", "let kr1 = 0u * "),

  of("convLayer")("naive", "the bias is forgotten", "sum + own", "sum"),
  of("convLayer")("naive", "running variances are the means", "running[params.out + o]", "running[o]"),
  of("convLayer")("naive", "the running mean is forgotten", "- mean", ""),
  of("convLayer")("gather", "epsilon is forgotten", "+ params.eps", ""),
  of("convLayer")("gather-quads", "every channel has the first shift", "beta[channel]", "beta[0]"),
  of("convLayer")("strip", "every channel has the first scale", "gamma[channel]", "gamma[0]"),
  of("convLayer")("strip", "the residual is forgotten", /\+ residual\[[^\]]+\]/g, ""),
  of("convLayer")("strip-quads", "the residual is that of the next place", /residual\[plane/g, "residual[1u + plane"),
  of("convLayer")(
    "block",
    "channels of variances begin too early",
    "/ (params.rows * params.columns) +",
    "/ params.columns / 2u / params.rows +",
  ),
  of("convLayer")("planes", "the residual is that of the first plane", /residual\[at/g, "residual[at - cFirst"),
  of("convTransposeLayer")(
    "naive",
    "running variances are those of y's channels",
    "running[params.c +",
    "running[params.out +",
  ),
  of("convLayer")("strip", "every channel has the first bias", "bias[channel]", "bias[0]"),
  of("convLayer")("gather", "the activation is forgotten", "value = activation(value, params.alpha);", ""),
  of("convLayerInputGradient")("strip", "the derivative is that at the first place", "v[at]", "v[0]"),
  of("convLayerWeightGradient")(
    "strip",
    "the last place of a row has no bias",
    "yc < params.yColumns; yc++",
    "yc + 1u < params.yColumns; yc++",
  ),
  of("convLayerWeightGradient")(
    "gather",
    "the last slice's bias is not added",
    /s < params.slices; s\+\+\) \{ sum \+= partSums/,
    "s + 1u < params.slices; s++) { sum += partSums",
  ),
  of("convTransposeLayer")("gather", "the bias is forgotten", "let own = bias[channel]", "let own = 0.0"),

  of("addChannelBias")("flat", "the bias goes along the places", "/ params.places % params.c", "% params.c"),
  of("sumChannels")("workgroup", "the next image lies behind the channel", "/ params.places * others", "* 0u"),
  of("sumChannels")("workgroup", "slices overlap", "group.z * params.slice", "group.z * (params.slice - 1u)"),
  of("sumChannels")("planes", "the last place is left out", "k0 < params.places", "k0 + 1u < params.places"),
];

const padding: readonly [what: string, from: RegExp, to: string] = [
  "what is read in place of the padding is added",
  /sum \+= select\(0\.0, (\w+), \w+\);/,
  "sum += $1;",
];

/** Wrong bodies on the chip. */
export const convChipMutants: readonly ChipMutant[] = [
  ["conv", ...padding],
  ["conv", "the edge is off by one", /\((n\d+) < (\d+)u\)/g, "($1 <= $2u)"],
  ["conv", "terms are dropped", /\w+ \+= [^;{]+ \* [^;]+;/, ""],
  ["convInputGradient", ...padding],
  ["convInputGradient", "the stride's remainder is not looked at", / % 2u == 0u/, " >= 0u"],
  ["convWeightGradient", ...padding],
  ["convWeightGradient", "terms are dropped", /\w+ \+= [^;{]+ \* [^;]+;/, ""],
  ["addChannelBias", "the bias goes along the places", / \/ \d+u\) % /, ") % "],
  ["sumChannels", "terms are dropped", /sum \+= [^;]+;/, ""],
];
