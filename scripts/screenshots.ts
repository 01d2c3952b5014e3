// One list of pictures, each a few lines, which is gone through whole: so longer than a file should be.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, preview } from "vite";
import { findChromium } from "../src/platform/chromium.ts";
import { png } from "../test/shared/png.ts";

/**
 * Pictures of every room: light and dark, desktop and phone, both languages.
 * node --import tsx scripts/screenshots.ts [folder] [room ...], into dist/screenshots by default.
 */
const [folder = "dist/screenshots", ...only] = process.argv.slice(2);

const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } } as const;
/** What each room is opened with, and what is done there before its picture is taken. */
const rooms: Readonly<Record<string, { hash: string; ready: (page: Page) => Promise<unknown> }>> = {
  train: { hash: "data=spirals", ready: (page) => page.waitForTimeout(3500) },
  images: {
    hash: "data=digits",
    async ready(page) {
      await page.waitForSelector("#confusion", { timeout: 20_000 });
      const box = (await page.locator("#pad").boundingBox())!;
      await page.locator("#pad").scrollIntoViewIfNeeded();
      const at = (await page.locator("#pad").boundingBox()) ?? box;
      const path = [
        [0.3, 0.25],
        [0.7, 0.25],
        [0.45, 0.8],
      ] as const;
      for (const [i, [x, y]] of path.entries()) {
        await page.mouse.move(at.x + x * at.width, at.y + y * at.height, { steps: 8 });
        if (i === 0) await page.mouse.down();
      }
      await page.mouse.up();
      await page.waitForTimeout(1500);
    },
  },
  filters: {
    hash: "model=digits-cnn",
    async ready(page) {
      await page.waitForSelector("#filters canvas", { timeout: 30_000 });
      await page.locator(".layer-list .layer-row").nth(2).click();
      await page.waitForTimeout(3000);
      await page.locator("#maps .tile-grid").nth(1).press("ArrowRight");
    },
  },
  // Blocks folded, short cuts, and an edit that makes no net.
  residual: {
    hash: "model=fashion-resnet&batch=16",
    async ready(page) {
      await page.waitForSelector("#fold", { timeout: 30_000 });
      await page.click("#fold");
      await page.locator(".layer-list .layer-row").nth(3).click();
      await page.fill("#layer-3-stride", "2");
      await page.press("#layer-3-stride", "Enter");
      await page.waitForSelector(".layer-list li.wrong");
      await page.waitForTimeout(1000);
    },
  },
  text: {
    hash: "data=names&device=cpu",
    async ready(page) {
      await page.waitForSelector("#text-next li", { timeout: 30_000 });
      await page.selectOption("#text-net", "transformer");
      await page.waitForSelector("#text-heads canvas", { timeout: 30_000 });
      await page.locator(".samples li").nth(2).waitFor({ timeout: 60_000 });
    },
  },
  // How far back over the steps of a window the gradient of one step's loss reaches.
  "text-back": {
    hash: "room=backprop&data=names&device=cpu",
    async ready(page) {
      await page.waitForSelector("#tokens-table", { timeout: 30_000 });
      await page.locator("#tokens-of").fill("10");
      await page.waitForSelector("#tokens-table td.of");
    },
  },
  gradients: {
    hash: "room=gradients&data=spirals",
    ready: (page) => page.waitForSelector("#verdict", { timeout: 30_000 }),
  },
  gallery: {
    hash: "room=gradients&data=tutorial&fault=printed",
    ready: (page) => page.waitForSelector("#verdict", { timeout: 30_000 }),
  },
  backprop: {
    hash: "room=backprop&data=tutorial",
    async ready(page) {
      await page.waitForSelector("#scrub", { timeout: 20_000 });
      for (let i = 0; i < 9; i++) await page.click("#next");
      await page.waitForTimeout(600);
    },
  },
  convolution: {
    hash: "room=backprop&data=tutorial",
    async ready(page) {
      await page.click("#view-convolution");
      await page.waitForSelector("#conv-next");
      for (let i = 0; i < 6; i++) await page.click("#conv-next");
      await page.waitForTimeout(600);
    },
  },
  // On the way back, two kernels with padding: the kernel's gradient adds up.
  "convolution-back": {
    hash: "room=backprop&data=tutorial",
    async ready(page) {
      await page.click("#view-convolution");
      await page.waitForSelector("#conv-next");
      await page.selectOption("#conv-kernels", "2");
      await page.selectOption("#conv-padding", "1");
      await page.waitForSelector(".map .beyond");
      await page.click(".phases button:nth-child(10)");
      for (let i = 0; i < 15; i++) await page.click("#conv-next");
      await page.waitForTimeout(600);
    },
  },
  attention: {
    hash: "room=backprop&data=tutorial",
    async ready(page) {
      await page.click("#view-attention");
      await page.waitForSelector("#attention-next");
      await page.click(".phases button:nth-child(6)");
      await page.click("#attention-next");
      await page.waitForTimeout(600);
    },
  },
  // On the way back: the softmax's gradient, under the mask.
  "attention-back": {
    hash: "room=backprop&data=tutorial",
    async ready(page) {
      await page.click("#view-attention");
      await page.waitForSelector("#attention-next");
      await page.selectOption("#attention-steps", "5");
      await page.selectOption("#attention-width", "4");
      await page.click(".phases button:nth-child(12)");
      await page.waitForTimeout(600);
    },
  },
  benchmark: {
    hash: "room=benchmark&data=moons",
    async ready(page) {
      await page.waitForSelector("#bench-run");
      await page.click("#bench-run");
      await page.waitForTimeout(12_000);
    },
  },
  kernels: {
    hash: "room=kernels&data=spirals",
    ready: (page) => page.waitForSelector("#source", { timeout: 20_000 }),
  },
  // What is seen seldom: a run that was kept, a GPU that was lost, a folder of pictures, the dialogs.
  saved: {
    hash: "data=moons&device=cpu",
    async ready(page) {
      await page.waitForTimeout(3500);
      await page.click("#play");
      await page.click("#room-backprop");
      await page.waitForSelector("#scrub");
      await page.waitForTimeout(500);
      await page.reload();
      await page.waitForSelector("#go-on", { timeout: 20_000 });
    },
  },
  lost: {
    hash: "data=spirals&device=webgpu",
    async ready(page) {
      await page.waitForTimeout(3000);
      const session = await page.context().browser()!.newBrowserCDPSession();
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      process.kill(processInfo.find((p) => p.type === "GPU")!.id, "SIGKILL");
      await page.waitForSelector("#recovery", { timeout: 30_000 });
      await page.waitForTimeout(2500);
    },
  },
  folder: {
    hash: "data=moons&device=cpu",
    async ready(page) {
      await page.setInputFiles("#folder", pictures());
      await page.waitForSelector("#folder-found");
      await page.locator("#folder-found").scrollIntoViewIfNeeded();
    },
  },
  table: {
    hash: "data=moons&device=cpu",
    async ready(page) {
      const rows = Array.from(
        { length: 40 },
        (_, i) => `${i},"${1 + (i % 9)},${200 + i}",${i % 7},${i % 8 ? 1000 - i : ""}`,
      );
      const buffer = Buffer.from([",price,rooms,score", ...rows].join("\n"));
      await page.setInputFiles("#file", { name: "prices.csv", mimeType: "", buffer });
      await page.waitForSelector("#table-notices");
      await page.locator("#table-notices").scrollIntoViewIfNeeded();
      await page.waitForTimeout(1000);
    },
  },
  code: {
    hash: "data=digits",
    async ready(page) {
      await page.waitForTimeout(2000);
      await page.click("#code");
      await page.waitForTimeout(500);
    },
  },
};

