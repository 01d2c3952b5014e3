import { beforeAll, expect, test } from "vitest";
import { violations } from "../shared/axe.ts";
import { bpeFile } from "../shared/bpe.ts";
import { studio } from "../shared/page.ts";

/** One page goes through the room: what each test leaves is where the next one begins. */
const s = studio({ onePage: true });

const samples = (): Promise<string[]> => s.page.locator(".samples p").allTextContents();
const written = (): Promise<unknown> => s.page.locator(".samples li").first().waitFor();
const next = async (): Promise<number[]> =>
  s.page.locator("#text-next progress").evaluateAll((all) => all.map((e) => (e as HTMLProgressElement).value));
const settled = (selector: string, before: string): Promise<unknown> =>
  s.page.waitForFunction(([q, b]) => document.querySelector(q!)?.textContent !== b, [selector, before] as const);

beforeAll(async () => {
  await s.open("room=train&data=names&device=cpu&batch=8&text=characters.8");
  await s.page.waitForSelector("#text-next li");
});

test("a text trains, and the net writes as it learns; what makes no sense for a text is not there", async () => {
  await s.page.selectOption("#text-every", "20");
  await written();
  await s.paused();
  expect((await samples())[0]).toMatch(/^Mar/);
  expect(await s.text("#rows")).toMatch(/[\d,]+ rows to train, 96 to test/);
  for (const absent of ["#boundary", "#confusion", "#weights", "#pad", "#field-net"]) {
    expect(await s.page.locator(absent).count(), absent).toBe(0);
  }
  const losses = await s.losses();
  expect(losses.at(-1)!).toBeLessThan(0.8 * losses[0]!);
  // 1 bit is ln 2; names are of one byte a character.
  await s.page.waitForFunction(() => document.querySelectorAll("#text-bits span").length === 2);
  const [, token, byte] = /: ([\d.]+) bits a token, ([\d.]+) bits a byte/.exec(await s.text("#text-bits span"))!;
  expect(Number(token) * Math.LN2).toBeCloseTo(Number(await s.text("#loss")), 2);
  expect(Number(byte)).toBeCloseTo(Number(token), 1);
  expect(await s.page.evaluate(() => location.hash)).toContain("text=characters.8");
});

test("the same prompt and seed write the same; another seed another text", async () => {
  const write = async (): Promise<string> => {
    const before = await s.page.locator(".samples li").count();
    await s.page.click("#text-write");
    await s.page.waitForFunction((n) => document.querySelectorAll(".samples li").length === Math.min(6, n + 1), before);
    return (await samples())[0]!;
  };
  await s.page.fill("#text-prompt", "Ann");
  await s.page.keyboard.press("Tab");
  await s.page.waitForFunction(() => document.querySelector(".samples p")!.textContent!.startsWith("Ann"));
  const first = (await samples())[0]!;
  expect(await write()).toBe(first);
  await s.page.fill("#text-seed", "2");
  await s.page.keyboard.press("Tab");
  expect(await write()).not.toBe(first);
  await s.page.fill("#text-temperature", "cold");
  await s.page.keyboard.press("Tab");
  await s.page.waitForSelector('#text-temperature[aria-invalid="true"]');
});

test("what comes next is told for what one types, a character that it never saw too", async () => {
  const chances = await next();
  expect(chances.length).toBe(10);
  expect(chances).toEqual([...chances].sort((a, b) => b - a));
  expect(chances.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1.001);
  const before = await s.text("#text-next");
  await s.page.fill("#text-typed", "Elizabet");
  await settled("#text-next", before);
  const typed = await s.text("#text-next");
  await s.page.fill("#text-typed", "Elizabe中");
  await settled("#text-next", typed);
  expect(await s.page.locator("#text-failed").count()).toBe(0);
});

test("the X-ray of such a net passes, and its embedding is among the tensors", async () => {
  await s.page.click("#room-gradients");
  await s.page.waitForSelector("#verdict", { timeout: 60_000 });
  expect(await s.page.locator("#tensors .bad").count()).toBe(0);
  // Its rows are tokens, by name.
  expect(await s.text("#tensors tr:has(.of-layer:text-is('embedding'))")).toMatch(/\[\d+ “.+”, \d+\]/u);
  await s.page.click("#room-train");
});

test("each head of a transformer shows what the steps look at", async () => {
  await s.page.selectOption("#text-net", "transformer");
  await s.page.waitForSelector("#text-heads canvas");
  await s.paused();
  await s.page.fill("#text-typed", "Maria");
  const heads = s.page.locator("#text-heads canvas");
  await s.page.waitForFunction(() =>
    [...document.querySelectorAll("#text-heads canvas")].every((c) => /step [1-5], “[Mari]”/.test(c.ariaLabel!)),
  );
  expect(await heads.count()).toBe(8);
  expect(await s.page.locator("#text-failed").count()).toBe(0);
  // Another step, by keyboard: the first sees itself alone.
  await s.page.focus("#text-from");
  await s.page.keyboard.press("Home");
  await s.page.waitForFunction(() =>
    [...document.querySelectorAll("#text-heads canvas")].every((c) =>
      /step 1 looks most at step 1, “M”, with 100/.test(c.ariaLabel!),
    ),
  );
});

