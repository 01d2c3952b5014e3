import type { NdArray } from "../../core/ndarray.ts";
import { checkedStep } from "./xray.ts";

/** A self-contained test of the step that was checked: model, weights and rows are in it, and nothing is fetched. */
export async function replayText(): Promise<string> {
  const { model, weights, x, y, seed, step } = await checkedStep();
  const arrays = [...weights].map(([name, w]) => `  [${JSON.stringify(name)}, ${arrayText(w)}],`);
  return `// Replays step ${step} of a run of Chainrule's page and checks every gradient.
// node --test this-file.mjs, in a project that has the package "chainrule".
import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuBackend, ndarray, webgpuBackend } from "chainrule";
import { checkGradients } from "chainrule/check";
import { createNodeGpu } from "chainrule/node";

/** Arrays as base64 of their little-endian bytes. */
const types = { f32: Float32Array, i32: Int32Array };
const array = (shape, dtype, base64) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return ndarray(shape, dtype, new types[dtype](bytes.buffer));
};

const model = ${JSON.stringify(model)};
const weights = new Map([
${arrays.join("\n")}
]);
const x = ${arrayText(x)};
const y = ${arrayText(y)};

test("every gradient of this step is right", async () => {
  const backend = await createNodeGpu().then(webgpuBackend, () => cpuBackend());
  const report = await checkGradients({ model, weights, x, y, backend, seed: ${seed} });
  const wrong = report.tensors.filter((t) => !t.pass).map((t) => t.name);
  assert.deepEqual(wrong, [], \`goes wrong first: \${report.firstDivergent}, on \${report.backend}\`);
});
`;
}

function arrayText({ shape, dtype, data }: NdArray): string {
  const bytes = new Uint8Array(data.slice().buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return `array([${shape.join(", ")}], "${dtype}", "${btoa(text)}")`;
}
