import { choice, each, type PerDimension, wholeNumbers } from "./dimensions.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";
import { tuple } from "./python.ts";

/** Values before and behind, for each dimension of places; a number below 0 takes places away. */
export interface PadSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "pad";
  /** One number for every side, or [before, behind] for each dimension of places; below 0 crops. */
  readonly amounts: number | readonly (readonly [before: number, behind: number])[];
  /** Zeros, or the places mirrored at the edge, which itself is not repeated. */
  readonly mode: "zeros" | "reflect";
}

/** Places made more: torch.nn.Upsample, align_corners false. */
export interface UpsampleSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "upsample";
  /** How many times as many, a whole number, or one for each dimension of places. */
  readonly scale: PerDimension;
  /** How the new places are filled. */
  readonly mode: "nearest" | "bilinear";
}

type Amounts = readonly (readonly [number, number])[];
const amountsOf = ({ amounts }: PadSpec, dims: number): Amounts =>
  typeof amounts === "number" ? Array.from({ length: dims }, () => [amounts, amounts] as const) : amounts;

export const padLayer: LayerType<PadSpec> = {
  type: "pad",
  read(f) {
    f.only("amounts", "mode");
    const mode = choice(f, "mode", ["zeros", "reflect"]);
    const given = f.value("amounts");
    const least = mode === "zeros" ? -65536 : 0;
    const whole = (v: unknown): v is number => typeof v === "number" && Number.isInteger(v) && v >= least && v <= 65536;
    const pair = (v: unknown): v is [number, number] => Array.isArray(v) && v.length === 2 && v.every(whole);
    const below = [given].flat(2).some((v) => typeof v === "number" && v < 0);
    if (mode === "reflect" && below)
      return f.bad('"amounts" below 0 take places away, which goes with "mode": "zeros"');
    if (!whole(given) && !(Array.isArray(given) && given.length > 0 && given.every(pair))) {
      return f.bad(
        `"amounts" must be a whole number, or [before, behind] for each dimension, got ${JSON.stringify(given)}`,
      );
    }
    return { amounts: given as PadSpec["amounts"], mode };
  },
  start: () => ({ amounts: 1 }),
  shape(layer, [x], misfit) {
    const dims = x!.length - 1;
    const amounts = amountsOf(layer, dims);
    if (dims < 1 || amounts.length !== dims) {
      misfit(
        typeof layer.amounts === "number"
          ? "[channels, places]"
          : `${amounts.length} dimensions of places behind its channels`,
      );
    }
    if (layer.mode === "reflect") {
      amounts.forEach((pair, d) => {
        if (Math.max(...pair) >= x![d + 1]!)
          misfit(`more than ${Math.max(...pair)} places on axis ${d + 1}, to mirror them`);
      });
    }
    amounts.forEach(([before, behind], d) => {
      const taken = Math.max(-before, 0) + Math.max(-behind, 0);
      if (taken >= x![d + 1]!) misfit(`more than ${taken} places on axis ${d + 1}, to take ${taken} away`);
    });
    return [x![0]!, ...amounts.map(([before, behind], d) => x![d + 1]! + before + behind)];
  },
  onnx(layer, { inputs, input, output, wholes }) {
    const amounts = amountsOf(layer, input.length - 1);
    const pads = [0, 0, ...amounts.map(([before]) => before), 0, 0, ...amounts.map(([, behind]) => behind)];
    const mode = layer.mode === "zeros" ? "constant" : "reflect";
    return [{ op: "Pad", inputs: [...inputs, wholes("pads", pads)], output, texts: { mode } }];
  },
  torchCall(layer, [x]) {
    const mode = layer.mode === "zeros" ? "" : ', mode="reflect"';
    if (typeof layer.amounts === "number") return `F.pad(${x}, [${layer.amounts}] * (2 * ${x}.dim() - 4)${mode})`;
    // PyTorch counts from the last dimension.
    return `F.pad(${x}, [${layer.amounts.toReversed().flat().join(", ")}]${mode})`;
  },
  async forward({ g, name, layerOps }, layer, [x]) {
    const { pad, part } = await layerOps();
    const amounts = amountsOf(layer, x!.shape.length - 2);
    if (amounts.flat().every((n) => n >= 0)) return g.one(pad, [x!], { amounts, mode: layer.mode }, name);
    // What is taken away goes first, and zeros come around what stays.
    const around = amounts.map(([before, behind]) => [Math.max(before, 0), Math.max(behind, 0)] as const);
    const pads = around.flat().some((n) => n > 0);
    const from = [0, 0, ...amounts.map(([before]) => Math.max(-before, 0))];
    const shape = x!.shape.map((n, k) => {
      const [before, behind] = amounts[k - 2] ?? [0, 0];
      return n - Math.max(-before, 0) - Math.max(-behind, 0);
    });
    const kept = g.one(part, [x!], { from, shape }, pads ? `${name}: cropped` : name);
    return pads ? g.one(pad, [kept], { amounts: around, mode: "zeros" }, name) : kept;
  },
};

export const upsampleLayer: LayerType<UpsampleSpec> = {
  type: "upsample",
  read(f) {
    f.only("scale", "mode");
    const given = f.value("scale");
    const scale = Array.isArray(given) ? wholeNumbers(f, "scale") : f.whole("scale");
    return { scale, mode: choice(f, "mode", ["nearest", "bilinear"]) };
  },
  start: () => ({ scale: 2 }),
  shape(layer, [x], misfit) {
    const dims = x!.length - 1;
    const scale = each(layer.scale, dims);
    if (dims < 1 || scale.length !== dims) misfit("[channels, places], as many dimensions as its scale");
    if (layer.mode === "bilinear" && dims !== 2) misfit("[channels, height, width]");
    return [x![0]!, ...scale.map((s, d) => s * x![d + 1]!)];
  },
  onnx({ scale, mode }, { inputs, input, output, floats }) {
    const scales = [1, 1, ...each(scale, input.length - 1)];
    const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    const linear = { mode: "linear", coordinate_transformation_mode: "half_pixel" };
    const texts: Readonly<Record<string, string>> = mode === "nearest" ? nearest : linear;
    return [
      { op: "Resize", inputs: [...inputs, "", floats("scales", [scales.length], (i) => scales[i]!)], output, texts },
    ];
  },
  torch({ scale, mode }) {
    const align = mode === "bilinear" ? ", align_corners=False" : "";
    return `nn.Upsample(scale_factor=${tuple(scale)}, mode="${mode}"${align})`;
  },
  async forward({ g, name, layerOps }, layer, [x]) {
    const { upsample } = await layerOps();
    return g.one(upsample, [x!], { scale: each(layer.scale, x!.shape.length - 2), mode: layer.mode }, name);
  },
};

/**
 * Zeros, or mirrored places, around each channel: so many on every side, or [before, behind] for each dimension. Where
 * zeros would come, a number below 0 takes places away.
 */
export function pad(amounts: PadSpec["amounts"], mode: PadSpec["mode"] = "zeros"): PadSpec {
  register(padLayer);
  return { type: "pad", amounts, mode };
}

/** So many times as many places, each the nearest of before or between the four that were nearest. */
export function upsample(scale: PerDimension, mode: UpsampleSpec["mode"] = "nearest"): UpsampleSpec {
  register(upsampleLayer);
  return { type: "upsample", scale, mode };
}
