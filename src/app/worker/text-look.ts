import type { Executor } from "../../backend/executor.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import { forward } from "../../nn/forward.ts";
import { type ModelTensors, modelTensors, weightWrites } from "../../nn/parameters.ts";
import type { AttentionAttrs } from "../../ops/attention/geometry.ts";
import { probabilities } from "../../train/evaluation/probabilities.ts";
import { generateTokens } from "../../train/generation/generate.ts";
import { openCpu } from "./devices.ts";
import { headWeights } from "./head-weights.ts";
import { current, parametersNow, type Session } from "./session.ts";
import { tokenizerNow } from "./text-data.ts";
import type { TextLook, Writing } from "./types.ts";

/** Likeliest tokens that are told. */
const MOST_NEXT = 10;

/** Tokens of what someone typed; of an empty text the first token, since a net goes on from something. */
function tokensOf(text: string): Int32Array {
  const tokens = tokenizerNow().encode(text === "" ? "\n" : text, { unknown: true });
  return tokens.length > 0 ? tokens : Int32Array.of(0);
}

/** What the net writes behind a prompt, as it is now: the same seed and step, the same text. */
export async function write({
  prompt,
  ...options
}: Writing): Promise<{ readonly step: number; readonly text: string }> {
  const { trainer } = current();
  const step = trainer.stepsTaken;
  const weights = await parametersNow();
  const decoder = tokenizerNow().decoder();
  let text = "";
  for await (const token of generateTokens(await openCpu(), trainer.options.model, weights, {
    ...options,
    prompt: tokensOf(prompt),
  })) {
    text += decoder.push(token);
  }
  return { step, text: text + decoder.end() };
}

/** The net made ready for one window, with every value kept. */
interface Opened {
  readonly executor: Executor;
  readonly tensors: ModelTensors;
  readonly x: Tensor;
  readonly outputs: Tensor;
  /** Queries, keys and values of each attention. */
  readonly attentions: readonly { readonly layer: string; readonly qkv: Tensor; readonly attrs: AttentionAttrs }[];
}

const opened = new WeakMap<Session, Promise<Opened>>();
let last: Promise<Opened> | null = null;

async function open(session: Session, weights: ReadonlyMap<string, NdArray>, length: number): Promise<Opened> {
  const cpu = await openCpu();
  const g = new Graph();
  const x = g.variable("x", ndarray([1, length], "i32", new Int32Array(length)));
  const { model } = session.trainer.options;
  const tensors = modelTensors(g, model, weights, cpu.limits.maxBufferSize);
  const outputs = await forward(g, model, x, tensors, { training: false, seed: 0, cursor: null });
  const attentions = g.nodes.flatMap((node) =>
    node.op.name === "attention"
      ? [
          {
            layer: node.outputs[0]!.name.replace(/: heads$/, ""),
            qkv: node.inputs[0]!,
            attrs: node.attrs as AttentionAttrs,
          },
        ]
      : [],
  );
  g.keep(outputs, ...attentions.map(({ qkv }) => qkv));
  return { executor: await cpu.compile(g, { keepAll: true }), tensors, x, outputs, attentions };
}

function openedFor(session: Session, weights: ReadonlyMap<string, NdArray>, length: number): Promise<Opened> {
  let mine = opened.get(session);
  if (!mine) {
    last?.then((o) => o.executor.dispose()).catch(() => undefined);
    mine = open(session, weights, length);
    last = mine;
    opened.set(session, mine);
  }
  return mine;
}

/** What the net expects behind a text, and what each head looks at, as it is now. */
export async function look(typed: string): Promise<TextLook> {
  const session = current();
  const step = session.trainer.stepsTaken;
  const weights = await parametersNow();
  const { length, vocabulary } = textOf(session);
  const tokens = tokensOf(typed).slice(-length);
  const { executor, tensors, x, outputs, attentions } = await openedFor(session, weights, length);
  for (const [t, value] of weightWrites(tensors, weights)) executor.write(t, value);
  const row = new Int32Array(length);
  row.set(tokens);
  executor.write(x, ndarray([1, length], "i32", row));
  const [logits, ...found] = await executor.run(1, [outputs, ...attentions.map(({ qkv }) => qkv)]);
  const all = ndarray([length, vocabulary], "f32", Float32Array.from(logits!.data));
  const chances = probabilities(all, tokens.length - 1);
  const likeliest = [...chances.keys()].sort((a, b) => chances[b]! - chances[a]! || a - b).slice(0, MOST_NEXT);
  return {
    step,
    pieces: Array.from(tokens, pieceOf),
    next: likeliest.map((token) => ({ text: pieceOf(token), probability: chances[token]! })),
    heads: attentions.flatMap(({ layer, attrs }, i) =>
      headWeights(found[i]!, attrs, tokens.length).map((seen, head) => ({ layer, head, weights: seen })),
    ),
  };
}

function textOf(session: Session): { readonly length: number; readonly vocabulary: number } {
  const { length } = session.settings.text!;
  return { length, vocabulary: tokenizerNow().size };
}

/** What each token is, in order. */
export const allTokens = (): readonly string[] => Array.from({ length: tokenizerNow().size }, (_, i) => pieceOf(i));

/** One token as text; a byte that is none by itself, by its number. */
export function pieceOf(token: number): string {
  const { record } = tokenizerNow();
  if (record.type === "bytes" && token > 126) return `\\x${token.toString(16)}`;
  const decoder = tokenizerNow().decoder();
  return decoder.push(token) + decoder.end();
}
