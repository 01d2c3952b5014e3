import { quote } from "../../../core/format.ts";
import { inflate } from "../../../data/inflate.ts";
import { crc32 } from "../../zip/crc32.ts";
import { type DecodedImage, refuseImage, requireSides } from "./image.ts";

/** ISO/IEC 15948. Samples of a pixel by colour type: grey, RGB, palette, grey with alpha, RGB with alpha. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Bits of a sample that each of these may have. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  ...{ 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] },
};
/** Adam7: where each of its passes begins, and its steps, across and down. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlaced: boolean;
}

interface Chunks {
  readonly header: Header;
  readonly palette: Uint8Array | null;
  readonly transparency: Uint8Array | null;
  readonly data: Uint8Array;
}

/**
 * Decodes a PNG of any kind: grey, colour or palette, of 1 to 16 bits a sample, interlaced or not. Opaque alpha is left
 * out; a transparent pixel has no colour of its own and is refused. Throws ChainruleError "data" naming the file; nothing is
 * allocated before sides and lengths are known to agree.
 */
export async function decodePng(name: string, bytes: Uint8Array): Promise<DecodedImage> {
  const fail = (why: string, cause?: unknown): never => refuseImage(name, why, cause);
  const { header, palette, transparency, data } = chunksOf(bytes, fail);
  const { width, height, colour } = header;
  requireSides(name, width, height);
  const passes = passesOf(header);
  const size = passes.reduce((sum, { rows, rowBytes }) => sum + rows * (1 + rowBytes), 0);
  const raw = await inflate(data, "deflate", size).catch((cause: unknown) => fail("its data is damaged", cause));
  if (!raw || raw.length !== size) return fail(`its data does not hold ${width} x ${height} pixels`);
  if (colour === 3 && !palette) return fail("its palette is missing");
  const channels = colour === 0 || colour === 4 ? 1 : 3;
  const out = new Float32Array(width * height * channels);
  const put = pixelsOf(header, palette, transparency, out, fail);
  let at = 0;
  for (const { rows, columns, rowBytes, x, y, stepX, stepY } of passes) {
    let above = new Uint8Array(rowBytes);
    for (let r = 0; r < rows; r++) {
      const row = raw.subarray(at + 1, at + 1 + rowBytes);
      unfilter(raw[at]!, row, above, Math.max(1, (SAMPLES[colour]! * header.depth) >> 3), fail);
      for (let c = 0; c < columns; c++) put(row, c, (y + r * stepY) * width + x + c * stepX);
      above = row as Uint8Array<ArrayBuffer>;
      at += 1 + rowBytes;
    }
  }
  return { width, height, channels, data: out };
}

type Fail = (why: string, cause?: unknown) => never;

function chunksOf(bytes: Uint8Array, fail: Fail): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | null = null;
  let [palette, transparency]: (Uint8Array | null)[] = [null, null];
  const parts: Uint8Array[] = [];
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) fail("a PNG file that is cut short");
    const length = view.getUint32(at);
    if (length > bytes.length - at - 12) fail("a PNG file that is cut short");
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length))
      fail(`its chunk ${quote(type)} is damaged`);
    if (!header && type !== "IHDR") fail("not a PNG file: it does not begin with its header");
    if (type === "IHDR") header = headerOf(body, fail);
    else if (type === "PLTE") palette = body;
    else if (type === "tRNS") transparency = body;
    else if (type === "IDAT") parts.push(body);
    else if (type === "IEND") break;
    else if (/^[A-Z]/.test(type)) fail(`its chunk ${quote(type)} is not known`);
    at += 12 + length;
  }
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of parts) {
    data.set(part, to);
    to += part.length;
  }
  return { header: header!, palette, transparency, data };
}

function headerOf(body: Uint8Array, fail: Fail): Header {
  if (body.length !== 13) fail("its header is damaged");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [depth, colour, compression, filter, interlace] = body.subarray(8) as unknown as readonly number[];
  const known = DEPTHS[colour!]?.includes(depth!) && compression === 0 && filter === 0 && interlace! <= 1;
  if (!known) fail(`colour type ${colour} of ${depth} bits is none that PNG has`);
  return {
    ...{ width: view.getUint32(0), height: view.getUint32(4) },
    ...{ depth: depth!, colour: colour!, interlaced: interlace === 1 },
  };
}

/** The parts of an image in the order in which they are stored: one, or seven of Adam7, without those of no pixel. */
function passesOf({ width, height, depth, colour, interlaced }: Header) {
  const all = interlaced ? PASSES : ([[0, 0, 1, 1]] as const);
  return all
    .map(([x, y, stepX, stepY]) => {
      const [columns, rows] = [Math.ceil((width - x) / stepX), Math.ceil((height - y) / stepY)];
      return { x, y, stepX, stepY, columns, rows, rowBytes: Math.ceil((columns * SAMPLES[colour]! * depth) / 8) };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
}

/** Puts a row back to what it was before it was filtered, in place; `step` bytes lie between pixels. */
function unfilter(kind: number, row: Uint8Array, above: Uint8Array, step: number, fail: Fail): void {
  if (kind > 4) fail(`its rows have the filter ${kind}, which PNG has not`);
  for (let i = 0; i < row.length; i++) {
    const left = i < step ? 0 : row[i - step]!;
    const corner = i < step ? 0 : above[i - step]!;
    const up = above[i]!;
    const guess =
      kind === 0 ? 0 : kind === 1 ? left : kind === 2 ? up : kind === 3 ? (left + up) >> 1 : paeth(left, up, corner);
    row[i] = row[i]! + guess;
  }
}

function paeth(left: number, up: number, corner: number): number {
  const sum = left + up - corner;
  const [a, b, c] = [Math.abs(sum - left), Math.abs(sum - up), Math.abs(sum - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** Writes pixel `c` of a row of samples to pixel `to` of `out`. */
function pixelsOf(
  { depth, colour }: Header,
  palette: Uint8Array | null,
  transparency: Uint8Array | null,
  out: Float32Array,
  fail: Fail,
): (row: Uint8Array, c: number, to: number) => void {
  const samples = SAMPLES[colour]!;
  const most = 2 ** depth - 1;
  const sample = (row: Uint8Array, k: number): number => {
    if (depth === 8) return row[k]!;
    if (depth === 16) return row[2 * k]! * 256 + row[2 * k + 1]!;
    const bit = k * depth;
    return (row[bit >> 3]! >> (8 - depth - (bit & 7))) & most;
  };
  const transparent = (): never => fail("has transparent pixels: lay it over a colour first");
  if (colour === 3) {
    return (row, c, to) => {
      const i = sample(row, c);
      if (3 * i + 2 >= palette!.length) fail(`names colour ${i} of a palette of ${palette!.length / 3}`);
      if ((transparency?.[i] ?? 255) < 255) transparent();
      for (let k = 0; k < 3; k++) out[3 * to + k] = palette![3 * i + k]! / 255;
    };
  }
  const colours = colour === 0 || colour === 4 ? 1 : 3;
  const alpha = samples > colours;
  // The one colour that stands for transparency, two bytes a sample.
  const clear =
    transparency && !alpha
      ? Array.from({ length: colours }, (_, k) => transparency[2 * k]! * 256 + transparency[2 * k + 1]!)
      : null;
  return (row, c, to) => {
    if (alpha && sample(row, c * samples + colours) < most) transparent();
    let same = clear !== null;
    for (let k = 0; k < colours; k++) {
      const value = sample(row, c * samples + k);
      same &&= value === clear![k];
      out[colours * to + k] = value / most;
    }
    if (same) transparent();
  };
}
