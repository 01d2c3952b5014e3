/** The Train room, all of it: every test needs the same page, which takes longer to open than the test to run. */

import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { ndarray } from "../../src/core/ndarray.ts";
import { writeNpy } from "../../src/io/numpy/npy.ts";
import { writeNpz } from "../../src/io/numpy/npz.ts";
import { studio } from "../shared/page.ts";

const s = studio();
const mean = (part: readonly number[]): number => part.reduce((a, b) => a + b, 0) / part.length;

describe("a run", () => {
  test("begins by itself, on WebGPU, and the loss goes down", async () => {
    await s.open("data=circles&device=webgpu", 0);
    await s.trained(400);
    const curve = await s.losses();
    expect(mean(curve.slice(300, 400))).toBeLessThan(0.6 * mean(curve.slice(0, 50)));
    expect(await s.page.locator("#adapter").getAttribute("data-kind")).toBe("webgpu");
    await s.page.waitForSelector("#accuracy");
    await s.page.waitForSelector("#boundary canvas");
  });

  test("pauses, takes one step, takes many, and rewinds to the same curve", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(30);
    await s.paused();
    const [first, count] = [await s.lossAt(), await s.stepCount()];
    await s.page.waitForTimeout(300);
    expect(await s.lossAt()).toEqual(first);
    const shows = (n: number) =>
      s.page.waitForFunction(
        (wanted) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) === wanted,
        n,
      );
    await s.page.click("#step");
    await shows(count + 1);
    await s.page.click("#steps");
    await shows(count + 101);
    await s.page.click("#reset");
    await shows(0);
    await s.page.click("#play");
    await s.trained(30);
    const common = [...(await s.lossAt())].filter(([step]) => first.has(step));
    expect(common.length).toBeGreaterThan(5);
    for (const [step, loss] of common) expect(loss, `step ${step}`).toBe(first.get(step));
  });

  test("can be slowed down to watch", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(20);
    await s.page.selectOption("#speed", "100");
    await s.page.waitForTimeout(1000);
    const before = await s.stepCount();
    await s.page.waitForTimeout(2000);
    const taken = (await s.stepCount()) - before;
    expect(taken).toBeGreaterThan(60);
    expect(taken).toBeLessThan(300);
  });

  test("is driven by keys, but not by what is typed into a field", async () => {
    await s.open("data=moons");
    await s.trained(5);
    await s.page.locator("#field-seed").press("Space");
    expect(await s.text("#play")).toContain("Pause");
    await s.page.locator("h1").click();
    await s.page.keyboard.press("Space");
    await s.page.waitForFunction(() => document.querySelector("#play")?.textContent?.includes("Play"));
    await s.page.keyboard.press("?");
    await s.page.waitForSelector("#help");
    await s.page.keyboard.press("Escape");
    await s.page.waitForSelector("#help", { state: "detached" });
    await s.page.keyboard.press("3");
    expect(s.page.url()).toContain("room=backprop");
  });

  test("is kept beside the next, and goes out as CSV with its smoothed values", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(50);
    await s.page.click("#keep");
    await s.page.fill(".runs input", "first try");
    await s.page.press(".runs input", "Enter");
    await s.page.fill("#field-lr", "0.05");
    await s.page.press("#field-lr", "Enter");
    await s.page.waitForFunction(() => location.hash.includes("lr=0.05"));
    await s.trained(20);
    const [download] = await Promise.all([s.page.waitForEvent("download"), s.page.click("#csv")]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(Buffer.from(chunk));
    const lines = Buffer.concat(chunks).toString().trim().split("\n");
    expect(lines[0]).toContain("loss smoothed 0.99");
    expect(lines.filter((l) => l.startsWith('"first try"')).length).toBeGreaterThanOrEqual(50);
    expect(lines.filter((l) => l.startsWith('"moons')).length).toBeGreaterThan(10);
  });

  test("shows the device's figures, and takes the CPU when asked", async () => {
    await s.open("data=xor");
    await s.trained(5);
    expect(await s.text("#measured")).toMatch(/CPU \(.*steps\/s/);
    await s.page.selectOption("#field-device", "cpu");
    await s.page.waitForFunction(() => document.querySelector("#adapter")?.textContent?.startsWith("CPU"));
    const threads = Math.min(8, availableParallelism());
    expect(await s.text("#adapter")).toContain(`CPU (WebAssembly SIMD, ${threads} thread`);
  });

  test("goes on without WebGPU, on the CPU, and says why", async () => {
    // Workers have a navigator of their own: whichever file asks is served without the question.
    await s.page.route("**/assets/*.js", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replaceAll("navigator.gpu", "null") });
    });
    await s.open("data=moons");
    await s.trained(50);
    expect(await s.page.locator("#adapter").getAttribute("data-kind")).toBe("cpu");
    expect(await s.text("#missing")).toContain("this browser has no WebGPU");
  });
});

