import { ChainruleError } from "../../core/errors.ts";
import { firstNotFinite, type NdArray, sizeOf } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { LossName } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs } from "../../nn/parameter-specs.ts";
import { parseModel } from "../../nn/parse-model.ts";
import { type Affine, isIdentity } from "./affine.ts";
import { foldAffines, type LayerStep, type NetStep } from "./fold-affine.ts";
import { type DeclaredLoss, isDiagonal, type NetEnd, resolveLoss } from "./resolve-loss.ts";

/** A net out of a file of another library. */
export interface ImportedNet {
  /** The net and its loss. */
  readonly model: ModelSpec;
  /** f32, by the model's names, W [in, out]. */
  readonly weights: Map<string, NdArray>;
  /** What was changed or decided on the way, a sentence each, for people. */
  readonly notes: readonly string[];
}

/** What a file of another program leaves open. */
export interface ImportOptions {
  /** What the net is to be trained with; by default what its file says, else what its end tells. */
  readonly loss?: LossName;
  /** Keeps a softmax or sigmoid at the end that the loss applies itself, and so takes for logits. */
  readonly keepOutputs?: boolean;
  /** Steps of a row, for a language model that takes any number. */
  readonly steps?: number;
}

/** Collects the layers and parameters of a net while its file is read. */
export class NetParts {
  private readonly steps: NetStep[] = [];
  /** The steps as layers, once they are asked for; none is added from then on. */
  private folded: readonly LayerStep[] | null = null;
  private readonly notes: string[] = [];
  private bytes = 0;

  /** `maxBytes` bounds what all parameters take together, since a file may name the same array many times. */
  constructor(
    private readonly format: string,
    private readonly maxBytes: number,
  ) {}

  note(text: string): void {
    this.notes.push(text);
  }

  /** `where` names the layer as its file does. */
  add(layer: LayerSpec, where: string): void {
    this.push({ kind: "plain", layer, where });
  }

  /**
   * x scale + shift, feature by feature, in f64: batch norm in inference, or a normalisation by fixed numbers. It becomes
   * part of a linear layer beside it, or one of its own; then `width` says of how many values, where no layer does.
   */
  affine(affine: Affine, where: string, width: number | null = null): void {
    const at = firstNotFinite(affine.scale);
    if (at >= 0) this.refuse(`${where}: it multiplies value ${at} by ${affine.scale[at]}`);
    const shift = firstNotFinite(affine.shift);
    if (shift >= 0) this.refuse(`${where}: it adds ${affine.shift[shift]} to value ${shift}`);
    if (!isIdentity(affine)) this.push({ kind: "affine", affine, width, where });
  }

  private push(step: NetStep): void {
    this.steps.push(step);
  }

  /** Claims room for an array before it is made: `size` values f32. */
  claim(size: number, where: string): void {
    this.bytes += size * 4;
    if (this.bytes > this.maxBytes) {
      this.refuse(
        `${where}: the parameters so far take ${this.bytes} bytes, more than the ${this.maxBytes} that this file can hold: layers share arrays`,
      );
    }
  }

  /** A linear layer of W [in, out], of f32 like all parameters, and b [out]. */
  linear(w: NdArray, b: NdArray | null, where: string): void {
    this.push({ kind: "linear", w, b, where });
  }

  /** A layer normalisation of scale [size] and shift [size]. */
  layerNorm(scale: NdArray, shift: NdArray, eps: number, where: string): void {
    this.push({ kind: "layerNorm", scale, shift, eps, where });
  }

  /** The layers, none of them affine any longer. */
  get layers(): readonly LayerSpec[] {
    return this.fold().map(layerOf);
  }

  private fold(): readonly LayerStep[] {
    this.folded ??= foldAffines(this.steps, {
      note: (text) => this.note(text),
      refuse: (message) => this.refuse(message),
    });
    return this.folded;
  }

  /** All parameters, in the order of parameterSpecs. */
  private values(): readonly NdArray[] {
    const finite = (value: NdArray, what: string): NdArray => {
      const at = firstNotFinite(value.data);
      return at < 0 ? value : this.refuse(`${what} holds ${value.data[at]} at ${at}`);
    };
    return this.fold().flatMap((step) => {
      if (step.kind === "plain") return [];
      const { where } = step;
      if (step.kind === "layerNorm") {
        return [finite(step.scale, `${where}: the scale`), finite(step.shift, `${where}: the shift`)];
      }
      const weight = finite(step.w, `${where}: the weight`);
      return step.b ? [weight, finite(step.b, `${where}: the bias`)] : [weight];
    });
  }

  /** The whole net; `declared` is the loss that its file names. `layers` may have dropout that the file has not. */
  finish(options: ImportOptions, declared: DeclaredLoss | null, layers = this.layers): ImportedNet {
    const wish = { asked: options.loss, declared, keepOutputs: options.keepOutputs === true };
    const end = this.endOf(layers);
    const { loss, drop, settings, notes } = resolveLoss(end, wish, (message) => this.refuse(message));
    this.notes.push(...notes);
    const last = drop ? layers.findLastIndex(({ type }) => type !== "dropout") : -1;
    try {
      return this.named(parseModel({ layers: layers.filter((_, i) => i !== last), loss, ...settings }));
    } catch (cause) {
      if (!(cause instanceof ChainruleError)) throw cause;
      return this.refuse(cause.message, { cause });
    }
  }

  private endOf(layers: readonly LayerSpec[]): NetEnd {
    const last = layers.findLast(({ type }) => type !== "dropout");
    const widest = layers.findLast(({ type }) => type === "linear" || type === "layerNorm");
    const type = last?.type ?? "none";
    return {
      type,
      name: `the ${type} at the end`,
      outputs: widest?.type === "linear" ? widest.out : widest?.type === "layerNorm" ? Number(widest.size) : null,
      masked: last !== layers.at(-1),
      ...this.scaled(),
    };
  }

  /** Whose values the last layer only multiplies and adds to, if it does. */
  private scaled(): Pick<NetEnd, "scales"> {
    const [before, last] = this.fold().slice(-2);
    if (before?.kind !== "plain" || last?.kind !== "linear" || !isDiagonal(last.w)) return {};
    return { scales: before.layer.type };
  }

  /** The net as `model`, which has these layers and perhaps dropout among them. */
  named(model: ModelSpec): ImportedNet {
    const values = this.values();
    const weights = new Map(parameterSpecs(model).map(({ name }, i) => [name, values[i]!]));
    return { model, weights, notes: this.notes };
  }

  private refuse(message: string, options?: ErrorOptions): never {
    throw new ChainruleError("file", `${this.format}: ${message}`, options);
  }
}

function layerOf(step: LayerStep): LayerSpec {
  if (step.kind === "plain") return step.layer;
  if (step.kind === "layerNorm") return { type: "layerNorm", size: sizeOf(step.scale.shape), eps: step.eps };
  const [inputs, outputs] = step.w.shape as readonly [number, number];
  return { type: "linear", in: inputs, out: outputs, bias: step.b !== null };
}
