import { ChainruleError } from "../../core/errors.ts";
import type { Shape } from "../../core/ndarray.ts";
import { allPresets, imageNet } from "../../nn/image-presets.ts";
import { loadLayerTypes } from "../../nn/layers/registry.ts";
import { parseModel } from "../../nn/model.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { denseForm, misfit, type NetForm } from "./net-form.ts";
import { type Ends, type GraphNet, imageNets, imageSettings, type Settings } from "./settings.ts";
import { MAX_NET } from "./url.ts";

/** Before a packed net, which no preset's name begins with. */
const PACKED = ".";
/** Characters that a net of a link may unpack to: a thousand layers with long names are fewer. */
const MOST_TEXT = 2 ** 19;

const bad = (what: string): never => {
  throw new ChainruleError("model", `the net of this link ${what}: the data's own net is trained`);
};

/** The settings of a preset with a net of any wiring. */
export function presetSettings(name: string): Settings {
  return { ...imageSettings(name)!, graph: { link: name, model: allPresets[name]!.model } };
}

/** A net as the settings hold it: in the page's own controls where they can say it, else whole, with what a link says. */
export async function formOf(
  model: ModelSpec,
  before: Pick<Settings, "net" | "bias">,
  exact = false,
): Promise<NetForm> {
  const dense = denseForm(model, exact);
  if (dense) return dense;
  const { net, bias } = before;
  return { net, bias, graph: { link: await packNet(model), model } };
}

/** Two convolutions for images [channels, height, width] of `outputs` classes. */
export function imageForm(input: Shape, outputs: number, before: Pick<Settings, "net" | "bias">): Promise<NetForm> {
  return formOf(imageNet(input as readonly [number, number, number], outputs), before);
}

/** What a link says of a net: a preset's name, or the net packed; "" where that is longer than a link may be. */
export async function packNet(model: ModelSpec): Promise<string> {
  const same = (name: string): boolean => {
    const preset = allPresets[name]!.model;
    return JSON.stringify([preset.input, preset.layers]) === JSON.stringify([model.input, model.layers]);
  };
  const preset = Object.keys(imageNets).find(same);
  if (preset) return preset;
  const { input, layers } = model;
  const text = JSON.stringify({ input, layers });
  const link = PACKED + base64Of(await pass(new TextEncoder().encode(text), new CompressionStream("deflate-raw")));
  return link.length <= MAX_NET && text.length <= MOST_TEXT ? link : "";
}

/** The net that a link says. Throws ChainruleError "model" saying what is wrong with it, or that the data is another's. */
export async function unpackNet(link: string, ends: Ends): Promise<GraphNet> {
  const model = Object.hasOwn(imageNets, link) ? allPresets[link]!.model : await unpacked(link, ends);
  const wrong = misfit(model, ends, "it");
  if (wrong) bad(`does not fit: ${wrong}`);
  return { link, model };
}

async function unpacked(link: string, ends: Ends): Promise<ModelSpec> {
  if (!link.startsWith(PACKED)) bad(`is called "${link.slice(0, 40)}", which is no preset's name`);
  const bytes = bytesOf(link.slice(1)) ?? bad("is damaged (its characters are not base64)");
  const text = await pass(bytes, new DecompressionStream("deflate-raw"), MOST_TEXT).catch((cause: unknown) =>
    cause instanceof ChainruleError ? Promise.reject(cause) : bad("is damaged (it does not unpack)"),
  );
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(text));
  } catch {
    bad("is damaged (it is not JSON)");
  }
  try {
    await loadLayerTypes(json);
    return parseModel({ ...(json as object), loss: ends.loss });
  } catch (cause) {
    return bad(`cannot be trained: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** Bytes through a stream of the browser's; no more than `most` of them come out. */
async function pass(bytes: Uint8Array, through: CompressionStream | DecompressionStream, most = Infinity) {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(through);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) {
      reader.cancel().catch(() => undefined);
      bad(`unpacks to more than ${most} characters`);
    }
    parts.push(value as Uint8Array<ArrayBuffer>);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Base64 with the letters that links take as they are, without padding. */
function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function bytesOf(text: string): Uint8Array | null {
  if (!/^[\w-]*$/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
}
