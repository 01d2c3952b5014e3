import type { Foreign } from "./table-fault.ts";

/** What is named as a table and is none: by its key, and in English with what to do. */
export type Known = readonly [is: Foreign, what: string];

/** How texts begin that are named as a table and are none, and what each is. */
const BEGINNINGS: readonly (readonly [RegExp, ...Known])[] = [
  [
    /^<(?:!doctype\s+html|html|head|body)\b/i,
    "html",
    "a web page (HTML), not the table itself; fetch the file that it shows",
  ],
  [/^<\?xml\b/i, "xml", "XML"],
  [/^(?:\{\s*"|\[\s*[[{])/, "json", "JSON; write its rows as CSV"],
  [/^%PDF-/, "pdf", "PDF"],
  [/^\{\\rtf/, "rtf", "RTF; save it as plain text"],
  [
    /^(?:%[^\n]*\n|\s)*@relation\b/i,
    "arff",
    "ARFF of Weka; take the lines up to @data off, and name the columns in their place",
  ],
  [/^[+-]?[\d.]+(?: +\d+:[^\s:]+)+ *(?:\r|\n|$)/, "libsvm", "rows of LIBSVM; write them as CSV with every column"],
  [/^version https:\/\/git-lfs/, "lfs", "a pointer of Git LFS, not the file itself; fetch that with git lfs pull"],
];

/** What a text is that is no table; null where it may be one. */
export function foreignText(text: string): Known | null {
  const start = text.slice(0, 4096).trimStart();
  const [, ...known] = BEGINNINGS.find(([pattern]) => pattern.test(start)) ?? [];
  return known.length === 2 ? known : null;
}

const PICKLE = "a pickle of Python's, which may run code; write its arrays as .npz, or its table as CSV or Parquet";
/** Likewise of bytes that are no text. */
const SIGNATURES: readonly (readonly [readonly number[], ...Known])[] = [
  [[0xd0, 0xcf, 0x11, 0xe0], "excel", "a workbook of Excel's; save its sheet as CSV UTF-8"],
  [[0x50, 0x4b, 3, 4], "zip", "a zip archive, as workbooks of Excel's are; save the sheet as CSV UTF-8"],
  [[0x89, 0x48, 0x44, 0x46], "hdf5", "HDF5; write its table as CSV or Parquet"],
  [[0x4d, 0x41, 0x54, 0x4c, 0x41, 0x42], "matlab", "a file of MATLAB's; write its arrays as .npz or CSV"],
  ...[2, 3, 4, 5].map((protocol) => [[0x80, protocol], "pickle", PICKLE] as const),
  [[0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], "sqlite", "a database of SQLite's; write its table as CSV"],
];

/** What bytes are that are no text, let alone a table; null where that is not known. */
export function foreignBytes(bytes: Uint8Array): Known | null {
  const [, ...known] = SIGNATURES.find(([start]) => start.every((byte, i) => bytes[i] === byte)) ?? [];
  return known.length === 2 ? known : null;
}

/** Bytes that are looked at. */
const HEAD = 2048;

/** What a file of an unknown format is, by its bytes or as text; null where it may be anything. */
export function foreignFile(bytes: Uint8Array): Known | null {
  const head = bytes.subarray(0, HEAD);
  return foreignBytes(head) ?? foreignText(head.includes(0) ? "" : new TextDecoder().decode(head));
}
