import { type ReduceWidth, read, rowMain, storage, sumReduce, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { normalised } from "./layer-norm.ts";

/** `places` of a plane, `image` elements of an image, `last` of all; `each` channels of a group, `groups` of an image; `first` is 1 for the launch that begins the sums. */
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
export function groupNormScaleGradient(width: ReduceWidth): string {
  return wgsl`
${groupScaleParams.wgsl}
${storage(read("dy"), read("x"), read("mean"), read("rstd"), write("dgamma"), write("dbeta"))}
${sumReduce(width)}
${rowMain(
  wgsl`
  var sum = 0.0;
  var sumDyx = 0.0;
  // Its group in the first image; that of the next lies params.groups further.
  var k = row / params.each;
  for (var first = row * params.places; first < params.last; first += params.image) {
    let mu = mean[k];
    let r = rstd[k];
    for (var at = first + local; at < first + params.places; at += ${width}u) {
      let d = dy[at];
      sum += d;
      sumDyx = fma(d, ${normalised("x[at]")}, sumDyx);
    }
    k += params.groups;
  }
  sum = reduceSum(sum, local);
  sumDyx = reduceSum(sumDyx, local);
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
