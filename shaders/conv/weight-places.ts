import { wgsl } from "../wgsl.ts";

/**
 * How kernels that take a gradient of w's terms through workgroup memory find them. An invocation brings in place `d` of as
 * many as a turn has, at several channels and elements of the kernel; from one turn to the next its place moves by as many
 * steps as there are terms, without a division. The texts go into the body of `main`.
 */

/** The group of channels `part`, sizes of planes, `across`: elements of a channel's kernel; places are those from `begin` to `end`. */
export const weightSizes = wgsl`
  let part = group.z / params.slices;
  let xPlane = params.xRows * params.xColumns;
  let yPlane = params.yRows * params.yColumns;
  let taps = params.kernelRows * params.kernelColumns;
  let across = params.cGroup * taps;
  let begin = slice * params.sliceLines * params.yColumns;
  let end = lineEnd * params.yColumns;
`;

/** Lets `elementHere`: how many rows and columns of x `element` reaches, and what these and its channel add to an index. */
export const elementOf = wgsl`
  let rowHere = element % taps / params.kernelColumns * params.dilationRows - params.beforeRows;
  let columnHere = element % params.kernelColumns * params.dilationColumns - params.beforeColumns;
  let planeHere = (part * params.cGroup + element / taps) * xPlane + rowHere * params.xColumns + columnHere;
  let elementHere = vec4<u32>(rowHere, columnHere, planeHere, 0u);
`;

/**
 * The first place, its row and column of x `xr` and `xc`, its index of x `xAt` and that of dy `yAt`, at `channel` of the
 * group; what a turn of `depth` places moves by, and what more, where it passes the end of a row of places, and of an image.
 */
export const firstPlace = (depth: number, channel: string): string => wgsl`
  let line = (begin + d) / params.yColumns;
  let image = line / params.yRows;
  var xr = (line - image * params.yRows) * params.strideRows;
  var xc = (begin + d - line * params.yColumns) * params.strideColumns;
  var yAt = params.yOffset + (image * (params.out - 1u) + part * params.outGroup + ${channel}) * yPlane + begin + d;
  var xAt = params.xOffset + image * params.c * xPlane + xr * params.xColumns + xc;
  let linesOn = ${depth}u / params.yColumns;
  let rowLength = params.yColumns * params.strideColumns;
  let height = params.yRows * params.strideRows;
  let columnsOn = ${depth}u % params.yColumns * params.strideColumns;
  let rowsOn = linesOn % params.yRows * params.strideRows;
  let imagesOn = linesOn / params.yRows;
  let yImage = (params.out - 1u) * yPlane;
  let yOn = ${depth}u + imagesOn * yImage;
  let xRow = params.strideRows * params.xColumns - rowLength;
  let xImage = params.c * xPlane - height * params.xColumns;
  let xOn = imagesOn * params.c * xPlane + rowsOn * params.xColumns + columnsOn;
`;

/** On to the next turn's place. */
export const nextPlace = wgsl`
    xc += columnsOn;
    let passesRow = xc >= rowLength;
    xc -= select(0u, rowLength, passesRow);
    xr += rowsOn + select(0u, params.strideRows, passesRow);
    let passesImage = xr >= height;
    xr -= select(0u, height, passesImage);
    yAt += yOn + select(0u, yImage, passesImage);
    xAt += xOn + select(0u, xRow, passesRow) + select(0u, xImage, passesImage);
`;
