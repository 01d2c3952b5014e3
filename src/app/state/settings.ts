import { imagePresetSettings } from "../../nn/image-preset-settings.ts";
import { type LossName, lossKinds } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { trainingPresets } from "../../nn/presets.ts";
import { sequencePresetSettings } from "../../nn/sequence-preset-settings.ts";
import type { OptimizerName } from "../../ops/names.ts";
import { type HiddenLayer, hiddenOf, modelLayers } from "./net.ts";

/** Everything that decides a run: what the controls show and what a link carries. */
export interface Settings {
  /** A preset, or "own": what the user painted or dropped, which no link carries. */
  readonly data: string;
  readonly net: readonly HiddenLayer[];
  readonly bias: boolean;
  /** A net of any shape and wiring, in place of `net` and `bias`; null where those say it. */
  readonly graph: GraphNet | null;
  /** How a text becomes rows; absent of other data. */
  readonly text?: TextForm;
  readonly optimizer: OptimizerName;
  readonly lr: number;
  readonly batch: number | "full";
  readonly seed: number;
  /** "auto" measures a few steps of this very run on each and takes the fastest. */
  readonly device: Device;
  /** Something made wrong on purpose. */
  readonly fault: Fault;
}

export const tokenKinds = ["characters", "bytes"] as const;

/** What a token of a text is, and how many make a window. "file" is a tokenizer.json of the user's, which no link carries. */
export interface TextForm {
  readonly tokens: (typeof tokenKinds)[number] | "file";
  readonly length: number;
}

/** Nets for texts, and the presets whose nets they are, and whose settings train them well. */
export const textNets = { lstm: "lstm-text", gru: "names", transformer: "gpt-tiny" } as const;
export type TextNet = keyof typeof textNets;

/** What trains such a net. */
export function textTraining(net: TextNet): Pick<Settings, "optimizer" | "lr" | "batch"> {
  const { optimizer, batch } = sequencePresetSettings[textNets[net]];
  return { optimizer: optimizer.type, lr: optimizer.lr, batch };
}

/**
 * Texts that are shipped, each with the net that it is learned by at first. Thousands of Chinese characters are many
 * classes for a page, so those come as bytes.
 */
export const texts: Readonly<Record<string, TextForm & { readonly net: TextNet }>> = {
  persuasion: { tokens: "characters", length: 64, net: "lstm" },
  tang: { tokens: "bytes", length: 72, net: "lstm" },
  names: { tokens: "characters", length: 16, net: "gru" },
};

/** The net that a text is learned by unasked: of one's own the one that takes the least time. */
export const firstTextNet = (data: string): TextNet => (Object.hasOwn(texts, data) ? texts[data]!.net : "gru");

/** Such a net, and what a link says of it: a preset's name, or the model itself, packed; "" where it is too large. */
export interface GraphNet {
  readonly link: string;
  readonly model: ModelSpec;
}

export const devices = ["auto", "webgpu", "cpu"] as const;
export type Device = (typeof devices)[number];

/** Ways to break it: see the gallery. */
export const faults = ["none", "printed", "transpose", "batch", "edge", "dead", "zeros", "rate"] as const;
export type Fault = (typeof faults)[number];

export const presetNames: readonly string[] = Object.keys(trainingPresets).filter(
  (n) => trainingPresets[n]!.data === n,
);
export const OWN = "own";

/** Data of the presets with convolutions: the nets themselves are fetched when one is chosen. */
export const imageNets: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(imagePresetSettings).map(([name, { data }]) => [name, data]),
);

/** Settings of such a preset, still without its net; null of any other name. */
export function imageSettings(name: string): Settings | null {
  if (!Object.hasOwn(imagePresetSettings, name)) return null;
  const { data, optimizer, batch, seed } = imagePresetSettings[name as keyof typeof imagePresetSettings];
  return { ...settingsFor(data), optimizer: optimizer.type, lr: optimizer.lr, batch, seed };
}

