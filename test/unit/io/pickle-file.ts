import { writeZip } from "../../../src/io/zip/zip.ts";

/** Instructions of hand-made pickles, as bytes. */
const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)];
export const text = (value: string): number[] => [0x58, ...u32(utf8(value).length), ...utf8(value)];
export const name = (module: string, of: string): number[] => [0x63, ...utf8(`${module}\n${of}\n`)];
const u32 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
export const int = (value: number): number[] => [0x4a, ...u32(value)];
export const tuple = (...items: readonly number[][]): number[] => [0x28, ...items.flat(), 0x74];
export const dict = (...pairs: readonly number[][]): number[] => [0x7d, 0x28, ...pairs.flat(), 0x75];
export const storage = (key: string, length: number, type = "FloatStorage"): number[] => [
  ...tuple(text("storage"), name("torch", type), text(key), text("cpu"), int(length)),
  0x51,
];
export const tensor = (
  of: number[],
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
  by = "_rebuild_tensor_v2",
): number[] => [
  ...name("torch._utils", by),
  ...tuple(of, int(offset), tuple(...shape.map(int)), tuple(...strides.map(int)), [0x89], [0x7d]),
  0x52,
];

/** A whole pickle around these instructions. */
export const pickle = (...code: readonly number[][]): Uint8Array => Uint8Array.from([0x80, 2, ...code.flat(), 0x2e]);

/** An archive as torch.save makes it, of this pickle and these storages. */
export const archive = (data: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}): Uint8Array =>
  writeZip(
    new Map([
      ["a/data.pkl", data],
      ...Object.entries(storages).map(([key, bytes]) => [`a/data/${key}`, bytes] as const),
    ]),
  );
