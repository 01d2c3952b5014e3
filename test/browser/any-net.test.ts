/** Nets of any shape and wiring in the Train room: one page for all tests, each of which goes on where the last one was. */

import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { writeWeights } from "../../src/io/weights/weights.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { studio } from "../shared/page.ts";

const s = studio({ onePage: true });
const file = (name: string, content: string | Uint8Array) => ({ name, mimeType: "", buffer: Buffer.from(content) });
const model = allPresets["digits-cnn"]!.model;

/** What a canvas shows. */
const picture = (selector: string): Promise<string> =>
  s.page
    .locator(selector)
    .first()
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

/** The last loss of the first steps of the run from here on. */
async function lossAfter(steps: number): Promise<number> {
  await s.trained(steps);
  return (await s.losses()).at(-1)!;
}

test("a convolution net trains; its layers, wiring, filters and maps are drawn, and filters change as it learns", async () => {
  await s.open("model=digits-cnn&device=cpu");
  await s.page.waitForSelector("#filters .tile-grid canvas");
  const before = await picture("#filters .tile-grid canvas");
  expect(await lossAfter(150)).toBeLessThan(0.5 * (await s.losses())[0]!);
  expect(s.page.url()).toContain("data=digits&model=digits-cnn");
  expect(await s.page.locator("#drawing .node").count()).toBe(1 + model.layers.length);
  expect(await s.page.locator("#drawing .edge").count()).toBe(model.layers.length);
  expect(await s.page.locator("#drawing .graph-text li").allTextContents()).toHaveLength(model.layers.length);
  expect(await s.text("#drawing .graph-text li:nth-child(3)")).toContain("gives [32, 8, 8], 4,640 parameters");
  await s.page.waitForFunction(
    (was) => (document.querySelector("#filters .tile-grid canvas") as HTMLCanvasElement).toDataURL() !== was,
    before,
  );
  // Two convolutions and a pool, after the filters.
  expect(await s.page.locator("#maps .tile-grid").count()).toBe(4);
  await s.page.locator("#maps .tile-grid").nth(1).press("ArrowRight");
  expect(await s.page.locator("#maps .readout").nth(1).textContent()).toMatch(/^map 0, row 0, column 0: −?\d/);
  const image = await picture("#maps .seen canvas");
  await s.page.click("#maps-next");
  await s.page.waitForFunction(
    (was) => (document.querySelector("#maps .seen canvas") as HTMLCanvasElement).toDataURL() !== was,
    image,
  );
  expect(await s.text("#maps-said")).toMatch(/^is \d; the net says \d \(\d+\s%\)$/);
});

test("the draw box answers by that net, and its maps can be of what is drawn", async () => {
  await s.page.locator("#pad").scrollIntoViewIfNeeded();
  const box = (await s.page.locator("#pad").boundingBox())!;
  await s.page.mouse.move(box.x + 0.5 * box.width, box.y + 0.2 * box.height);
  await s.page.mouse.down();
  await s.page.mouse.move(box.x + 0.5 * box.width, box.y + 0.8 * box.height, { steps: 6 });
  await s.page.mouse.up();
  await s.page.waitForFunction(() => document.querySelector("#answer")?.textContent?.includes("The net's answer: 1"));
  await s.page.click("#maps-drawn");
  await s.page.waitForFunction(() => document.querySelector("#maps-said")?.textContent?.startsWith("the net says 1"));
});