/** What the page opens with: no file to fetch, and something to see at once. */
export const firstData = "spirals";

/** What data asks of a net. */
export interface Ends {
  readonly inputs: number;
  readonly outputs: number;
  readonly loss: LossName;
}

export function endsOf(data: string, own: Ends | null): Ends {
  if ((data === OWN || Object.hasOwn(texts, data)) && own) return own;
  const { model } = trainingPresets[data] ?? trainingPresets[firstData]!;
  const linear = model.layers.filter((l) => l.type === "linear");
  return { inputs: linear[0]!.in, outputs: linear.at(-1)!.out, loss: model.loss };
}

/** Settings that train a data set well. */
export function settingsFor(data: string): Settings {
  const preset = trainingPresets[data];
  const like = preset ?? trainingPresets.circles!;
  const text = Object.hasOwn(texts, data) ? texts[data]! : null;
  return {
    data,
    net: hiddenOf(like.model),
    bias: like.model.layers.some((l) => l.type === "linear" && l.bias),
    graph: null,
    optimizer: like.optimizer.type,
    // The tutorial's own rate takes half a million steps to show what a larger one shows in a few hundred.
    lr: data === "tutorial" ? 0.005 : like.optimizer.lr,
    batch: like.batch,
    ...(text && { text: { tokens: text.tokens, length: text.length }, ...textTraining(text.net) }),
    seed: like.seed,
    device: "auto",
    fault: "none",
  };
}

/** The model of these settings, as plain data; what reads models, and checks them, is in the worker. */
export function modelOf(s: Settings, own: Ends | null): ModelSpec {
  const { inputs, outputs, loss } = endsOf(s.data, own);
  if (s.graph) return { ...s.graph.model, loss };
  const published = s.fault === "printed" && loss === "sumSquaredError";
  return {
    layers: modelLayers(s.net, inputs, outputs, s.bias),
    loss: published ? "sumSquaredErrorAsPublished" : loss,
  };
}

/** The settings with a fault switched on, and with what it needs in order to show. */
export function withFault(s: Settings, fault: Fault, own: Ends | null): Settings {
  const on = (data: string): Settings => ({ ...settingsFor(data), device: s.device, fault });
  /** Layers there are whose product a fault can spoil. */
  const hasHidden = s.graph !== null || s.net.some((l) => l.type === "linear");
  const isMean = lossKinds[endsOf(s.data, own).loss].reduction === "mean";
  switch (fault) {
    case "printed":
      return s.data === "tutorial" ? { ...s, fault } : on("tutorial");
    case "batch":
      return isMean ? { ...s, fault } : on(firstData);
    case "transpose":
      return hasHidden ? { ...s, fault } : on(firstData);
    case "dead": {
      const base = !s.graph && s.bias && s.net.some((l) => l.type === "linear") ? { ...s, fault } : on("circles");
      const net = base.net.map((l): HiddenLayer => (isActivation(l) ? { type: "relu" } : l));
      return { ...base, net: net.some((l) => l.type === "relu") ? net : [...net, { type: "relu" }] };
    }
    case "zeros":
      return hasHidden ? { ...s, fault } : on("circles");
    default:
      return { ...s, fault };
  }
}

export function isActivation(l: HiddenLayer): boolean {
  return l.type !== "linear" && l.type !== "dropout" && l.type !== "layerNorm";
}

/** What is wrong with a typed setting, as the key of a message; null when nothing is. */
export function problemWith(
  key: "lr" | "batch" | "seed",
  value: unknown,
): "errorLr" | "errorBatch" | "errorSeed" | null {
  switch (key) {
    case "lr":
      return typeof value === "number" && value > 0 && value <= 100 ? null : "errorLr";
    case "batch":
      return value === "full" || whole(value, 1, 65536) ? null : "errorBatch";
    case "seed":
      return whole(value, 0, 2 ** 32 - 1) ? null : "errorSeed";
  }
}

function whole(value: unknown, low: number, high: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= low && value <= high;
}
