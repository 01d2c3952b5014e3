import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { type NdArray, ndarray, zeros } from "../../src/core/ndarray.ts";
import { randomWord } from "../../src/core/philox.ts";
import { textRows } from "../../src/data/text/text-data.ts";
import { characterTokenizer } from "../../src/data/text/tokenizer.ts";
import { exportPytorch } from "../../src/io/pytorch/export.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { predictRows } from "../../src/train/evaluation/predict-rows.ts";
import { generateTokens } from "../../src/train/generation/generate.ts";
import { generate } from "../../src/train/generation/generate-with.ts";
import { isStepwise, StepByStep } from "../../src/train/generation/step-by-step.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { trainingGraph } from "../../src/train/run/training-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";

let gpu: Awaited<ReturnType<typeof openGpu>>;
let cpu: Backend;
beforeAll(async () => {
  [gpu, cpu] = [await openGpu(), await cpuBackend()];
});
afterAll(() => gpu.dispose());

const [T, COUNT] = [5, 7];
const model = parseModel({
  input: [T],
  layers: [
    { type: "embedding", vocabulary: COUNT, size: 4 },
    { type: "linear", in: 4, out: COUNT },
  ],
  loss: "crossEntropy",
});
const tokens = Int32Array.from({ length: 64 }, (_, i) => randomWord(5, 4, 0, i) % COUNT);
/** Windows side by side, as text-data.ts makes them. */
const rowsOf = (text: Int32Array, n = Math.floor((text.length - 1) / T)) => ({
  x: ndarray([n, T], "i32", text.slice(0, n * T)),
  y: ndarray([n, T], "i32", text.slice(1, n * T + 1)),
  text: ndarray([text.length], "i32", text),
});
const data = rowsOf(tokens);
const options: TrainerOptions = { model, data, batch: 4, seed: 7, optimizer: { type: "sgd", lr: 0.1 } };

async function losses(backend: Backend, more: Partial<TrainerOptions> = {}, steps = 12) {
  const trainer = await createTrainer(backend, { ...options, ...more });
  const found: number[] = [];
  for await (const m of trainer.run({ steps })) found.push(m.loss);
  trainer.dispose();
  return found;
}

/** Windows of `steps` steps as a backend draws them. */
async function drawn(backend: Backend, steps: number, batch = 4): Promise<[x: NdArray, y: NdArray][]> {
  const plan = await trainingGraph({
    ...{ model, ...data, rows: data.x.shape[0]!, batch, streams: false, clip: 0, seed: 9, maxBufferSize: 2 ** 28 },
    ...{ weights: initialise(model, 1), optimizer: { type: "sgd", lr: 1e-9 }, schedule: { type: "constant" } },
  });
  const { outputs } = plan.graph.nodes.find((node) => node.op.name === "tokenWindows")!;
  plan.graph.keep(...outputs);
  const executor = await backend.compile(plan.graph, { onChip: false });
  const found: [NdArray, NdArray][] = [];
  for (let s = 0; s < steps; s++) found.push((await executor.run(1, outputs)) as [NdArray, NdArray]);
  executor.dispose();
  return found;
}

test("windows are the same bits on every executor; every epoch has each token once, from another place on", async () => {
  const truth = await drawn(referenceBackend("f32"), 6);
  expect(await drawn(cpu, 6)).toEqual(truth);
  expect(await drawn(asDispatches(gpu), 6)).toEqual(truth);
  // Twelve windows: three steps are an epoch.
  const places = truth.map(([x, y]) =>
    Array.from({ length: 4 }, (_, i) => {
      const window = [...x.data.subarray(i * T, (i + 1) * T), y.data[i * T + T - 1]!].join();
      const starts = tokens.map((_, at) => (tokens.slice(at, at + T + 1).join() === window ? at : -1));
      expect([...x.data.subarray(i * T + 1, (i + 1) * T)]).toEqual([...y.data.subarray(i * T, (i + 1) * T - 1)]);
      return Math.max(...starts);
    }),
  );
  const epochs = [places.slice(0, 3).flat(), places.slice(3).flat()].map((all) => all.sort((a, b) => a - b));
  for (const starts of epochs) {
    expect(new Set(starts).size).toBe(12);
    const inner = starts.slice(0, -1);
    for (const [k, start] of inner.entries()) expect(start - inner[0]!).toBe(k * T);
    expect(starts.at(-1)).toBe(Math.min(inner[0]! + 11 * T, tokens.length - 1 - T));
  }
  expect(epochs[0]![0]).not.toBe(epochs[1]![0]);
});

