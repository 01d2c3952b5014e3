import type { Backend } from "../backend/executor.ts";
import { referenceBackend } from "../backend/reference/executor.ts";
import { webgpuBackend } from "../backend/webgpu/backend.ts";
import { createNodeGpu } from "../backend/webgpu/node.ts";
import { ChainruleError } from "../core/errors.ts";
import { note } from "./output.ts";

export type BackendChoice = "auto" | "webgpu" | "cpu";
export const backendChoices: readonly BackendChoice[] = ["auto", "webgpu", "cpu"];

/** The backend asked for. "auto" is WebGPU where there is an adapter, else the CPU; says which, and why, on stderr. */
export async function openBackend(choice: BackendChoice): Promise<Backend> {
  if (choice === "cpu") return said(referenceBackend("f32"), "as asked");
  try {
    const backend = await webgpuBackend(await createNodeGpu());
    return said(backend, choice === "webgpu" ? "as asked" : "an adapter is here");
  } catch (error) {
    if (choice === "webgpu" || !(error instanceof ChainruleError) || error.code !== "adapter") throw error;
    return said(referenceBackend("f32"), error.message.split("\n")[0]!);
  }
}

function said(backend: Backend, why: string): Backend {
  note(`backend: ${backend.description} (${why})`);
  return backend;
}
