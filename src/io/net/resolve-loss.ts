import { brief } from "../../core/format.ts";
import type { NdArray } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { LossName } from "../../nn/loss-kinds.ts";
import type { CrossEntropySettings } from "../../nn/model-spec.ts";

/** The loss that a file names, and of its settings those that a model here can have. */
export interface DeclaredLoss extends CrossEntropySettings {
  readonly loss: LossName;
  /** Whether the file's loss takes the net's outputs for logits; else for probabilities, as most of Keras's do. */
  readonly fromLogits: boolean;
  /** Whether classes lie along the first axis of a row's outputs by the file, whatever axes there are. */
  readonly firstAxis?: boolean;
  /** Settings that no loss here has, as `reduction "sum"`: refused, where no loss is asked for. */
  readonly foreign?: readonly string[];
}

/** What a net ends in, dropout left aside. */
export interface NetEnd {
  readonly type: LayerSpec["type"] | "none";
  /** As messages call it: "the softmax at the end", or its own name. */
  readonly name: string;
  /** How many values it gives; null where no layer tells. */
  readonly outputs: number | null;
  /** Whether masks of dropout lie behind it. */
  readonly masked: boolean;
  /** Of a row, where it gives more than a row of numbers: "[3, 28, 28]"; and whether a softmax goes along its classes. */
  readonly shape?: string;
  readonly alongClasses?: boolean;
  /** Of a linear layer that only multiplies each of its values, and adds to it: whose values these are. */
  readonly scales?: string;
}

/** Whether a weight [n, n] has nothing beside its diagonal, as what a file multiplies outputs by becomes. */
export function isDiagonal({ data, shape }: NdArray): boolean {
  const [size, columns] = shape;
  return size === columns && data.every((value, i) => value === 0 || i % (size! + 1) === 0);
}

/** What is asked for, by people and by the file. */
export interface LossWish {
  readonly asked?: LossName | undefined;
  readonly declared: DeclaredLoss | null;
  /** Keeps a softmax or sigmoid that the loss would apply itself. */
  readonly keepOutputs: boolean;
}

export interface ResolvedLoss {
  readonly loss: LossName;
  /** Whether the activation at the end is the loss's own, and is left out. */
  readonly drop: boolean;
  readonly settings: CrossEntropySettings;
  readonly notes: readonly string[];
}

/** What a loss applies to a net's outputs by itself. */
const APPLIED: Partial<Record<LossName, "softmax" | "sigmoid">> = { crossEntropy: "softmax", bce: "sigmoid" };

/**
 * The loss that fits the end of a net and what its file says of itself, such that what is predicted here is what the
 * net's own library predicts: a loss never comes on top of an activation that it applies itself. `refuse` is called
 * where no loss here means the same.
 */
export function resolveLoss(end: NetEnd, wish: LossWish, refuse: (message: string) => never): ResolvedLoss {
  const { asked, declared } = wish;
  if (asked === undefined && declared) return byFile(end, declared, wish.keepOutputs, refuse);
  if (asked === undefined) return byEnd(end, wish.keepOutputs, refuse);
  const notes: string[] = [];
  const same = declared?.loss === asked;
  if (declared && !same) notes.push(`the file's own loss, ${declared.loss}, is put aside: ${asked} is asked for`);
  const left = [...(declared?.foreign ?? []), ...(declared && !same ? said(settingsOf(declared)) : [])];
  if (left.length > 0) notes.push(`left out of the file's loss: ${left.join(", ")}`);
  const settings = declared && same ? requireOurs(declared, refuse) : {};
  const { drop, notes: more } = fitted(end, asked, { fromLogits: null, keep: wish.keepOutputs }, refuse);
  return { loss: asked, settings, drop, notes: [...notes, ...takenOver(settings), ...more] };
}

function settingsOf({ labelSmoothing = 0, classWeights }: CrossEntropySettings): CrossEntropySettings {
  return { ...(labelSmoothing > 0 ? { labelSmoothing } : {}), ...(classWeights ? { classWeights } : {}) };
}

function said({ labelSmoothing, classWeights }: CrossEntropySettings): string[] {
  return [
    ...(labelSmoothing ? [`a label smoothing of ${labelSmoothing}`] : []),
    ...(classWeights ? ["weights of classes"] : []),
  ];
}

const takenOver = (settings: CrossEntropySettings): string[] =>
  said(settings).map((setting) => `taken over from the file's loss: ${setting}`);

/** The settings of a loss that has them here, too. */
function requireOurs(declared: DeclaredLoss, refuse: (message: string) => never): CrossEntropySettings {
  const settings = settingsOf(declared);
  const [setting] = said(settings);
  if (setting && declared.loss !== "crossEntropy") {
    refuse(`the file's loss, ${declared.loss}, has ${setting}, which only crossEntropy has here`);
  }
  return settings;
}

function byFile(end: NetEnd, declared: DeclaredLoss, keep: boolean, refuse: (message: string) => never): ResolvedLoss {
  const { loss, fromLogits, foreign = [] } = declared;
  if (foreign.length > 0) {
    refuse(
      `the file's loss, ${loss}, has ${foreign.join(" and ")}, which no loss here has; --loss ${loss} leaves it out`,
    );
  }
  if (declared.firstAxis && end.shape !== undefined) {
    refuse(`the file's loss, ${loss}, works along axis 1 of outputs ${end.shape}; --loss ${loss} takes the last one`);
  }
  if (loss === "bce" && end.type === "softmax" && end.outputs === 2 && !end.masked && !fromLogits && !keep) {
    // With one-hot targets the mean of the binary cross-entropies of p and 1 - p is -log p, as crossEntropy is.
    const settings = settingsOf(declared);
    const notes = [
      "the file's loss, binary cross-entropy of two softmax outputs, is crossEntropy where targets are one class each: crossEntropy is taken",
      leftOut(end.name, "crossEntropy"),
      ...takenOver(settings),
    ];
    return { loss: "crossEntropy", drop: true, settings, notes };
  }
  const settings = requireOurs(declared, refuse);
  const { drop, notes } = fitted(end, loss, { fromLogits, keep }, refuse);
  return { loss, drop, settings, notes: [...takenOver(settings), ...notes] };
}

