// Text that nets write, step by step and whole, which are held against each other: so longer than a file should be.
import { beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { ChainruleError } from "../../src/core/errors.ts";
import { type NdArray, ndarray, zeros } from "../../src/core/ndarray.ts";
import { randomWord } from "../../src/core/philox.ts";
import { textRows } from "../../src/data/text/text-data.ts";
import { characterTokenizer } from "../../src/data/text/tokenizer.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { predictRows } from "../../src/train/evaluation/predict-rows.ts";
import { generateTokens } from "../../src/train/generation/generate.ts";
import { generate } from "../../src/train/generation/generate-with.ts";
import { prefill } from "../../src/train/generation/prefill.ts";
import { isStepwise, StepByStep } from "../../src/train/generation/step-by-step.ts";

let cpu: Backend;
beforeAll(async () => {
  cpu = await cpuBackend();
});

const [T, COUNT] = [5, 7];
const model = parseModel({
  input: [T],
  layers: [
    { type: "embedding", vocabulary: COUNT, size: 4 },
    { type: "linear", in: 4, out: COUNT },
  ],
  loss: "crossEntropy",
});
const word = (i: number): number => randomWord(5, 4, 0, i) % COUNT;
const data = {
  x: ndarray(
    [12, T],
    "i32",
    Array.from({ length: 12 * T }, (_, i) => word(i)),
  ),
  y: ndarray(
    [12, T],
    "i32",
    Array.from({ length: 12 * T }, (_, i) => word(i + 1)),
  ),
};

test("generation: the same seed the same text; greedy takes the likeliest; no more where it stops", async () => {
  const text = { name: "t", documents: ["abcabcabdabcabcabd".repeat(6)] };
  const choice = { length: T, validation: 0, test: 0, tokenizer: characterTokenizer };
  const { train, tokenizer } = await textRows(text, choice);
  const small = parseModel({
    input: [T],
    layers: [
      { type: "embedding", vocabulary: tokenizer.size, size: 6 },
      { type: "linear", in: 6, out: tokenizer.size },
    ],
    loss: "crossEntropy",
  });
  const optimizer = { type: "adam", lr: 0.05 } as const;
  const trainer = await createTrainer(cpu, { model: small, data: train, optimizer, batch: 8 });
  for await (const _ of trainer.run({ steps: 150 }));
  const write = async (more: object): Promise<string> => {
    const decoder = tokenizer.decoder();
    let written = "";
    const prompt = tokenizer.encode("ab");
    for await (const token of generate(trainer, { prompt, tokens: 40, ...more })) written += decoder.push(token);
    return written;
  };
  const one = await write({ seed: 3 });
  expect(one).toHaveLength(40);
  expect(await write({ seed: 3 })).toBe(one);
  expect(await write({ seed: 4 })).not.toBe(one);
  // Behind b comes c more often than d.
  expect(await write({ temperature: 0 })).toBe("cab".repeat(14).slice(0, 40));
  expect(await write({ topK: 1, seed: 9 })).toBe("cab".repeat(14).slice(0, 40));
  expect(await write({ temperature: 0, stopAt: 0 })).toBe("ca");
  expect(one).toMatch(/^([cd]?ab)*[cd]?a?$/);
  expect(one).toContain("d");
  const stop = new AbortController();
  const some: number[] = [];
  for await (const token of generate(trainer, { prompt: [0], tokens: 40, signal: stop.signal })) {
    some.push(token);
    if (some.length === 3) stop.abort();
  }
  expect(some).toHaveLength(3);
  for (const [more, message] of [
    [{ prompt: [] }, "prompt: at least one token is needed"],
    [{ prompt: "ab" }, "prompt: at least one token is needed, as a list of whole numbers"],
    [{ prompt: [0, 9] }, "prompt: token 9 at place 1 is outside the vocabulary of 5: 0 to 4"],
    [{ tokens: 0 }, "tokens must be a whole number from 1 up, got 0"],
    [{ temperature: -1 }, "temperature must be at least 0 (0 takes the likeliest), got -1"],
    [{ topP: 0 }, "topP must be above 0 and at most 1, got 0"],
    [{ topK: 1.5 }, "topK must be a whole number from 1 up, got 1.5"],
    [{ seed: -1 }, "seed must be a whole number from 0"],
    [{ topk: 1 }, 'generate: unknown option "topk"'],
  ] as const) {
    await expect(write(more)).rejects.toThrow(message);
  }
  trainer.dispose();
});

describe("generation step by step gives the tokens of whole windows", () => {
  const [length, vocabulary] = [12, 9];
  const embed = { type: "embedding", vocabulary, size: 8 };
  const head = { type: "linear", in: 8, out: vocabulary };
  const units = { in: 8, out: 8 };
  test.each<[string, readonly object[]]>([
    ["lstm, two of them", [{ type: "lstm", ...units, layers: 2 }]],
    [
      "gru and a norm",
      [
        { type: "gru", ...units },
        { type: "layerNorm", size: 8 },
      ],
    ],
    [
      "transformer blocks",
      [
        { type: "positionEmbedding", length, size: 8 },
        { type: "attention", size: 8, heads: 2, causal: true, name: "one" },
        { type: "add", from: ["1", "one"] },
        { type: "rmsNorm", size: 8 },
        { type: "attention", size: 8, heads: 4, keyHeads: 2, causal: true, bias: false },
        { type: "gelu" },
      ],
    ],
    [
      "turned queries and keys, fewer of these",
      [
        { type: "attention", size: 8, heads: 2, keyHeads: 1, causal: true, rotary: true, base: 50, name: "one" },
        { type: "add", from: ["0", "one"] },
        { type: "attention", size: 8, heads: 2, causal: true, rotary: true },
      ],
    ],
    ["rnn with relu, without biases", [{ type: "rnn", ...units, nonlinearity: "relu", bias: false }]],
  ])("%s", async (_what, layers) => {
    const net = parseModel({ input: [length], layers: [embed, ...layers, head], loss: "crossEntropy" });
    expect(isStepwise(net)).toBe(true);
    const weights = initialise(net, 5);
    const write = async (backend: Backend, more: object): Promise<number[]> => {
      const tokens: number[] = [];
      const options = { prompt: [3, 1, 4], tokens: 19, temperature: 0.7, seed: 2, ...more };
      for await (const token of generateTokens(backend, net, weights, options)) tokens.push(token);
      return tokens;
    };
    // Enough for the window to move twice.
    const whole = await write(cpu, { cache: false });
    expect(new Set(whole).size).toBeGreaterThan(3);
    expect(await write(cpu, {})).toEqual(whole);
    expect(await write(referenceBackend("f64"), {})).toEqual(whole);
    const steps = await StepByStep.create(cpu, net, weights, 4);
    const exact = await StepByStep.create(referenceBackend("f64"), net, weights, 4);
    // A text that is another's beginning, and one that is not; long ones go through at once.
    const long = [2, 7, 1, 8, 2, 8, 1];
    for (const text of [[3], [3, 1, 4], [3, 1, 4, 1], [5, 1], [5, 1, 2], long, [...long, 4], [...long, 4, 5]]) {
      const x = ndarray(
        [1, length],
        "i32",
        Array.from({ length }, (_, i) => text[i] ?? 0),
      );
      const all = await predictRows(referenceBackend("f64"), net, weights, x);
      const [found, truth] = [await steps.logits(text), await exact.logits(text)];
      for (let k = 0; k < vocabulary; k++) {
        const wanted = all.data[(text.length - 1) * vocabulary + k]!;
        expect(truth[k]!).toBeCloseTo(wanted, 6);
        expect(found[k]!).toBeCloseTo(wanted, 4);
      }
    }
    steps.dispose();
    exact.dispose();
  });

  test("a text that is begun goes through at once, and leaves what its steps leave", async () => {
    const layers = [
      { type: "attention", size: 8, heads: 2, causal: true },
      { type: "lstm", ...units, layers: 2 },
    ];
    const net = parseModel({ input: [length], layers: [embed, ...layers, head], loss: "crossEntropy" });
    const weights = initialise(net, 5);
    const text = [2, 7, 1, 8, 2];
    const left = await prefill(referenceBackend("f64"), net, weights, text, length);
    expect(left.map(({ shape }) => shape)).toEqual([
      [length, 24],
      [2, 8],
      [2, 8],
    ]);
    // Behind the text nothing is known.
    expect([...left[0]!.data.slice(5 * 24)].every((v) => v === 0)).toBe(true);
    const shorter = await prefill(referenceBackend("f64"), net, weights, text.slice(0, 4), length);
    expect(left[0]!.data.slice(0, 4 * 24)).toEqual(shorter[0]!.data.slice(0, 4 * 24));
    for (const [k, state] of left.slice(1).entries()) {
      expect([...state.data].every((v) => v !== 0 && Math.abs(v) < 1.5)).toBe(true);
      expect(state.data).not.toEqual(shorter[k + 1]!.data);
    }
    // Its backend compiled the text's graph, and then that of one step.
    const compiled: number[] = [];
    const counting: Backend = {
      ...cpu,
      compile(g, options) {
        compiled.push(g.variables.find(({ name }) => name === "text" || name === "token")!.shape[1]!);
        return cpu.compile(g, options);
      },
    };
    const steps = await StepByStep.create(counting, net, weights, 4);
    for (const end of [5, 6, 8]) await steps.logits([...text, 1, 1, 1].slice(0, end));
    expect(compiled).toEqual([1, 4]);
    // Where there is no room for it, steps are taken one by one.
    const logitsOf = async (backend: Backend): Promise<number[]> => {
      const one = await StepByStep.create(backend, net, weights, 4);
      const logits = Array.from(await one.logits(text));
      one.dispose();
      return logits;
    };
    const tight: Backend = {
      ...cpu,
      compile: (g, options) =>
        g.variables.some(({ name }) => name === "text")
          ? Promise.reject(new ChainruleError("limit", "no room"))
          : cpu.compile(g, options),
    };
    const [logits, one] = [await logitsOf(cpu), await logitsOf(tight)];
    for (const [k, v] of one.entries()) expect(v).toBeCloseTo(logits[k]!, 5);
    steps.dispose();
  });

  test("nets whose steps see others in ways of their own are none", () => {
    const both = { type: "lstm", ...units, bidirectional: true, out: 4 };
    const sees = { type: "attention", size: 8, heads: 2 };
    for (const layers of [
      [both],
      [sees],
      [
        { type: "permute", order: [1, 0] },
        { type: "permute", order: [1, 0] },
      ],
    ]) {
      const net = parseModel({ input: [length], layers: [embed, ...layers, head], loss: "crossEntropy" });
      expect(isStepwise(net)).toBe(false);
    }
  });
});

test("generation refuses nets that do not write", async () => {
  const trainer = await createTrainer(cpu, { model, data });
  await expect(generate(trainer, { prompt: [1], tokens: 1 }).next()).resolves.toMatchObject({ done: false });
  trainer.dispose();
  const embedding = { type: "embedding", vocabulary: COUNT, size: COUNT };
  const classes = parseModel({
    input: [T],
    layers: [embedding, { type: "flatten" }, { type: "linear", in: 35, out: 3 }],
    loss: "crossEntropy",
  });
  const turned = [
    { type: "permute", order: [1, 0] },
    { type: "linear", in: T, out: T },
    { type: "permute", order: [1, 0] },
  ];
  const mixed = parseModel({ input: [T], layers: [embedding, ...turned], loss: "crossEntropy" });
  const refused = async (net: typeof model, y: NdArray, message: string): Promise<void> => {
    const other = await createTrainer(cpu, { model: net, data: { x: data.x, y } });
    await expect(generate(other, { prompt: [1], tokens: 2 }).next()).rejects.toThrow(message);
    other.dispose();
  };
  await refused(
    classes,
    zeros([12], "i32"),
    "the model gives [3]; one that learns a text gives logits of the next token at each step, [5, 7]",
  );
  await refused(mixed, data.y, "what the net gives at a step depends on those behind it");
});
