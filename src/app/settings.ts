import { dataPresets } from "../data/presets.ts";
import { type LayerSpec, type ModelSpec, parseModel, widths } from "../nn/model.ts";
import { trainingPresets } from "../nn/presets.ts";
import { activationNames as known, type OptimizerName, optimizerNames } from "../ops/names.ts";

/** Everything that decides a run: what the controls show and what a link carries. */
export interface Settings {
  readonly data: string;
  /** The tutorial's gradient as its code was printed. Only with its data. */
  readonly published: boolean;
  readonly hidden: readonly number[];
  readonly activation: string;
  readonly optimizer: OptimizerName;
  readonly lr: number;
  readonly batch: number | "full";
  readonly seed: number;
  /** "auto" measures a few steps of this very run on each and takes the fastest. */
  readonly device: Device;
}

export const devices = ["auto", "webgpu", "cpu"] as const;
export type Device = (typeof devices)[number];

export const dataNames: readonly string[] = Object.keys(dataPresets);
export const activationNames: readonly string[] = ["none", ...known];
export { optimizerNames };

/** What the page opens with: no file to fetch, and something to see at once. */
export const firstData = "spirals";

/** Widest hidden layer and deepest net that the page offers. */
export const MOST_WIDE = 8192;
export const MOST_DEEP = 12;

/** Settings that train a data set well. */
export function settingsFor(data: string): Settings {
  const preset = trainingPresets[data]!;
  const linears = preset.model.layers.filter((l) => l.type === "linear");
  const act =
    preset.model.layers.find((l): l is LayerSpec => (known as readonly string[]).includes(l.type))?.type ?? "none";
  return {
    data,
    published: false,
    hidden: linears.slice(0, -1).map((l) => l.out),
    activation: act,
    optimizer: preset.optimizer.type,
    // The tutorial's own rate takes half a million steps to show what a larger one shows in a few hundred.
    lr: data === "tutorial" ? 0.005 : preset.optimizer.lr,
    batch: preset.batch,
    seed: preset.seed,
    device: "auto",
  };
}

/** The model of these settings. Throws a ChainruleError where they cannot be meant. */
export function modelOf(s: Settings): ModelSpec {
  const preset = trainingPresets[s.data]!;
  const { inputs, outputs } = widths(preset.model);
  const tutorial = s.data === "tutorial";
  const sizes = [inputs, ...s.hidden, outputs];
  const layers = sizes.slice(1).flatMap((out, i) => {
    const linear = { type: "linear", in: sizes[i], out, bias: !tutorial };
    return i < sizes.length - 2 && s.activation !== "none" ? [linear, { type: s.activation }] : [linear];
  });
  const loss = tutorial && s.published ? "sumSquaredErrorAsPublished" : preset.model.loss;
  return parseModel({ layers, loss });
}

/** What is wrong with a setting, as the key of a message; null when nothing is. */
export function problemWith(key: keyof Settings, value: unknown): "lr" | "batch" | "seed" | "hidden" | null {
  switch (key) {
    case "lr":
      return typeof value === "number" && value > 0 && value <= 100 ? null : "lr";
    case "batch":
      return value === "full" || whole(value, 1, 65536) ? null : "batch";
    case "seed":
      return whole(value, 0, 2 ** 32 - 1) ? null : "seed";
    case "hidden":
      return Array.isArray(value) && value.length <= MOST_DEEP && value.every((w) => whole(w, 1, MOST_WIDE))
        ? null
        : "hidden";
    default:
      return null;
  }
}

function whole(value: unknown, low: number, high: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= low && value <= high;
}
