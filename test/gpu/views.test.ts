import { afterAll, beforeAll, describe, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { forms } from "../shared/on-chip.ts";
import { expectViews, viewCases } from "../shared/views.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

describe.each(viewCases)("$name", (c) => {
  test("as dispatches", () => expectViews(asDispatches(gpu), c));

  test.each(forms)("on the chip: $width in $memory", (form) =>
    expectViews(onChip(gpu, { form }), c, `${form.width} in ${form.memory}`),
  );
});
