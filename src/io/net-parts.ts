import { ChainruleError } from "../core/errors.ts";
import { firstNotFinite, type NdArray, sizeOf } from "../core/ndarray.ts";
import type { LossName } from "../nn/loss-kinds.ts";
import { type LayerSpec, type ModelSpec, parameterSpecs, parseModel } from "../nn/model.ts";
import { type Affine, isIdentity } from "./affine.ts";
import { foldAffines, type LayerStep, type NetStep } from "./fold-affine.ts";

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
  /** Where the file does not say; else the file's own, else crossEntropy. */
  readonly loss?: LossName;
  /** Keeps a softmax or sigmoid at the end that the loss applies itself, and so takes for logits. */
  readonly keepOutputs?: boolean;
}

/** What a loss applies to a net's outputs by itself. */
const APPLIED: Partial<Record<LossName, "softmax" | "sigmoid">> = { crossEntropy: "softmax", bce: "sigmoid" };

/** Collects the layers and parameters of a net while its file is read. */
export class NetParts {
  private readonly steps: NetStep[] = [];
  /** The steps as layers, once they are asked for; none is added from then on. */
  private folded: readonly LayerStep[] | null = null;
  private readonly notes: string[] = [];
  private bytes = 0;
  /** The layer that took the logarithm of a softmax: none may follow. */
  private logSoftmax: string | null = null;

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
   * part of a linear layer beside it, or one of its own.
   */
  affine(affine: Affine, where: string): void {
    const at = firstNotFinite(affine.scale);
    if (at >= 0) this.refuse(`${where}: it multiplies value ${at} by ${affine.scale[at]}`);
    const shift = firstNotFinite(affine.shift);
    if (shift >= 0) this.refuse(`${where}: it adds ${affine.shift[shift]} to value ${shift}`);
    if (!isIdentity(affine)) this.push({ kind: "affine", affine, where });
  }

  /** The logarithm of a softmax, which crossEntropy takes itself and which changes nothing for it. */
  addLogSoftmax(where: string): void {
    this.requireOpen(where);
    this.logSoftmax = where;
  }

  private push(step: NetStep): void {
    this.requireOpen(step.where);
    this.steps.push(step);
  }

  private requireOpen(where: string): void {
    if (this.logSoftmax === null) return;
    this.refuse(`${this.logSoftmax}: the logarithm of a softmax can only be the last layer, but ${where} follows`);
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

  /** The whole net; `declared` is what its file says of itself. */
  finish(options: ImportOptions, declared: LossName | null): ImportedNet {
    const loss = options.loss ?? declared ?? "crossEntropy";
    if (options.loss === undefined && declared === null) this.note("the file names no loss; crossEntropy is taken");
    const layers = this.outputsFor(loss, options.keepOutputs === true);
    try {
      return this.named(parseModel({ layers, loss }));
    } catch (cause) {
      if (!(cause instanceof ChainruleError)) throw cause;
      return this.refuse(cause.message, { cause });
    }
  }

  /** The net as `model`, which has these layers and perhaps dropout among them. */
  named(model: ModelSpec): ImportedNet {
    const values = this.values();
    const weights = new Map(parameterSpecs(model).map(({ name }, i) => [name, values[i]!]));
    return { model, weights, notes: this.notes };
  }

  private outputsFor(loss: LossName, keep: boolean): readonly LayerSpec[] {
    if (this.logSoftmax !== null) {
      if (loss !== "crossEntropy" || keep) {
        this.refuse(
          `${this.logSoftmax}: the logarithm of a softmax is no layer here; with the loss crossEntropy it is left out`,
        );
      }
      this.note(`${this.logSoftmax} is left out: crossEntropy applies it itself; the outputs are logits`);
      return this.layers;
    }
    const last = this.layers.at(-1)?.type;
    if (last === undefined || last !== APPLIED[loss] || keep) return this.layers;
    this.note(`the ${last} at the end is left out: ${loss} applies it itself; the outputs are logits`);
    return this.layers.slice(0, -1);
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