describe("the net", () => {
  test("is built layer by layer, and says at once what it costs", async () => {
    await s.open("data=moons&net=8-tanh&device=cpu");
    await s.trained(5);
    expect(await s.text("#net-size")).toContain("42 parameters");
    await s.page.selectOption("#add-layer", "linear");
    await s.page.fill("#width-2", "5");
    await s.page.press("#width-2", "Enter");
    expect(await s.text("#net-size")).toContain(`${2 * 8 + 8 + 8 * 5 + 5 + 5 * 2 + 2} parameters`);
    await s.page.click('[aria-label="move layer 3 up"]');
    await s.page.waitForFunction(() => location.hash.includes("net=8-5-tanh"));
    await s.page.click('[aria-label="remove layer 1"]');
    await s.page.waitForFunction(() => location.hash.includes("net=5-tanh"));
    await s.trained(20);
  });

  test("keeps what is typed in a field before its first picture is drawn", async () => {
    await s.open("data=moons&net=8-tanh&device=cpu");
    await s.trained(5);
    const kept = await s.page.evaluate(async () => {
      const add = document.querySelector<HTMLSelectElement>("#add-layer")!;
      add.value = "linear";
      add.dispatchEvent(new Event("change", { bubbles: true }));
      // The page's own work in between, and no picture: those come with tasks of their own.
      let width: HTMLInputElement | null = null;
      for (let i = 0; i < 100 && !width; i++) {
        await Promise.resolve();
        width = document.querySelector("#width-2");
      }
      width!.value = "5";
      width!.dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise((resolve) => setTimeout(resolve, 300));
      return document.querySelector<HTMLInputElement>("#width-2")!.value;
    });
    expect(kept).toBe("5");
  });

  test("refuses a width and a rate without sense beside the field, and starts nothing", async () => {
    await s.open("data=moons");
    await s.trained(5);
    await s.page.fill("#field-lr", "0");
    await s.page.press("#field-lr", "Enter");
    expect(await s.text("#field-lr-error")).toContain("above 0");
    await s.page.fill("#width-0", "9000");
    await s.page.press("#width-0", "Enter");
    expect(await s.text("#width-0-error")).toContain("8192");
    expect(s.page.url()).toContain("lr=0.01");
    expect(s.page.url()).toContain("net=16-tanh-16-tanh");
  });
});