/** Where nothing is said, the net's end tells what it is for. */
function byEnd(end: NetEnd, keep: boolean, refuse: (message: string) => never): ResolvedLoss {
  const taken = (loss: LossName, why: string): ResolvedLoss => {
    const found = fitted(end, loss, { fromLogits: null, keep }, refuse);
    return { loss, drop: found.drop, settings: {}, notes: [`the file names no loss; ${why}`, ...found.notes] };
  };
  const { type, outputs } = end;
  if (keep && (type === "softmax" || type === "sigmoid" || type === "logSoftmax")) {
    return taken("mse", `${end.name} is kept, and mse is taken`);
  }
  const classes = (type === "softmax" || type === "logSoftmax") && end.alongClasses;
  if (end.shape !== undefined && type !== "sigmoid" && !classes) {
    return taken("mse", `the net gives values of shape ${end.shape}, so a regression is taken, with mse`);
  }
  if (type === "softmax" || type === "logSoftmax") {
    return taken("crossEntropy", "the net ends in a softmax, so crossEntropy is taken");
  }
  if (type === "sigmoid") return taken("bce", "the net ends in a sigmoid, so bce is taken");
  if (type === "tanh" || type === "relu6") {
    const many = outputs === 1 ? `one ${type} output` : `${outputs ?? "several"} ${type} outputs`;
    const ends = type === "tanh" ? "-1 to 1" : "0 to 6";
    return taken("mse", `the net ends in ${many} from ${ends}, so a regression is taken, with mse`);
  }
  if (end.scales !== undefined && outputs !== 1) {
    const what = `${outputs ?? "several"} outputs of ${end.scales} in another scale`;
    return taken("mse", `the net ends in ${what}, so a regression is taken, with mse`);
  }
  if (outputs === 1) {
    return taken(
      "mse",
      `the net ends in one ${type} output, so a regression is taken, with mse; where it is the logit of two classes, say so: --loss bce`,
    );
  }
  const many = `${outputs ?? "several"} ${type} outputs`;
  return taken(
    "crossEntropy",
    `the net ends in ${many}, which are taken for the logits of as many classes, with crossEntropy; where they are values, say so: --loss mse`,
  );
}

interface Fit {
  /** Null where nothing says whether outputs are logits: they are what the loss here takes. */
  readonly fromLogits: boolean | null;
  readonly keep: boolean;
}

const leftOut = (name: string, loss: LossName): string =>
  `${name} is left out: ${loss} applies it itself; the outputs are logits`;

/** Whether this loss fits this end, and whether the end's activation is the loss's own. */
function fitted(
  { type, name, outputs, masked, shape, alongClasses }: NetEnd,
  loss: LossName,
  { fromLogits, keep }: Fit,
  refuse: (message: string) => never,
): { readonly drop: boolean; readonly notes: readonly string[] } {
  const applied = APPLIED[loss];
  const own = type === applied || (type === "logSoftmax" && applied === "softmax");
  if (loss === "crossEntropy" && outputs === 1) {
    refuse("the net has one output, of which crossEntropy is always 0; for two classes by one output take --loss bce");
  }
  if (type === "softmax" && outputs === 1) refuse("the net ends in a softmax of one output, which is always 1");
  if (own && loss === "crossEntropy" && shape !== undefined && !alongClasses) {
    refuse(`${name} works along an axis of ${shape} that is not that of its classes, so crossEntropy cannot apply it`);
  }
  if (own && type === "logSoftmax" && fromLogits === false) {
    refuse(
      "the file's loss takes probabilities, but the net ends in their logarithms; --loss crossEntropy leaves them out",
    );
  }
  if (own && keep) {
    return {
      drop: false,
      notes: [`${name} is kept, and ${loss} applies another: what it predicts are not the net's own outputs`],
    };
  }
  if (own) {
    if (masked) refuse(`dropout follows ${name}, which ${loss} applies itself: the two cannot change places`);
    const twice = fromLogits === true && type !== "logSoftmax";
    return {
      drop: true,
      notes: [
        ...(twice ? [`the file's loss has from_logits, but the net ends in a ${type}: it is applied once`] : []),
        leftOut(name, loss),
      ],
    };
  }
  if (applied === undefined) {
    const kept = type === "softmax" || type === "sigmoid" || type === "logSoftmax";
    return {
      drop: false,
      notes: kept ? [`${name} is kept: ${loss} compares its outputs with values`] : [],
    };
  }
  if (type === "softmax" || type === "sigmoid" || type === "logSoftmax") {
    const gives = {
      softmax: "one probability for each class",
      sigmoid: "a probability for each output",
      logSoftmax: "the logarithms of probabilities of classes",
    }[type];
    const instead = type === "sigmoid" ? "bce" : "crossEntropy";
    refuse(
      `the net ends in a ${type}, ${gives}, and ${loss} of that is no loss here; take --loss ${instead}, or --loss mse to keep its outputs as values`,
    );
  }
  if (fromLogits === false) {
    refuse(
      `the file's loss, ${loss}, takes probabilities, but the net ends in ${brief(type)} without a ${applied}; --loss ${loss} takes its outputs for logits`,
    );
  }
  return { drop: false, notes: [] };
}
