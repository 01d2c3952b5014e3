import { optimizerNames } from "../../ops/names.ts";
import { netText, parseNet } from "./net.ts";
import {
  devices,
  faults,
  firstData,
  OWN,
  presetNames,
  problemWith,
  type Settings,
  settingsFor,
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
  readonly hidden: readonly Part[];
}

const VERSION = "2";
/** Longest hash that is looked at. */
export const MAX_LENGTH = 4096;

/** The state as a hash, versioned. */
export function toHash({ room, settings: s, hidden }: PageState): string {
  const fields = new URLSearchParams({
    v: VERSION,
    room,
    data: s.data,
    net: netText(s.net),
    opt: s.optimizer,
    lr: String(s.lr),
    batch: String(s.batch),
    seed: String(s.seed),
    device: s.device,
    bias: s.bias ? "1" : "0",
  });
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
  const base = settingsFor(fields.get("data") === OWN ? firstData : pick("data", presetNames, firstData));
  const number = (key: string): number => (fields.get(key) ? Number(fields.get(key)) : Number.NaN);
  const checked = <K extends "lr" | "batch" | "seed">(key: K, value: unknown): Settings[K] =>
    problemWith(key, value) === null ? (value as Settings[K]) : base[key];
  const net = fields.get("net");
  const hide = (fields.get("hide") ?? "").split(".");
  const settings: Settings = {
    data: base.data,
    net: (net === null ? null : parseNet(net)) ?? base.net,
    bias: fields.has("bias") ? fields.get("bias") !== "0" : base.bias,
    optimizer: pick("opt", optimizerNames, base.optimizer),
    lr: checked("lr", number("lr")),
    batch: checked("batch", fields.get("batch") === "full" ? "full" : number("batch")),
    seed: checked("seed", number("seed")),
    device: pick("device", devices, base.device),
    fault: "none",
  };
  return {
    room: pick("room", rooms, "train"),
    hidden: parts.filter((p) => hide.includes(p)),
    settings: withFault(settings, pick("fault", faults, "none"), null),
  };
}
