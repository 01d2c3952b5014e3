import {
  activationNames,
  dataNames,
  devices,
  firstData,
  optimizerNames,
  problemWith,
  type Settings,
  settingsFor,
} from "./settings.ts";

export const rooms = ["train", "gradients", "benchmark"] as const;
export type Room = (typeof rooms)[number];

/** Longest hash that is looked at. */
const MAX_LENGTH = 4096;

/** The state as a hash, versioned. */
export function toHash(room: Room, s: Settings): string {
  const fields = new URLSearchParams({
    v: "1",
    room,
    data: s.data,
    net: s.hidden.join("-"),
    act: s.activation,
    opt: s.optimizer,
    lr: String(s.lr),
    batch: String(s.batch),
    seed: String(s.seed),
    device: s.device,
  });
  if (s.published) fields.set("published", "1");
  return `#${fields}`;
}

/** Reads a hash; whatever is missing or makes no sense is what the page opens with. */
export function fromHash(hash: string): { room: Room; settings: Settings } {
  const fields = new URLSearchParams(hash.length > MAX_LENGTH ? "" : hash.slice(1));
  const pick = <T extends string>(key: string, known: readonly T[], fallback: T): T =>
    known.find((k) => k === fields.get(key)) ?? fallback;
  const base = settingsFor(pick("data", dataNames, firstData));
  const checked = <K extends keyof Settings>(key: K, value: unknown): Settings[K] =>
    problemWith(key, value) === null ? (value as Settings[K]) : base[key];
  const number = (key: string): number => (fields.get(key) ? Number(fields.get(key)) : Number.NaN);
  const net = fields.get("net");
  const settings: Settings = {
    data: base.data,
    published: base.data === "tutorial" && fields.get("published") === "1",
    hidden: net === null ? base.hidden : checked("hidden", net === "" ? [] : net.split("-").map(Number)),
    activation: pick("act", activationNames, base.activation),
    optimizer: pick("opt", optimizerNames, base.optimizer),
    lr: checked("lr", number("lr")),
    batch: checked("batch", fields.get("batch") === "full" ? "full" : number("batch")),
    seed: checked("seed", number("seed")),
    device: pick("device", devices, base.device),
  };
  return { room: pick("room", rooms, "train"), settings };
}