test("its gradient goes back over the steps, from all losses or from that of one step", async () => {
  await s.page.click("#room-backprop");
  await s.page.waitForSelector("#tokens-table");
  /** Lengths of the gradients of a layer, step by step. */
  const row = async (layer: string): Promise<number[]> =>
    (await s.page.locator(`#tokens-table tr:has(th span:text-is("${layer}")) >> nth=-1 >> td`).allTextContents()).map(
      (t) => Number(t.replaceAll("−", "-")),
    );
  expect((await row("embedding")).every((v) => v > 0)).toBe(true);
  await s.page.locator("#tokens-of").fill("3");
  await s.page.waitForSelector("#tokens-table td.of");
  // What came later has no part in what the third step tells; what came before has, through attention.
  const back = await row("embedding");
  expect(back.length).toBe(8);
  expect(back.map((v) => v > 0)).toEqual([true, true, true, false, false, false, false, false]);
  expect((await row("linear")).map((v) => v > 0)).toEqual([true, true, true, false, false, false, false, false]);
  expect(await s.text("#tokens-loss")).toMatch(/Loss [\d.]+, which is [\d.]+ bits a token/);
  expect(await violations(s.page)).toEqual([]);
  await s.page.click("#room-train");
});

test("a pasted text, and a dropped one, become data; a table stays one", async () => {
  await s.page.click("#paste-text");
  await s.page.fill("#text-pasted", "one two three four ".repeat(60));
  await s.page.click("#text-train");
  await s.page.waitForFunction(() => document.querySelector("#text-read")?.textContent?.includes("11 different"));
  await s.page.selectOption("#text-tokens", "bytes");
  await s.page.waitForFunction(() => document.querySelector("#text-read")?.textContent?.includes("256 different"));
  // The same net for the other tokens, until another is chosen.
  await s.page.waitForFunction(() => document.querySelector<HTMLSelectElement>("#text-net")!.value === "gru");
  await s.page.selectOption("#text-net", "lstm");
  await s.page.locator(".layer-list", { hasText: "lstm" }).waitFor();
  expect(await s.page.inputValue("#field-batch")).toBe("32");
  const buffer = Buffer.from("春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n".repeat(30));
  await s.page.setInputFiles("#file", { name: "poem.txt", mimeType: "", buffer });
  await s.page.waitForFunction(() => document.querySelector("#text-read")?.textContent?.includes("2.85"));
  await s.page.setInputFiles("#file", { name: "short.txt", mimeType: "", buffer: Buffer.from("too short") });
  await s.page.waitForFunction(() => document.querySelector("#problem")?.textContent?.includes("more text"));
  // What was read stays, and so it does where a window has no room, or documents or tokens are wrong.
  const dropped = (name: string, text: string) =>
    s.page.setInputFiles("#file", { name, mimeType: "", buffer: Buffer.from(text) });
  const complaint = (part: string) =>
    s.page.waitForFunction((p) => document.querySelector("#problem")?.textContent?.includes(p), part);
  await dropped("docs.jsonl", '{"body":"a"}\n{"body":5}\n');
  await complaint('docs.jsonl, line 2: "body" must be text, got 5');
  await dropped("tokenizer.json", JSON.stringify({ ...bpeFile(), model: { type: "WordPiece" } }));
  await complaint('tokenizer.json: its model is "WordPiece"');
  await s.page.fill("#text-length", "900");
  await s.page.press("#text-length", "Enter");
  await s.page.waitForFunction(() => /from 1 to \d+,/.test(document.querySelector("#text-length-error")!.textContent!));
  expect(await s.text("#text-read")).toContain("2.85");
  const messages = Array.from({ length: 40 }, (_, i) => JSON.stringify({ id: i, body: `the ${i}th of the messages` }));
  await dropped("docs.jsonl", messages.join("\n"));
  await s.page.waitForFunction(() => document.querySelector("#text-read")?.textContent?.includes("22 different"));
  await dropped("tokenizer.json", JSON.stringify(bpeFile()));
  await s.page.waitForFunction(() => document.querySelector("#text-read")?.textContent?.includes("260 different"));
  expect(await s.page.inputValue("#text-tokens")).toBe("file");
  await s.page.click("#code");
  await s.page.click("#code-command");
  expect(await s.text("#snippet")).toContain("--data text.jsonl --text-column 'body' --tokenizer ./tokenizer.json");
  await s.page.keyboard.press("Escape");
  const table = Array.from({ length: 30 }, (_, i) => `${i % 5},${i % 3},${i % 2 ? "p" : "q"}`);
  await s.page.setInputFiles("#file", {
    name: "table.txt",
    mimeType: "",
    buffer: Buffer.from(["a,b,c", ...table].join("\n")),
  });
  await s.page.waitForSelector("#table-part");
  await s.page.waitForSelector("#text-samples", { state: "detached" });
});

test("axe finds nothing, light and dark, in both languages", async () => {
  await s.page.selectOption("#field-data", "names");
  await s.page.waitForSelector("#text-next li");
  await s.paused();
  expect(await violations(s.page)).toEqual([]);
  await s.switchLanguage();
  await s.page.click("#theme");
  await s.page.click("#theme");
  expect(await violations(s.page)).toEqual([]);
});