describe("data", () => {
  test("images show weights, mistakes, and an answer to a drawn digit", async () => {
    await s.open("data=digits", 0);
    await s.trained(60);
    await s.page.waitForSelector("#weights canvas");
    await s.page.waitForSelector("#confusion td", { timeout: 20_000 });
    await s.page.waitForFunction(() => Number.parseFloat(document.querySelector("#accuracy")?.textContent ?? "") > 90);
    // A one, as people draw it: a stroke from the top down.
    await s.page.locator("#pad").scrollIntoViewIfNeeded();
    const box = (await s.page.locator("#pad").boundingBox())!;
    await s.page.mouse.move(box.x + 0.52 * box.width, box.y + 0.15 * box.height);
    await s.page.mouse.down();
    await s.page.mouse.move(box.x + 0.48 * box.width, box.y + 0.85 * box.height, { steps: 12 });
    await s.page.mouse.up();
    await s.page.waitForFunction(() => document.querySelector("#answer")?.textContent?.includes("1,"), null, {
      timeout: 10_000,
    });
  });

  test("a dropped CSV trains, and a bad one is refused by line", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    const rows = Array.from({ length: 60 }, (_, i) => `${i / 60},${(i * 7) % 11},${i < 30 ? "low" : "high"}`);
    const file = (name: string, text: string) => ({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
    await s.page.setInputFiles("#file", file("mine.csv", `a,b,label\n${rows.join("\n")}\n`));
    await s.page.waitForFunction(() => document.querySelector("#rows")?.textContent?.includes("48 rows"));
    // For a moment the curve is still that of the run before.
    await expect
      .poll(
        async () => {
          const curve = await s.losses();
          return curve.length >= 100 && mean(curve.slice(-20)) < mean(curve.slice(0, 10));
        },
        { timeout: 30_000 },
      )
      .toBe(true);
    expect(s.page.url()).toContain("data=own");
    await s.page.setInputFiles("#file", file("bad.csv", "a,b,label\n1,2,x\n3,oops,y\n"));
    await s.page.waitForSelector("#problem");
    expect(await s.text("#problem")).toContain("line 3");
  });

  test("a dropped .npz and a pair of .npy train, and a damaged one is refused", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    const [x, y] = [
      ndarray(
        [60, 2],
        "f32",
        Array.from({ length: 120 }, (_, i) => (i % 7) / 7),
      ),
      ndarray(
        [60],
        "i32",
        Array.from({ length: 60 }, (_, i) => i % 2),
      ),
    ];
    const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: "", buffer: Buffer.from(bytes) });
    const npz = writeNpz([
      ["x", x],
      ["y", y],
    ]);
    await s.page.setInputFiles("#file", file("mine.npz", npz));
    await s.page.waitForFunction(() => document.querySelector("#rows")?.textContent?.includes("48 rows"));
    await s.trained(20);
    await s.page.setInputFiles("#file", file("bad.npz", npz.subarray(0, 200)));
    await s.page.waitForSelector("#problem");
    expect(await s.text("#problem")).toContain("not a zip archive, or cut short");
    const half = { ...x, shape: [40, 3] };
    const labels = ndarray([40], "f64", y.data.subarray(0, 40));
    await s.page.setInputFiles("#file", [file("my-y.npy", writeNpy(labels)), file("my-x.npy", writeNpy(half))]);
    await s.page.waitForFunction(() => document.querySelector("#rows")?.textContent?.includes("32 rows"));
    await s.trained(20);
  });

  test("two dropped IDX files train, and two convolutions on them", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    const [n, side] = [40, 4];
    const header = (...dims: number[]): number[] => [
      0,
      0,
      8,
      dims.length,
      ...dims.flatMap((d) => [0, 0, d >> 8, d & 255]),
    ];
    const pixels = Array.from({ length: n * side * side }, (_, i) => (Math.floor(i / 16) % 2 ? 200 : 20));
    const labels = Array.from({ length: n }, (_, i) => i % 2);
    const file = (name: string, bytes: number[]) => ({ name, mimeType: "", buffer: Buffer.from(bytes) });
    await s.page.setInputFiles("#file", [
      file("my-images", [...header(n, side, side), ...pixels]),
      file("my-labels", [...header(n), ...labels]),
    ]);
    await s.page.waitForFunction(() => document.querySelector("#rows")?.textContent?.includes("32 rows"));
    await s.trained(50);
    await s.page.waitForSelector("#draw");
    await s.page.selectOption("#field-net", "convolutions");
    await s.page.waitForSelector("#filters canvas");
    expect(await s.page.locator("#net-input").inputValue()).toBe("1, 4, 4");
  });

  test("painted points train", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    await s.page.click("#paint");
    const box = (await s.page.locator("#plane").boundingBox())!;
    await s.page.mouse.click(box.x + 0.3 * box.width, box.y + 0.3 * box.height);
    await s.page.locator("#boundary input[type=radio]").nth(1).check();
    await s.page.mouse.click(box.x + 0.7 * box.width, box.y + 0.7 * box.height);
    await s.page.waitForFunction(() => document.querySelector("#rows")?.textContent?.includes("train: 2"));
    await s.trained(20);
  });
});
