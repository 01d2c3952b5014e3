import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";

const s = studio();

/** What the policy refused, as the page itself was told. */
async function watchViolations(): Promise<void> {
  await s.page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(globalThis, { violations: seen });
    document.addEventListener("securitypolicyviolation", (e) => seen.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
}
const violations = (): Promise<string[]> =>
  s.page.evaluate(() => (globalThis as unknown as { violations: string[] }).violations);

const rooms = {
  train: "#step-count",
  gradients: "#verdict",
  backprop: "#scrub",
  benchmark: "#bench-run",
  kernels: "#source",
};

test("all rooms and dialogs open without one violation of the policy", async () => {
  await watchViolations();
  await s.open("data=xor&device=cpu");
  for (const [room, ready] of Object.entries(rooms)) {
    await s.page.click(`#room-${room}`);
    await s.page.waitForSelector(ready, { timeout: 30_000 });
  }
  await s.page.click("#code");
  await s.page.waitForSelector("#snippet");
  await s.page.keyboard.press("Escape");
  await s.switchLanguage();
  await s.page.click("#theme");
  expect(await violations()).toEqual([]);
});

/** What code that got into the page might try, and the rule that stands in its way. */
const attempts: readonly [what: string, directive: string, attempt: () => unknown][] = [
  [
    "an inline script as markup",
    "require-trusted-types-for",
    () => {
      document.body.innerHTML = "<img src=x onerror='globalThis.hacked = true'>";
    },
  ],
  [
    "an inline script as an element",
    "require-trusted-types-for",
    () => {
      const script = document.createElement("script");
      script.append("globalThis.hacked = true");
      document.body.append(script);
    },
  ],
  [
    "an event handler as an attribute",
    "require-trusted-types-for",
    () => {
      const button = document.createElement("button");
      button.setAttribute("onclick", "globalThis.hacked = true");
      document.body.append(button);
      button.click();
    },
  ],
  [
    "eval",
    "require-trusted-types-for",
    // biome-ignore lint/security/noGlobalEval: this is what must not work
    () => globalThis.eval("globalThis.hacked = true"),
  ],
  ["a function made of text", "require-trusted-types-for", () => new Function("globalThis.hacked = true")()],
  ["another worker", "require-trusted-types-for", () => new Worker("data:text/javascript,postMessage(1)")],
  [
    "another policy",
    "trusted-types",
    () =>
      (
        globalThis as unknown as { trustedTypes: { createPolicy(n: string, r: object): unknown } }
      ).trustedTypes.createPolicy("mine", {}),
  ],
  [
    "the engine's policy once more",
    "trusted-types",
    () =>
      (
        globalThis as unknown as { trustedTypes: { createPolicy(n: string, r: object): unknown } }
      ).trustedTypes.createPolicy("chainrule-worker", {}),
  ],
  ["a request to elsewhere", "connect-src", () => fetch("https://example.com/").catch(() => undefined)],
  [
    "a frame",
    "frame-src",
    () => {
      const frame = document.createElement("iframe");
      frame.src = "https://example.com/";
      document.body.append(frame);
    },
  ],
  [
    "a form",
    "form-action",
    () => {
      const form = document.createElement("form");
      form.action = "https://example.com/";
      document.body.append(form);
      form.submit();
    },
  ],
];

test("the policy refuses what injected code would try, and says so", async () => {
  await watchViolations();
  await s.open("data=xor&device=cpu");
  await s.trained(5);
  for (const [what, directive, attempt] of attempts) {
    const before = (await violations()).length;
    // In a task of the page's own: a debugger, as which the test speaks, may do more than the page.
    await s.page.evaluate(`setTimeout(() => { (${attempt})(); })`);
    await s.page
      .waitForFunction(
        ([wanted, from]) =>
          (globalThis as unknown as { violations: string[] }).violations.slice(from).some((v) => v.startsWith(wanted)),
        [directive, before] as const,
        { timeout: 5000 },
      )
      .catch((cause) => {
        throw new Error(`${what} was not refused by ${directive}`, { cause });
      });
    expect(await s.page.evaluate(() => "hacked" in globalThis), what).toBe(false);
  }
  const complaints = s.takeComplaints();
  expect(complaints.length).toBeGreaterThanOrEqual(attempts.length);
});

test("an inline script in the document itself does not run", async () => {
  await watchViolations();
  await s.page.route("**/", async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace("</body>", "<script>globalThis.hacked = true</script></body>");
    await route.fulfill({ response, body });
  });
  await s.open("data=xor&device=cpu");
  await s.trained(5);
  expect(await s.page.evaluate(() => "hacked" in globalThis)).toBe(false);
  expect((await violations()).join()).toContain("script-src-elem inline");
  expect(s.takeComplaints().join()).toContain("inline script");
});

