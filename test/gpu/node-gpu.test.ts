import { expect, test } from "vitest";
import { createNodeGpu, listNodeAdapters } from "../../src/backend/webgpu/node.ts";
import { squares } from "../shared/square.ts";

test("adapters are listed by name, and a name selects one", async () => {
  const [first] = await listNodeAdapters();
  expect(first?.name).toBeTruthy();
  const gpu = await createNodeGpu({ backend: first!.backend, adapter: first!.name });
  expect(await gpu.requestAdapter()).not.toBeNull();
});

test("a name that fits no adapter is an error that lists those there are", async () => {
  const [first] = await listNodeAdapters();
  await expect(createNodeGpu({ adapter: "no such adapter" })).rejects.toMatchObject({
    code: "adapter",
    message: expect.stringContaining(first!.name),
  });
});

test("the null backend gives an adapter that computes nothing: known answers fail on it", async () => {
  const gpu = navigator.gpu;
  Object.defineProperty(navigator, "gpu", { value: await createNodeGpu({ backend: "null" }), configurable: true });
  const { values } = await squares(1000);
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  expect(Array.from(values)).not.toEqual(Array.from({ length: 1000 }, (_, i) => i * i));
});

test("CHAINRULE_EXPERIMENTAL is 1 or 0; anything else is an error that says so", async () => {
  process.env.CHAINRULE_EXPERIMENTAL = "yes";
  try {
    await expect(createNodeGpu()).rejects.toMatchObject({
      code: "usage",
      message: 'CHAINRULE_EXPERIMENTAL is "yes"; it can be 1 or 0.',
    });
    process.env.CHAINRULE_EXPERIMENTAL = "1";
    expect(await (await createNodeGpu()).requestAdapter()).not.toBeNull();
  } finally {
    delete process.env.CHAINRULE_EXPERIMENTAL;
  }
});