test("an edit that makes no net is said at its layer and stops training; undone, the same run goes on", async () => {
  const row = (i: number) => s.page.locator(".layer-list > ol > li").nth(i);
  await row(2).locator(".layer-row").click();
  await s.page.fill("#layer-2-kernel", "99");
  await s.page.press("#layer-2-kernel", "Enter");
  await row(2).locator("> .error").filter({ hasText: "layer 2 (conv2d) takes" }).waitFor();
  expect(await row(1).locator(".gives").first().textContent()).toBe("[16, 8, 8]");
  expect(await row(2).locator(".gives").first().textContent()).toBe("?");
  await s.page.waitForFunction(() => document.querySelector("#play")?.textContent?.includes("Play"));
  const steps = await s.stepCount();
  await s.page.click("#play");
  expect(await s.text("#problem")).toContain("layer 2 (conv2d)");
  await s.page.click("#step");
  expect(await s.stepCount()).toBe(steps);
  await s.page.fill("#layer-2-kernel", "3");
  await s.page.press("#layer-2-kernel", "Enter");
  await s.page.waitForFunction(
    (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > n,
    steps,
  );
  expect(await s.page.locator("#problem").count()).toBe(0);
  expect(s.page.url()).toContain("model=digits-cnn");
});

test("layers come and go by keys, and the link gives the net back", async () => {
  const types = () => s.page.locator(".layer-list .layer-row b").allTextContents();
  await s.page.selectOption("#insert-layer", "batchNorm");
  await s.page.waitForFunction(() => location.hash.includes("model=."));
  expect((await types()).slice(2, 4)).toEqual(["conv2d", "batchNorm"]);
  await s.page.locator(".layer-list .layer-row").nth(3).press("Alt+ArrowUp");
  expect((await types()).slice(2, 4)).toEqual(["batchNorm", "conv2d"]);
  await s.page.locator(".layer-list .layer-row").nth(7).press("Delete");
  const edited = await types();
  expect(edited).not.toContain("dropout");
  await s.page.waitForFunction(
    (layers) => document.querySelectorAll("#drawing .node").length === layers + 1,
    edited.length,
  );
  await s.trained(20);
  // What it still asks for would be cut off, which counts as a fault.
  await s.page.waitForLoadState("networkidle");
  const link = s.page.url();
  await s.page.goto("about:blank");
  await s.page.goto(link);
  await s.trained(20);
  expect(await types()).toEqual(edited);
  expect(s.page.url()).toBe(link);
  expect(await s.page.locator("#field-net").inputValue()).toBe("own");
});

test("a link to a net that is damaged or that no page has room for says so; of a damaged one the data's own trains", async () => {
  const huge = {
    input: [1, 8, 8],
    layers: [
      { type: "upsample", scale: 1024 },
      { type: "adaptiveAvgPool2d", out: 1 },
      { type: "flatten" },
      { type: "linear", in: 1, out: 10 },
    ],
  };
  await s.page.evaluate(
    (model) => {
      location.hash = location.hash.replace(/model=[^&]*/, `model=${model}`);
    },
    `.${deflateRawSync(JSON.stringify(huge)).toString("base64url")}`,
  );
  await s.page.locator("#problem", { hasText: "a batch of 32 leaves 2147484032 values" }).waitFor();
  await s.page.evaluate(() => {
    location.hash = location.hash.replace(/model=[^&]*/, "model=.nonsense");
  });
  await s.page.locator("#problem", { hasText: "the net of this link is damaged" }).waitFor();
  await s.trained(20);
  expect(s.page.url()).toContain("net=64-relu");
});

test("a dropped model with its weights trains on from them, and goes out as ONNX, PyTorch and a model again", async () => {
  const other = parseModel({
    input: [1, 8, 8],
    layers: [
      { type: "conv2d", in: 1, out: 4, kernel: 3, name: "a" },
      { type: "relu" },
      { type: "conv2d", in: 4, out: 4, kernel: 3, padding: 1, name: "b" },
      { type: "add", from: ["1", "b"] },
      { type: "flatten" },
      { type: "linear", in: 144, out: 10, name: "head" },
    ],
    loss: "crossEntropy",
  });
  const weights = initialise(other, 3);
  // It says 0 with certainty, so the first loss is far above that of a fresh net.
  weights.get("head.bias")!.data.set([40]);
  const files = [file("mine.json", JSON.stringify(other)), file("mine.safetensors", writeWeights(other, weights))];
  await s.page.setInputFiles("#file", files);
  await s.page.locator("#net-from", { hasText: "begins from the weights of mine.json" }).waitFor();
  await s.trained(5);
  expect((await s.losses())[0]).toBeGreaterThan(10);
  expect(await s.page.locator("#drawing .edge.passes").count()).toBe(1);
  await s.paused();
  await s.page.click("#code");
  const taken = async (kind: string): Promise<Buffer> => {
    const [download] = await Promise.all([s.page.waitForEvent("download"), s.page.click(`#export-${kind}`)]);
    return readFileSync((await download.path())!);
  };
  expect(parseModel(JSON.parse((await taken("model")).toString()))).toEqual(other);
  const onnx = await taken("onnx");
  expect((await taken("pytorch")).includes("nn.Conv2d(1, 4, 3)")).toBe(true);
  expect((await taken("weights")).includes("head.weight")).toBe(true);
  expect((await taken("receipt")).includes("receipt.npz")).toBe(true);
  await s.page.keyboard.press("Escape");
  // The file says the same net, with its weights.
  await s.page.setInputFiles("#file", file("back.onnx", onnx));
  await s.page.locator("#net-from", { hasText: "begins from the weights of back.onnx" }).waitFor();
  expect(await s.page.locator("#drawing .edge.passes").count()).toBe(1);
  await s.page.setInputFiles(
    "#file",
    file(
      "wide.json",
      JSON.stringify({
        ...other,
        input: [1, 9, 9],
        layers: [...other.layers.slice(0, 5), { type: "linear", in: 196, out: 10 }],
      }),
    ),
  );
  await s.page
    .locator("#problem", { hasText: "wide.json takes 81 values and gives 10, but this data has 64" })
    .waitFor();
});
