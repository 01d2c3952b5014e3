import { ChainruleError } from "../../core/errors.ts";
import { isPickle } from "../pytorch/state-dict/read.ts";
import { readDirectory } from "../zip/directory.ts";

const ZIP = [0x50, 0x4b] as const;

/**
 * Refuses a file that holds weights and nothing of the layers between them: PyTorch's, safetensors, numpy's arrays. Told
 * by the content. Gives nothing where the file is none of these; throws ChainruleError "file" where it is, or is a zip
 * archive with a damaged directory.
 */
export function refuseWeightsAlone(name: string, bytes: Uint8Array): void {
  const kind = kindOf(bytes);
  if (kind === null) return;
  if (kind === "TorchScript") {
    throw new ChainruleError(
      "file",
      `${name} is a file of TorchScript, which is code, and no code of a file is run: in Python, torch.onnx.export(model, example, "model.onnx"), and import that`,
    );
  }
  const onward =
    kind === "PyTorch" ? '; or in Python torch.onnx.export(model, example, "model.onnx"), and import that' : "";
  throw new ChainruleError(
    "file",
    `${name} is a file of weights (${kind}): it holds weights and no structure. Write the layers as a model file, and give both to train, predict, check or export: model.json --weights ${name}${onward}`,
  );
}

function kindOf(bytes: Uint8Array): "PyTorch" | "TorchScript" | "safetensors" | "numpy" | null {
  if (isPickle(bytes)) return "PyTorch";
  if (isSafetensors(bytes)) return "safetensors";
  if (!ZIP.every((byte, i) => bytes[i] === byte)) return null;
  const names = readDirectory(bytes).map((entry) => entry.name);
  if (names.some((file) => /^[^/]+\/(constants\.pkl$|code\/)/.test(file))) return "TorchScript";
  if (names.some((file) => /^[^/]+\/data\.pkl$/.test(file))) return "PyTorch";
  return names.length > 0 && names.every((file) => file.endsWith(".npy")) ? "numpy" : null;
}

/** A length of eight bytes that the file can hold, and JSON of that length. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  return length >= 2n && length <= BigInt(bytes.length - 8);
}