/** Pictures in two folders, bright above or bright below. */
function pictures(): string {
  const root = mkdtempSync(join(tmpdir(), "chainrule-pictures-"));
  for (const kind of ["above", "below"]) {
    mkdirSync(join(root, kind));
    for (let i = 0; i < 12; i++)
      writeFileSync(
        join(root, kind, `${i}.png`),
        png(20 + i, 24, (_x, y) => (y < 12 === (kind === "above") ? [250, 240, 230] : [10 + i, 20, 30])),
      );
  }
  return root;
}

async function shoot(
  browser: Browser,
  url: string,
  name: string,
  size: keyof typeof sizes,
  dark: boolean,
  chinese: boolean,
): Promise<void> {
  const context = await browser.newContext({
    viewport: sizes[size],
    deviceScaleFactor: size === "phone" ? 2 : 1,
    colorScheme: dark ? "dark" : "light",
    locale: chinese ? "zh-CN" : "en-US",
  });
  const page = await context.newPage();
  const { hash, ready } = rooms[name]!;
  await page.goto(`${url}#v=2&${hash}`);
  await ready(page);
  const file = `${name}-${size}-${dark ? "dark" : "light"}-${chinese ? "zh" : "en"}.png`;
  await page.screenshot({ path: join(folder, file), fullPage: true });
  console.log(file);
  await context.close();
}

mkdirSync(folder, { recursive: true });
if (!process.env.SKIP_BUILD) await build({ logLevel: "warn" });
const server = await preview({ logLevel: "warn", preview: { port: 0, open: false } });
const address = server.httpServer.address();
if (address === null || typeof address === "string") throw new Error("vite preview has no port");
const { executablePath, args, env } = await findChromium();
try {
  for (const name of only.length > 0 ? only : Object.keys(rooms)) {
    for (const size of ["desktop", "phone"] as const) {
      for (const [dark, chinese] of [
        [false, false],
        [true, true],
      ] as const) {
        // One of its own each time: a browser whose GPU process died a few times gives no adapter any more.
        const browser = await chromium.launch({ executablePath, args, env });
        await shoot(browser, `http://localhost:${address.port}/`, name, size, dark, chinese);
        await browser.close();
      }
    }
  }
} finally {
  server.httpServer.close();
}
process.exit(0);
