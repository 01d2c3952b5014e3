import { refuseImage } from "./image.ts";

/** What the segments of a JPEG file say before its data begins (ITU-T T.81, B.1; CIPA DC-008 for Exif). */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  /** 1 to 8: how the image is turned, as Exif numbers it; 1 is as it lies. */
  readonly orientation: number;
}

/** Kinds of frames that are coded otherwise than by Huffman codes of 8 bits, by their marker. */
const OTHER_FRAMES: Readonly<Record<number, string>> = {
  ...{ 195: "lossless", 197: "hierarchical", 198: "hierarchical", 199: "hierarchical" },
  ...{ 201: "arithmetic coding", 202: "arithmetic coding", 203: "lossless", 205: "hierarchical" },
  ...{ 206: "hierarchical", 207: "hierarchical" },
};

/** Reads the segments in front of the first scan. Throws ChainruleError "data" for what no reader here decodes, by name. */
export function jpegHeader(name: string, bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) refuseImage(name, "a JPEG file that is damaged before its data");
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = view.getUint16(at + 2);
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) break;
    const other = OTHER_FRAMES[marker];
    if (other) refuseImage(name, `JPEG of a kind that is not read: ${other}`);
    if (marker === 0xe1) orientation = exifOrientation(bytes.subarray(at + 4, end)) ?? orientation;
    if (marker >= 0xc0 && marker <= 0xc2) {
      if (length < 8) break;
      const [precision, components] = [bytes[at + 4]!, bytes[at + 9]!];
      if (precision !== 8) refuseImage(name, `JPEG of ${precision} bits a sample: only 8 are read`);
      if (components === 4) refuseImage(name, "JPEG of four colours (CMYK): convert it to RGB");
      if (components !== 1 && components !== 3) refuseImage(name, `JPEG of ${components} components: 1 or 3 are read`);
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5), components, orientation };
    }
    if (marker === 0xda) break;
    at = end;
  }
  return refuseImage(name, "a JPEG file that is cut short");
}

const EXIF = [0x45, 0x78, 0x69, 0x66, 0, 0];
const ORIENTATION = 0x0112;

/** The tag of the first directory; null where there is none that makes sense. */
function exifOrientation(body: Uint8Array): number | null {
  if (!EXIF.every((b, i) => body[i] === b) || body.length < 14) return null;
  const view = new DataView(body.buffer, body.byteOffset + 6, body.length - 6);
  const little = view.getUint16(0) === 0x4949;
  const start = view.getUint32(4, little);
  if (start + 2 > view.byteLength) return null;
  const count = view.getUint16(start, little);
  for (let i = 0; i < count; i++) {
    const at = start + 2 + 12 * i;
    if (at + 12 > view.byteLength) return null;
    if (view.getUint16(at, little) !== ORIENTATION) continue;
    const value = view.getUint16(at + 8, little);
    return value >= 1 && value <= 8 ? value : null;
  }
  return null;
}
