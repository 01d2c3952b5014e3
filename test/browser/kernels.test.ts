import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";

const s = studio();
const edit = async (from: string, to: string): Promise<string> => {
  const code = await s.page.locator("#source").inputValue();
  expect(code).toContain(from);
  await s.page.fill("#source", code.replace(from, to));
  await s.page.click("#recompile");
  return code;
};

test("shows the WGSL of every node, which rung was taken and why, and times each", async () => {
  await s.open("room=kernels&data=moons");
  await s.page.waitForSelector("#source");
  expect(await s.page.locator("#source").inputValue()).toContain("@compute @workgroup_size");
  expect(await s.page.locator("#ladder .chosen").count()).toBe(1);
  expect(await s.page.locator("#ladder li").count()).toBeGreaterThan(4);
  const count = await s.page.locator("#nodes tbody tr").count();
  expect(count).toBeGreaterThan(8);
  await s.page.click("#time");
  await s.page.waitForSelector("#nodes .time-bar", { timeout: 40_000 });
  expect(await s.page.locator("#nodes .time-bar").count()).toBe(count);
});

test("shows the one kernel of a small net's steps, and why a larger one has its kernels", async () => {
  await s.open("room=kernels&data=xor&device=webgpu");
  await s.page.waitForSelector("#whole");
  await s.page.click("#whole summary");
  expect(await s.text("#whole pre")).toContain("for (var step_ = 0u; step_ < params.steps; step_++)");
  await s.open("room=kernels&data=fashion&device=webgpu");
  await s.page.waitForSelector("#whole", { state: "detached" });
  await s.page.locator("#nodes button", { hasText: /^1\.relu/ }).click();
  expect(await s.text("#kernel")).toMatch(/measured on this device|no time to measure two|Nothing was ever faster/);
});

test("shows an error at its line, and changes nothing else", async () => {
  await s.open("room=kernels&data=moons&device=webgpu");
  await s.page.waitForSelector("#source");
  await s.trained(2);
  const code = await s.page.locator("#source").inputValue();
  const lines = code.split("\n");
  const at = lines.findIndex((l) => l.includes("fn main("));
  lines.splice(at, 0, "let broken = nowhere;");
  await s.page.fill("#source", lines.join("\n"));
  await s.page.click("#recompile");
  await s.page.waitForSelector("#kernel-errors", { timeout: 20_000 });
  expect(await s.text("#kernel-errors")).toContain(`line ${at + 1}`);
  expect(await s.text(".gutter .wrong")).toContain(String(at + 1));
  // The run goes on, and the source that runs is the one from before.
  const before = await s.stepCount();
  await s.page.waitForFunction(
    (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > n,
    before,
  );
  await s.page.click("#restore");
  expect(await s.page.locator("#source").inputValue()).toBe(code);
  expect(await s.page.locator("#problem").count()).toBe(0);
});

test("a kernel changed for the worse is caught by the X-ray at once, and one changed for nothing passes", async () => {
  await s.open("room=kernels&data=moons&device=webgpu");
  await s.page.waitForSelector("#source");
  const code = await edit("@compute", "// the same as before\n@compute");
  await s.page.waitForSelector("#kernel-result.good", { timeout: 40_000 });
  await s.page.fill("#source", code);
  await edit("safeTanh(x)", "(0.999 * safeTanh(x))");
  await s.page.waitForSelector("#kernel-result.bad", { timeout: 40_000 });
  expect(await s.text("#kernel-result")).toContain("1.tanh");
});
