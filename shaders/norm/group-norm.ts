import { flatType, type ReduceWidth, read, rowMain, storage, sumReduce, totalOf, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { normalised } from "./layer-norm.ts";

/** With fours, which stand in one plane, the first three count those. `places` of a plane, `image` elements of an image, `last` of all; `each` channels of a group, `groups` of an image; `first` is 1 for the launch that begins the sums. */
export const groupScaleParams = paramBlock({
  rows: "u32",
  places: "u32",
  image: "u32",
  last: "u32",
  groups: "u32",
  each: "u32",
  first: "u32",
});

/** dgamma and dbeta [channels], a workgroup a channel; mean and rstd are those of the channel's group in each image. */
export function groupNormScaleGradient(width: ReduceWidth, four: boolean): string {
  const type = flatType(four);
  return wgsl`
${groupScaleParams.wgsl}
${storage(read("dy", type), read("x", type), read("mean"), read("rstd"), write("dgamma"), write("dbeta"))}
${sumReduce(width)}
${rowMain(
  wgsl`
  var ownDy = ${type}();
  var ownDyx = ${type}();
  // Its group in the first image; that of the next lies params.groups further.
  var k = row / params.each;
  for (var first = row * params.places; first < params.last; first += params.image) {
    let mu = mean[k];
    let r = rstd[k];
    for (var at = first + local; at < first + params.places; at += ${width}u) {
      let d = dy[at];
      ownDy += d;
      ownDyx = fma(d, ${normalised("x[at]")}, ownDyx);
    }
    k += params.groups;
  }
  var sum = reduceSum(${totalOf(four, "ownDy")}, local);
  var sumDyx = reduceSum(${totalOf(four, "ownDyx")}, local);
  if (local == 0u) {
    if (params.first == 0u) { sumDyx += dgamma[row]; sum += dbeta[row]; }
    dgamma[row] = sumDyx;
    dbeta[row] = sum;
  }
`,
  width,
)}
`;
}
