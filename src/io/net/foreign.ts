import { ChainruleError } from "../../core/errors.ts";

const EXPORT = "export the net as ONNX, or save it from Keras as .keras, and import that";
const LFS = "is a pointer of Git LFS, not the file itself; fetch that with git lfs pull";

/** What files are that hold a net, or a part of one, in a form that is not read: by how they begin, or by their names. */
const KNOWN: readonly (readonly [is: (name: string, bytes: Uint8Array) => boolean, what: string])[] = [
  [(_, bytes) => bytes.length === 0, "is empty"],
  [(_, bytes) => text(bytes).startsWith("version https://git-lfs.github.com/"), LFS],
  [
    (_, bytes) => /^<(?:!doctype\s+html|html|head|body)\b/i.test(text(bytes).trimStart()),
    "is a web page (HTML), not the file itself; fetch the file that it shows",
  ],
  [(_, bytes) => text(bytes.subarray(4)).startsWith("TFL3"), `is a file of TensorFlow Lite; ${EXPORT}`],
  [
    (_, bytes) => text(bytes).startsWith("GGUF"),
    "is a GGUF file; of a language model its folder of Hugging Face is read: config.json with model.safetensors",
  ],
  [(name) => /\.pb$/i.test(name), `is a graph of TensorFlow's; ${EXPORT}`],
  [(name) => /\.(mlmodel|mlpackage)$/i.test(name), `is a model of Core ML; ${EXPORT}`],
  [
    (name) => /\.bin$/i.test(name),
    "holds numbers that another file names: of TensorFlow.js give its model.json, of PyTorch a model file and these as its weights",
  ],
  [(name) => /\.onnx[._]data$/i.test(name), "holds numbers that another file names: give its .onnx"],
];

/** How a file begins, a letter a byte. */
const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 64));

/** Why a file is no net that is read, where that is known; null for any other. */
export function foreignNet(name: string, bytes: Uint8Array): ChainruleError | null {
  const [, what] = KNOWN.find(([is]) => is(name, bytes)) ?? [];
  return what === undefined ? null : new ChainruleError("file", `${name} ${what}`);
}
