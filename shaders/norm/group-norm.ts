import { read, rowMain, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { channelFields, eachOfChannel } from "./channels.ts";
import { normalised } from "./layer-norm.ts";
import { ROW_WORKGROUP, rowSum, STRIDE } from "./rows.ts";

/** `image` is the elements of one, `each` the channels of a group, `groups` those of an image. */
export const groupScaleParams = paramBlock({
  rows: "u32",
  ...channelFields,
  image: "u32",
  groups: "u32",
  each: "u32",
});

/** dgamma and dbeta [channels], a workgroup a channel; mean and rstd are those of the channel's group in each image. */
export function groupNormScaleGradient(): string {
  return wgsl`
${groupScaleParams.wgsl}
${storage(read("dy"), read("x"), read("mean"), read("rstd"), write("dgamma"), write("dbeta"))}
${rowSum}
${rowMain(
  wgsl`
  let own = row / params.each;
  var sum = 0.0;
  var sumDyx = 0.0;
  ${eachOfChannel(
    "row",
    "local",
    "params.count",
    STRIDE,
    wgsl`
      let k = at / params.image * params.groups + own;
      let mu = mean[k];
      let r = rstd[k];
      let d = dy[at];
      sum += d;
      sumDyx = fma(d, ${normalised("x[at]")}, sumDyx);
`,
  )}
  sum = reduceSum(sum, local);
  sumDyx = reduceSum(sumDyx, local);
  if (local == 0u) { dgamma[row] = sumDyx; dbeta[row] = sum; }
`,
  ROW_WORKGROUP,
)}
`;
}