/** Names that would do harm where text is taken for anything but text. */
const hostile = [
  "<img src=x onerror=globalThis.hacked=1>",
  '"><script>globalThis.hacked=1</script>',
  "\u0024{globalThis.hacked=1}{{constructor.constructor('globalThis.hacked=1')()}}{label}$&",
  "*/ } @compute @workgroup_size(1) fn main() { loop {} } //",
  "../../../etc/passwd",
  "__proto__",
  "constructor",
  '=HYPERLINK("https://example.com/")',
  "javascript:globalThis.hacked=1",
  "\u202Eevil\u0007\u2028end",
];
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

test("names of columns, classes, files and runs are text and nothing else, in every room", async () => {
  await watchViolations();
  const requests: string[] = [];
  s.page.on("request", (request) => requests.push(request.url()));
  await s.open("data=moons&device=cpu");
  await s.trained(5);
  // Every name is a column, and every name a class; rows are told apart by the column of their class.
  const header = [...hostile.map(quoted), '"<b>y</b>"'].join(",");
  const rows = Array.from({ length: 100 }, (_, i) => {
    const label = i % hostile.length;
    return [...hostile.map((_n, j) => (j === label ? 1 : 0)), quoted(hostile[label]!)].join(",");
  });
  const name = "<svg onload=globalThis.hacked=1>'`{name}.csv";
  const csv = Buffer.from(`${header}\n${rows.join("\n")}\n`);
  await s.page.setInputFiles("#file", { name, mimeType: "text/csv", buffer: csv });
  await s.page.waitForFunction(() => document.querySelector("#rows")?.textContent?.includes("80 rows"));
  await s.page.waitForFunction(() => document.querySelector("#accuracy")?.textContent?.includes("100"));
  expect(await s.text('label[for="field-data"]')).toBe(name);
  await s.page.waitForFunction((n) => document.querySelectorAll("#confusion tbody th").length === n, hostile.length);
  const shown = await s.page.locator("#confusion tbody th").allTextContents();
  expect(shown.sort()).toEqual([...hostile].sort());
  // A run by such a name, in the list, the plot's legend and the file that is saved.
  await s.page.click("#keep");
  await s.page.fill(".runs input", hostile[0]!);
  await s.page.press(".runs input", "Enter");
  const [download] = await Promise.all([s.page.waitForEvent("download"), s.page.click("#csv")]);
  expect(download.suggestedFilename()).toMatch(/^[\w-]+\.csv$/);
  for (const [room, ready] of Object.entries(rooms)) {
    await s.page.click(`#room-${room}`);
    await s.page.waitForSelector(ready, { timeout: 30_000 });
  }
  await s.page.click("#code");
  await s.page.waitForSelector("#snippet");
  for (const text of hostile) expect(await s.text("#snippet")).not.toContain(text);
  await s.page.keyboard.press("Escape");
  await s.page.click("#room-train");
  await s.switchLanguage();
  await s.page.waitForSelector("#step-count");
  expect(await s.page.evaluate(() => "hacked" in globalThis)).toBe(false);
  expect(await s.page.locator("main svg[onload], main img, main b:not(.end b), main script").count()).toBe(0);
  expect(requests.filter((url) => !url.startsWith(new URL(s.page.url()).origin) && !url.startsWith("blob:"))).toEqual(
    [],
  );
  expect(await violations()).toEqual([]);
});
