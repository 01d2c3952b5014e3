import { flatMain, read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type ConvEpilogue, convParams, epilogueArrays, finishConv, finished, ofChannel } from "./common.ts";

/** One invocation, one element, term by term straight from memory: the rungs that are easy to believe. */

/** Bindings x, w, those of the epilogue and the result, and what becomes of a sum. */
function head(epilogue: ConvEpilogue, from: string, to: string): string {
  return wgsl`
${convParams.wgsl}
${storage(read(from), read("w"), ...epilogueArrays(epilogue).map((name) => read(name)), write(to))}
${finishConv(epilogue)}
`;
}

/** y from x and w. */
export function convNaive(epilogue: ConvEpilogue): string {
  return wgsl`
${head(epilogue, "x", "y")}
${flatMain(wgsl`
  let places = params.yRows * params.yColumns;
  let yr = i % places / params.yColumns;
  let yc = i % params.yColumns;
  let o = i / places % params.out;
  let image = i / places / params.out;
  let x0 = params.xOffset + (image * params.c + o / params.outGroup * params.cGroup) * params.xRows * params.xColumns;
  var k = o * params.cGroup * params.kernelRows * params.kernelColumns;
  var sum = 0.0;
  for (var channel = 0u; channel < params.cGroup; channel++) {
    for (var kr = 0u; kr < params.kernelRows; kr++) {
      let xr = yr * params.strideRows + kr * params.dilationRows - params.beforeRows;
      for (var kc = 0u; kc < params.kernelColumns; kc++) {
        let xc = yc * params.strideColumns + kc * params.dilationColumns - params.beforeColumns;
        if (xr < params.xRows && xc < params.xColumns) {
          sum += x[x0 + (channel * params.xRows + xr) * params.xColumns + xc] * w[k];
        }
        k++;
      }
    }
  }
${ofChannel(epilogue, "o", "params.out")}
  let at = params.yOffset + i;
  y[at] = ${finished(epilogue, "sum", "at", "o")};
`)}
`;
}

/** dx from dy and w: from each element of the kernel, the place of y to which it carried this one, where there is one. */
export function convInputGradientNaive(epilogue: ConvEpilogue): string {
  return wgsl`
${head(epilogue, "dy", "dx")}
${flatMain(wgsl`
  let places = params.xRows * params.xColumns;
  let xr = i % places / params.xColumns;
  let xc = i % params.xColumns;
  let channel = i / places % params.c;
  let image = i / places / params.c;
  let taps = params.kernelRows * params.kernelColumns;
  let o0 = channel / params.cGroup * params.outGroup;
  var sum = 0.0;
  for (var o = o0; o < o0 + params.outGroup; o++) {
    let y0 = params.yOffset + (image * params.out + o) * params.yRows * params.yColumns;
    var k = (o * params.cGroup + channel % params.cGroup) * taps;
    for (var kr = 0u; kr < params.kernelRows; kr++) {
      let rows = xr + params.beforeRows - kr * params.dilationRows;
      let yr = rows / params.strideRows;
      for (var kc = 0u; kc < params.kernelColumns; kc++) {
        let columns = xc + params.beforeColumns - kc * params.dilationColumns;
        let yc = columns / params.strideColumns;
        let whole = yr * params.strideRows == rows && yc * params.strideColumns == columns;
        if (whole && yr < params.yRows && yc < params.yColumns) {
          sum += dy[y0 + yr * params.yColumns + yc] * w[k];
        }
        k++;
      }
    }
  }
${ofChannel(epilogue, "channel", "params.c")}
  let at = params.xOffset + i;
  dx[at] = ${finished(epilogue, "sum", "at", "channel")};
`)}
`;
}

/** dw from x and dy; what a launch over earlier images left is added to, where this is not the first. */
export function convWeightGradientNaive(): string {
  return wgsl`
${convParams.wgsl}
${storage(read("x"), read("dy"), write("dw"))}
${flatMain(wgsl`
  let kc = i % params.kernelColumns;
  let kr = i / params.kernelColumns % params.kernelRows;
  let inGroup = i / (params.kernelColumns * params.kernelRows) % params.cGroup;
  let o = i / (params.kernelColumns * params.kernelRows * params.cGroup);
  let channel = o / params.outGroup * params.cGroup + inGroup;
  var sum = 0.0;
  if (params.first == 0u) { sum = dw[i]; }
  for (var image = 0u; image < params.n; image++) {
    let x0 = params.xOffset + (image * params.c + channel) * params.xRows * params.xColumns;
    var at = params.yOffset + (image * params.out + o) * params.yRows * params.yColumns;
    for (var yr = 0u; yr < params.yRows; yr++) {
      let xr = yr * params.strideRows + kr * params.dilationRows - params.beforeRows;
      for (var yc = 0u; yc < params.yColumns; yc++) {
        let xc = yc * params.strideColumns + kc * params.dilationColumns - params.beforeColumns;
        if (xr < params.xRows && xc < params.xColumns) {
          sum += x[x0 + xr * params.xColumns + xc] * dy[at];
        }
        at++;
      }
    }
  }
  dw[i] = sum;
`)}
`;
}
