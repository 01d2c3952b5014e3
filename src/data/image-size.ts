/** Width and height in pixels, as an image file's header says. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The size of a PNG, JPEG, GIF, WebP or BMP, from the first bytes of the file: what decoding it will take is known before
 * it is decoded. Null where the bytes are none of these, or too few.
 */
export function imageSize(bytes: Uint8Array): ImageSize | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = png(view) ?? gif(view) ?? bmp(view) ?? webp(view) ?? jpeg(view);
  return found && found.width > 0 && found.height > 0 ? found : null;
}

function has(view: DataView, at: number, text: string): boolean {
  if (at + text.length > view.byteLength) return false;
  for (let i = 0; i < text.length; i++) if (view.getUint8(at + i) !== text.charCodeAt(i)) return false;
  return true;
}

/** Signature, then the chunk IHDR, which must come first (ISO/IEC 15948, 5.2 and 11.2.2). */
function png(view: DataView): ImageSize | null {
  if (view.byteLength < 24 || !has(view, 0, "\x89PNG\r\n\x1a\n") || !has(view, 12, "IHDR")) return null;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** Logical screen (GIF89a, 18). */
function gif(view: DataView): ImageSize | null {
  if (view.byteLength < 10 || !(has(view, 0, "GIF87a") || has(view, 0, "GIF89a"))) return null;
  return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/** BITMAPINFOHEADER and its successors; a negative height is an image that begins at the top. */
function bmp(view: DataView): ImageSize | null {
  if (view.byteLength < 26 || !has(view, 0, "BM") || view.getUint32(14, true) < 40) return null;
  return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
}

/** RIFF container with one of three kinds of first chunk (RFC 9649). */
function webp(view: DataView): ImageSize | null {
  if (view.byteLength < 30 || !has(view, 0, "RIFF") || !has(view, 8, "WEBP")) return null;
  if (has(view, 12, "VP8X")) {
    const three = (at: number): number => view.getUint16(at, true) + (view.getUint8(at + 2) << 16) + 1;
    return { width: three(24), height: three(27) };
  }
  if (has(view, 12, "VP8L")) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (!has(view, 12, "VP8 ")) return null;
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

/** Segments up to the first frame header, markers C0 to CF but for C4, C8 and CC (ITU-T T.81, B.1 and B.2.2). */
function jpeg(view: DataView): ImageSize | null {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; at + 9 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++; // a byte of padding
      continue;
    }
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (frame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    // A marker without a length before the frame, or the image itself: no header of ours.
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xda)) return null;
    const length = view.getUint16(at + 2);
    if (length < 2) return null;
    at += 2 + length;
  }
  return null;
}
