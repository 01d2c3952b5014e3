import { writeNpz } from "../../io/numpy/npz.ts";
import { writeOnnx } from "../../io/onnx/write.ts";
import { exportPytorch } from "../../io/pytorch/export.ts";
import { makeReceipt } from "../../io/receipt/receipt.ts";
import { writeWeights } from "../../io/weights/weights.ts";
import { writeZip } from "../../io/zip/zip.ts";
import { openCpu } from "./devices.ts";
import { current, parametersNow } from "./session.ts";
import type { DroppedFile, ExportKind } from "./types.ts";

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** The net or the run as it is now, as a file; several come as a zip. Throws a ChainruleError where a format has no place for it. */
export async function exportFile(kind: ExportKind): Promise<DroppedFile> {
  const { trainer, options } = current();
  const { model } = trainer.options;
  switch (kind) {
    case "model":
      return { name: "model.json", bytes: bytesOf(`${JSON.stringify(model, null, 1)}\n`) };
    case "weights":
      return { name: "weights.safetensors", bytes: writeWeights(model, await parametersNow()) };
    case "onnx":
      return { name: "net.onnx", bytes: writeOnnx(model, await parametersNow()) };
    case "pytorch": {
      const files = exportPytorch(trainer.options, await trainer.state());
      return { name: "pytorch.zip", bytes: writeZip(new Map([...files].map(([name, file]) => [name, bytesOf(file)]))) };
    }
    case "receipt": {
      const { arrays, script } = await makeReceipt(await openCpu(), options);
      const files = { "receipt.npz": writeNpz(arrays), "receipt.py": bytesOf(script) };
      return { name: "receipt.zip", bytes: writeZip(new Map(Object.entries(files))) };
    }
  }
}