test("a run on a text goes on from a state to the bit, streams and accumulates; evaluation sees windows side by side", async () => {
  const whole = await losses(cpu);
  const { text: _, ...fixed } = data;
  expect(whole).not.toEqual(await losses(cpu, { data: fixed }));
  expect(await losses(cpu, { maxDataBytes: 200 })).toEqual(whole);
  const [trainer, again, plain] = [
    await createTrainer(cpu, options),
    await createTrainer(cpu, options),
    await createTrainer(cpu, { ...options, data: fixed }),
  ];
  for await (const _ of trainer.run({ steps: 5 }));
  const state = await trainer.state();
  again.restore(state);
  const rest: number[] = [];
  for await (const m of again.run({ steps: 7 })) rest.push(m.loss);
  expect(rest).toEqual(whole.slice(5));
  plain.restore(state);
  trainer.restore(state);
  expect(await trainer.evaluate("train")).toEqual(await plain.evaluate("train"));
  for (const t of [trainer, again, plain]) t.dispose();
  const parts = await losses(cpu, { accumulate: 2 });
  const exact = await losses(referenceBackend("f64"), { accumulate: 2 });
  for (const [i, loss] of parts.entries()) expect(Math.abs(loss - exact[i]!)).toBeLessThan(1e-5);
});

test("a run on a text is refused where its windows cannot be said; on rows side by side it is written", async () => {
  const { text: _, ...fixed } = data;
  for (const rows of [data, fixed]) {
    const trainer = await createTrainer(cpu, { ...options, data: rows });
    const state = await trainer.state();
    const write = () => exportPytorch(trainer.options, state);
    if (rows === data) expect(write).toThrow("PyTorch export: a run with text cannot be written there");
    else expect(write().has("train.py")).toBe(true);
    trainer.dispose();
  }
});

test("on WebGPU, as dispatches and in one kernel, it is the run of the f64 reference", async () => {
  const exact = await losses(referenceBackend("f64"));
  for (const backend of [asDispatches(gpu), onChip(gpu, { form: { width: 4, memory: "storage" } })]) {
    for (const [i, loss] of (await losses(backend)).entries()) expect(Math.abs(loss - exact[i]!)).toBeLessThan(1e-5);
  }
});

test.each<[string, Partial<TrainerOptions>, RegExp]>([
  [
    "a token that is none",
    { data: { ...data, text: rowsOf(tokens.with(63, 9)).text } },
    /token 9 at place 63 is outside/,
  ],
  ["a text of other length", { data: { ...data, text: zeros([9], "i32") } }, /9 tokens does not hold 12 windows of 5/],
  ["numbers", { data: { ...data, text: zeros([64], "f32") } }, /text: must be i32 \[tokens\], got f32 \[64\]/],
])("refuses %s as a text", async (_what, more, message) => {
  await expect(createTrainer(cpu, { ...options, ...more })).rejects.toThrow(message);
});

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
    ["rnn with relu, without biases", [{ type: "rnn", ...units, nonlinearity: "relu", bias: false }]],
  ])("%s", async (_what, layers) => {
    const net = parseModel({ input: [length], layers: [embed, ...layers, head], loss: "crossEntropy" });
    expect(isStepwise(net)).toBe(true);
    const weights = initialise(net, 5);
    const write = async (backend: Backend, more: object): Promise<number[]> => {
      const tokens: number[] = [];
      const options = { prompt: [3, 1, 4], tokens: 14, temperature: 0.7, seed: 2, ...more };
      for await (const token of generateTokens(backend, net, weights, options)) tokens.push(token);
      return tokens;
    };
    // Five tokens more than fit the window.
    const whole = await write(cpu, { cache: false });
    expect(new Set(whole).size).toBeGreaterThan(3);
    expect(await write(cpu, {})).toEqual(whole);
    expect(await write(referenceBackend("f64"), {})).toEqual(whole);
    const steps = await StepByStep.create(cpu, net, weights);
    const exact = await StepByStep.create(referenceBackend("f64"), net, weights);
    // A text that is another's beginning, and one that is not.
    for (const text of [[3], [3, 1, 4], [3, 1, 4, 1], [5, 1], [5, 1, 2]]) {
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

  test("nets whose steps see others in ways of their own are none", () => {
    const both = { type: "lstm", ...units, bidirectional: true, out: 4 };
    const sees = { type: "attention", size: 8, heads: 2 };
    const turned = { ...sees, causal: true, rotary: true };
    for (const layers of [
      [both],
      [sees],
      [turned],
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
  const trainer = await createTrainer(cpu, options);
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
