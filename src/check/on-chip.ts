import type { Backend } from "../backend/executor.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { WebGpuExecutor } from "../backend/webgpu/executor.ts";
import { Ledger } from "../backend/webgpu/ledger.ts";
import { type ChipForm, lowerOnChip } from "../backend/webgpu/lower.ts";
import { recordOnChip } from "../backend/webgpu/record-chip.ts";
import { ChainruleError } from "../core/errors.ts";

export interface OnChipOptions {
  /** The form of the kernel; the lowering's own choice where absent. */
  readonly form?: ChipForm;
  /** Changes the kernel's code before it runs: how tests show that wrong kernels are caught. */
  readonly edit?: (code: string) => string;
}

/**
 * The backend with every graph run on the chip, in a form of the check's choice. compile throws ChainruleError("limit")
 * where a graph has no such form.
 */
export function onChip(backend: WebGpuBackend, { form, edit }: OnChipOptions = {}): Backend {
  const { gpu } = backend;
  return {
    ...backend,
    async compile(g, { keepAll = false } = {}) {
      const lowered = lowerOnChip(g, gpu.caps, { keepAll, ...(form && { form }) });
      if ("reason" in lowered) throw new ChainruleError("limit", lowered.reason);
      const ledger = new Ledger(gpu.device);
      const code = edit?.(lowered.code) ?? lowered.code;
      return WebGpuExecutor.start(gpu, ledger, g, await recordOnChip(gpu, ledger, { ...lowered, code }));
    },
  };
}
