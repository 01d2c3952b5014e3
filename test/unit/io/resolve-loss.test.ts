// One table of how nets end and what that makes of their loss, a case each: so longer than a file should be.
import { describe, expect, it } from "vitest";
import { declaredLoss } from "../../../src/io/keras/loss.ts";
import { type DeclaredLoss, type NetEnd, resolveLoss } from "../../../src/io/net/resolve-loss.ts";
import type { LossName } from "../../../src/nn/loss-kinds.ts";

const refuse = (message: string): never => {
  throw new Error(message);
};

/** "softmax 3": the end and how many outputs it has; "softmax 3 masked" with dropout behind it. */
function endOf(text: string): NetEnd {
  const [type, outputs, masked] = text.split(" ") as [NetEnd["type"], string, string?];
  return { type, outputs: Number(outputs), masked: masked !== undefined, name: `the ${type} at the end` };
}

/** "crossEntropy" with "+" where the end stays as it is, "-" where its activation is left out; or why it is refused. */
function resolved(end: string, declared: DeclaredLoss | null, asked?: LossName, keepOutputs = false): string {
  try {
    const { loss, drop } = resolveLoss(endOf(end), { asked, declared, keepOutputs }, refuse);
    return `${loss} ${drop ? "-" : "+"}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const CLASSES = /take --loss crossEntropy/;
const LABELS = /take --loss bce/;
const LOGITS = /takes its outputs for logits/;
const ONE = /has one output, of which crossEntropy is always 0.*--loss bce/;
const ALWAYS_1 = /softmax of one output, which is always 1/;

describe("the loss of a net that was read", () => {
  it.each<[string, string | RegExp]>([
    ["sigmoid 1", "bce -"],
    ["sigmoid 4", "bce -"],
    ["softmax 2", "crossEntropy -"],
    ["softmax 5", "crossEntropy -"],
    ["softmax 1", ONE],
    ["logSoftmax 3", "crossEntropy -"],
    ["linear 1", "mse +"],
    ["linear 3", "crossEntropy +"],
    ["relu 1", "mse +"],
    ["tanh 1", "mse +"],
    ["tanh 3", "mse +"],
    ["relu6 1", "mse +"],
    ["relu6 3", "mse +"],
    ["relu 3", "crossEntropy +"],
    ["softmax 3 masked", /dropout follows the softmax/],
    ["linear 1 masked", "mse +"],
  ])("follows the end where nothing is said: %s", (end, wanted) => {
    expect(resolved(end, null)).toEqual(typeof wanted === "string" ? wanted : expect.stringMatching(wanted));
  });

  it("and what bounded outputs are, is said", () => {
    const said = (end: string) => resolveLoss(endOf(end), { declared: null, keepOutputs: false }, refuse).notes.join();
    expect(said("relu6 3")).toContain("3 relu6 outputs from 0 to 6, so a regression is taken, with mse");
    expect(said("tanh 1")).toContain("one tanh output from -1 to 1, so a regression");
    for (const end of ["relu6 1", "relu6 3", "tanh 1", "tanh 3"]) expect(said(end)).not.toMatch(/logit/);
    expect(said("relu 3")).toMatch(/logits/);
  });

  // Every loss, of probabilities and of logits, on every end.
  const rows: [string, Record<string, string | RegExp>][] = [
    [
      "crossEntropy of probabilities",
      {
        "softmax 2": "crossEntropy -",
        "softmax 3": "crossEntropy -",
        "softmax 1": ONE,
        "logSoftmax 3": /takes probabilities, but the net ends in their logarithms/,
        "sigmoid 1": ONE,
        "sigmoid 3": LABELS,
        "linear 1": ONE,
        "linear 3": LOGITS,
        "tanh 3": LOGITS,
      },
    ],
    [
      "crossEntropy of logits",
      {
        "softmax 2": "crossEntropy -",
        "softmax 3": "crossEntropy -",
        "logSoftmax 3": "crossEntropy -",
        "sigmoid 1": ONE,
        "sigmoid 3": LABELS,
        "linear 1": ONE,
        "linear 3": "crossEntropy +",
        "tanh 3": "crossEntropy +",
      },
    ],
    [
      "bce of probabilities",
      {
        "softmax 1": ALWAYS_1,
        "softmax 2": "crossEntropy -",
        "softmax 3": CLASSES,
        "softmax 2 masked": CLASSES,
        "logSoftmax 2": /the logarithms of probabilities of classes/,
        "sigmoid 1": "bce -",
        "sigmoid 3": "bce -",
        "linear 1": LOGITS,
        "linear 3": LOGITS,
        "relu 1": LOGITS,
      },
    ],
    [
      "bce of logits",
      {
        "softmax 2": CLASSES,
        "softmax 3": CLASSES,
        "sigmoid 1": "bce -",
        "sigmoid 3": "bce -",
        "linear 1": "bce +",
        "linear 3": "bce +",
      },
    ],
    [
      "mse of probabilities",
      {
        "softmax 1": ALWAYS_1,
        "softmax 3": "mse +",
        "logSoftmax 3": "mse +",
        "sigmoid 1": "mse +",
        "sigmoid 3": "mse +",
        "linear 1": "mse +",
        "linear 3": "mse +",
        "relu 1": "mse +",
      },
    ],
    ["huber of probabilities", { "softmax 3": "huber +", "sigmoid 1": "huber +", "linear 1": "huber +" }],
  ];
  it.each(rows.flatMap(([loss, ends]) => Object.entries(ends).map(([end, wanted]) => [loss, end, wanted] as const)))(
    "that a file names, %s, on %s",
    (text, end, wanted) => {
      const [loss, , what] = text.split(" ") as [LossName, string, string];
      const got = resolved(end, { loss, fromLogits: what === "logits" });
      expect(got).toEqual(typeof wanted === "string" ? wanted : expect.stringMatching(wanted));
    },
  );

  it.each<[LossName, string, string | RegExp]>([
    ["crossEntropy", "softmax 3", "crossEntropy -"],
    ["crossEntropy", "sigmoid 3", LABELS],
    ["crossEntropy", "sigmoid 1", ONE],
    ["crossEntropy", "linear 3", "crossEntropy +"],
    ["bce", "sigmoid 1", "bce -"],
    ["bce", "softmax 2", CLASSES],
    ["bce", "linear 1", "bce +"],
    ["mse", "sigmoid 1", "mse +"],
    ["sumSquaredError", "softmax 2", "sumSquaredError +"],
    ["mse", "linear 3", "mse +"],
  ])("that is asked for, %s, on %s", (asked, end, wanted) => {
    const matcher = typeof wanted === "string" ? wanted : expect.stringMatching(wanted);
    expect(resolved(end, null, asked)).toEqual(matcher);
    // Whatever the file says.
    expect(resolved(end, { loss: "huber", fromLogits: false, foreign: ["delta 2"] }, asked)).toEqual(matcher);
  });

  it("keeps the outputs where that is asked for, and says what that means", () => {
    expect(resolved("sigmoid 1", null, undefined, true)).toBe("mse +");
    expect(resolved("softmax 3", null, undefined, true)).toBe("mse +");
    expect(resolved("sigmoid 1", null, "bce", true)).toBe("bce +");
    const wish = { asked: "bce", declared: null, keepOutputs: true } as const;
    expect(resolveLoss(endOf("sigmoid 1"), wish, refuse).notes.join()).toContain("are not the net's own outputs");
  });

  it("takes the file's settings over, or refuses them by name; where another loss is asked for it says so", () => {
    const end = endOf("softmax 3");
    const smooth: DeclaredLoss = { loss: "crossEntropy", fromLogits: false, labelSmoothing: 0.2 };
    const taken = resolveLoss(end, { declared: smooth, keepOutputs: false }, refuse);
    expect(taken.settings).toEqual({ labelSmoothing: 0.2 });
    expect(taken.notes.join()).toContain("taken over from the file's loss: a label smoothing of 0.2");
    expect(resolveLoss(end, { asked: "crossEntropy", declared: smooth, keepOutputs: false }, refuse).settings).toEqual({
      labelSmoothing: 0.2,
    });
    const aside = resolveLoss(end, { asked: "mse", declared: smooth, keepOutputs: false }, refuse);
    expect(aside.settings).toEqual({});
    expect(aside.notes.join()).toContain("left out of the file's loss: a label smoothing of 0.2");
    expect(resolved("sigmoid 1", { loss: "bce", fromLogits: false, labelSmoothing: 0.1 })).toMatch(
      /label smoothing of 0.1, which only crossEntropy has/,
    );
    expect(resolved("softmax 3", { ...smooth, foreign: ['reduction "sum"'] })).toMatch(/has reduction "sum"/);
    expect(resolved("softmax 3", { ...smooth, foreign: ['reduction "sum"'] }, "crossEntropy")).toBe("crossEntropy -");
    // Smoothed targets of two classes are those of two smoothed outputs.
    const two = { declared: { ...smooth, loss: "bce" }, keepOutputs: false } as const;
    expect(resolveLoss(endOf("softmax 2"), two, refuse)).toMatchObject({
      loss: "crossEntropy",
      settings: { labelSmoothing: 0.2 },
    });
  });
});

describe("the loss that a Keras model was compiled with", () => {
  const read = (training: unknown, asked?: LossName) => declaredLoss(training, asked, () => {});
  const of = (class_name: string, config: object = {}) => ({ class_name, config });

  it.each<[unknown, LossName]>([
    ["categorical_crossentropy", "crossEntropy"],
    ["categoricalCrossentropy", "crossEntropy"],
    ["SparseCategoricalCrossentropy", "crossEntropy"],
    ["binaryCrossentropy", "bce"],
    ["bce", "bce"],
    ["MSE", "mse"],
    ["meanSquaredError", "mse"],
    ["huber", "huber"],
    [of("CategoricalCrossentropy", { reduction: "auto", axis: -1, fn: "categorical_crossentropy" }), "crossEntropy"],
    [of("Huber", { delta: 1, reduction: "sum_over_batch_size", name: "h", dtype: "float32" }), "huber"],
    [{ module: "builtins", class_name: "function", config: "mean_squared_error" }, "mse"],
    [["mse"], "mse"],
    [{ out: "mse" }, "mse"],
  ])("is known by its name: %j", (loss, wanted) => {
    expect(read({ loss })).toMatchObject({ loss: wanted, fromLogits: false, labelSmoothing: 0 });
    expect(read({ loss, loss_weights: [1] })!.foreign).toBeUndefined();
  });

  it.each<[object, string]>([
    [{ reduction: "sum" }, 'reduction "sum"'],
    [{ reduction: null }, "reduction null"],
    [{ reduction: "none" }, 'reduction "none"'],
    [{ ignore_class: 0 }, "ignore_class 0"],
    [{ axis: 0 }, "axis 0"],
    [{ delta: 2 }, "delta 2"],
    [{ dtype: "float16" }, 'dtype "float16"'],
    [{ gamma: 2 }, "gamma 2"],
  ])("names the setting that no loss here has: %j", (config, setting) => {
    expect(read({ loss: of("SparseCategoricalCrossentropy", config) })!.foreign).toEqual([setting]);
  });

  it("works along the classes of a row, and of several axes along the last one alone", () => {
    const declared = read({ loss: of("CategoricalCrossentropy", { axis: 1, from_logits: true }) });
    const end: NetEnd = { type: "linear", outputs: 3, masked: false, name: "linear" };
    const resolve = (shape?: string) =>
      resolveLoss(shape ? { ...end, shape } : end, { declared, keepOutputs: false }, refuse).loss;
    expect(resolve()).toBe("crossEntropy");
    expect(() => resolve("[5, 3]")).toThrow("crossEntropy, works along axis 1 of outputs [5, 3]");
  });

  it("has its own settings, and no other", () => {
    const config = { from_logits: true, label_smoothing: 0.25 };
    expect(read({ loss: of("CategoricalCrossentropy", config) })).toEqual({
      loss: "crossEntropy",
      fromLogits: true,
      labelSmoothing: 0.25,
    });
    expect(read({ loss: "mse", loss_weights: { out: 0.5 } })!.foreign).toEqual(['loss_weights {"out":0.5}']);
    expect(read({ loss: null })).toBeNull();
    expect(read(undefined)).toBeNull();
    expect(() => read({ loss: "mae" })).toThrow('the loss "mae", which is not known here; name another: --loss');
    const own = { ...of("Huber"), registered_name: "mine>Huber" };
    expect(() => read({ loss: own })).toThrow("which is not known here");
    expect(read({ loss: own }, "huber")).toBeNull();
    expect(() => read({ loss: ["mse", "mse"] })).toThrow("which is not known here");
    expect(read({ loss: "mae" }, "mse")).toBeNull();
    expect(() => read({ loss: of("CategoricalCrossentropy", { label_smoothing: 1 }) })).toThrow("from 0 to 1");
  });
});
