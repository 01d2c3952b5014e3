import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";
import { slowness } from "../shared/slowness.ts";

const s = studio({ pace: 0 });

test("a pasted link restores the same state", async () => {
  await s.open(
    "room=gradients&data=digits&net=32-relu-drop0.2&opt=sgd&lr=0.1&batch=64&seed=3&device=cpu&hide=code.gallery",
  );
  await s.trained(3);
  const url = s.page.url();
  expect(url).toContain("net=32-relu-drop0.2");
  expect(url).toContain("hide=gallery.code");
  expect(url).toContain("seed=3");
  expect(await s.page.locator("#width-0").inputValue()).toBe("32");
  expect(await s.page.locator("#code").count()).toBe(0);
  await s.page.goto("about:blank");
  await s.page.goto(url);
  await s.trained(3);
  expect(s.page.url()).toBe(url);
  expect(url.length).toBeLessThan(4096);
});

test("a hostile link, a link of another version and a link too long are no more than the page's own start", async () => {
  await s.open("data=%3Cscript%3E&net=999999-1&lr=-1&batch=0&seed=x&room=__proto__&hide=status");
  await s.trained(1);
  for (const part of ["data=spirals", "room=train", "net=32-tanh-32-tanh", "lr=0.01"]) {
    expect(s.page.url()).toContain(part);
  }
  expect(await s.page.locator("#adapter").count()).toBe(1);
  await s.page.evaluate(() => {
    location.hash = "v=9&data=moons";
  });
  await s.page.waitForFunction(() => location.hash.includes("v=2"));
  expect(s.page.url()).toContain("data=spirals");
  await s.page.evaluate(() => {
    location.hash = `v=2&data=moons&x=${"y".repeat(20_000)}`;
  });
  await s.page.waitForFunction(() => location.hash.includes("data=spirals"));
});

test("speaks Chinese when asked, and remembers; so with the colours", async () => {
  await s.open("data=moons");
  await s.switchLanguage();
  expect(await s.text("#room-train")).toBe("训练");
  await s.page.click("#theme");
  await s.page.click("#theme");
  await s.page.reload();
  await s.page.waitForSelector("#room-train");
  expect(await s.text("#room-train")).toBe("训练");
  expect(await s.page.evaluate(() => document.documentElement.lang)).toBe("zh-Hans");
  expect(await s.page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(18, 20, 23)");
});

test("the page is never blocked while it trains, and training goes on in a hidden tab", { retry: 2 }, async () => {
  await s.page.goto("about:blank");
  const slower = Math.max(1, await slowness(s.page));
  await s.open("data=spirals");
  await s.trained(100);
  await s.page.evaluate(() => {
    const tasks: number[] = [];
    Object.assign(window, { tasks });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) tasks.push(entry.duration);
    }).observe({ type: "longtask" });
  });
  await s.page.waitForTimeout(3000);
  const before = await s.stepCount();
  await s.page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await s.page.waitForFunction(
    (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > n,
    before,
  );
  const tasks = await s.page.evaluate(() => (window as unknown as { tasks: number[] }).tasks);
  // A task above 50 ms is what the browser itself calls long; a busy machine takes longer for the same.
  expect(tasks.filter((ms) => ms / slower > 50)).toEqual([]);
});
