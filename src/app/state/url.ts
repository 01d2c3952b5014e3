import { optimizerNames } from "../../ops/names.ts";
import { netText, parseNet } from "./net.ts";
import {
  devices,
  faults,
  firstData,
  imageSettings,
  OWN,
  presetNames,
  problemWith,
  type Settings,
  settingsFor,
  type TextForm,
  texts,
  tokenKinds,
  withFault,
} from "./settings.ts";

export const rooms = ["train", "gradients", "backprop", "benchmark", "kernels"] as const;
export type Room = (typeof rooms)[number];

/** Parts that a link may hide, for lessons. The line that says what computes cannot be hidden. */
export const parts = [
  "rooms",
  "data",
  "net",
  "settings",
  "curves",
  "boundary",
  "weights",
  "drawing",
  "maps",
  "confusion",
  "draw",
  "gallery",
  "table",
  "count",
  "code",
] as const;
export type Part = (typeof parts)[number];

export interface PageState {
  readonly room: Room;
  readonly settings: Settings;
  /** What the link says of a net of any wiring, in place of the settings' own; unpacking it takes what net-link.ts has. */
  readonly graph: string | null;
  readonly hidden: readonly Part[];
}

const VERSION = "2";
/** Longest hash that is looked at; and longest net in it. */
export const MAX_LENGTH = 16384;
export const MAX_NET = 12288;

/** The state as a hash, versioned. */
export function toHash({ room, settings: s, graph, hidden }: PageState): string {
  const fields = new URLSearchParams({
    v: VERSION,
    room,
    data: s.data,
    ...(graph ? { model: graph } : { net: netText(s.net) }),
    opt: s.optimizer,
    lr: String(s.lr),
    batch: String(s.batch),
    seed: String(s.seed),
    device: s.device,
    ...(graph ? {} : { bias: s.bias ? "1" : "0" }),
  });
  if (s.text) fields.set("text", `${s.text.tokens}.${s.text.length}`);
  if (s.fault !== "none") fields.set("fault", s.fault);
  if (hidden.length > 0) fields.set("hide", hidden.join("."));
  return `#${fields}`;
}

/** Reads a hash; whatever is missing, of another version or without sense is what the page opens with. */
export function fromHash(hash: string): PageState {
  const all = new URLSearchParams(hash.length > MAX_LENGTH ? "" : hash.slice(1));
  const fields = (all.get("v") ?? VERSION) === VERSION ? all : new URLSearchParams();
  const pick = <T extends string>(key: string, known: readonly T[], fallback: T): T =>
    known.find((k) => k === fields.get(key)) ?? fallback;
  // Own data does not travel: such a link opens the first data set.
  const graph = fields.get("model") || null;
  const preset = imageSettings(graph ?? "");
  const data =
    fields.get("data") === OWN
      ? firstData
      : pick("data", [...presetNames, ...Object.keys(texts)], preset?.data ?? firstData);
  const base = preset?.data === data ? preset : settingsFor(data);
  const number = (key: string): number => (fields.get(key) ? Number(fields.get(key)) : Number.NaN);
  const checked = <K extends "lr" | "batch" | "seed">(key: K, value: unknown): Settings[K] =>
    problemWith(key, value) === null ? (value as Settings[K]) : base[key];
  const net = fields.get("net");
  const hide = (fields.get("hide") ?? "").split(".");
  const settings: Settings = {
    data: base.data,
    net: (net === null ? null : parseNet(net)) ?? base.net,
    bias: fields.has("bias") ? fields.get("bias") !== "0" : base.bias,
    graph: null,
    ...(base.text && { text: textOf(fields.get("text")) ?? base.text }),
    optimizer: pick("opt", optimizerNames, base.optimizer),
    lr: checked("lr", number("lr")),
    batch: checked("batch", fields.get("batch") === "full" ? "full" : number("batch")),
    seed: checked("seed", number("seed")),
    device: pick("device", devices, base.device),
    fault: "none",
  };
  const fault = pick("fault", faults, "none");
  return {
    graph: fault === "dead" || fault === "printed" ? null : graph,
    room: pick("room", rooms, "train"),
    hidden: parts.filter((p) => hide.includes(p)),
    settings: withFault(settings, fault, null),
  };
}

/** Steps of a window that a link may ask for. */
const MOST_LENGTH = 1024;

function textOf(said: string | null): TextForm | null {
  const [kind, length] = (said ?? "").split(".");
  const tokens = tokenKinds.find((k) => k === kind);
  const steps = Number(length);
  return tokens && Number.isInteger(steps) && steps >= 1 && steps <= MOST_LENGTH ? { tokens, length: steps } : null;
}
