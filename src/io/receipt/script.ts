// The script as it is written, from its first line to its last, which its readers check as one: so longer than others.
import { shapeText } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { lossKinds } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs, statisticsSpecs } from "../../nn/parameter-specs.ts";
import { type ClassLayout, classLayout, shapesOf, widths } from "../../nn/shapes.ts";
import type { Multipliers } from "../../optim/groups.ts";
import type { OptimizerSpec } from "../../optim/optimizer.ts";
import type { PenaltySpec } from "../../optim/penalty.ts";
import type { ScheduleSpec } from "../../optim/schedule.ts";
import { adapterMasks } from "./adapters.ts";
import { helperText } from "./helpers.ts";
import { numpyLayer, parameterName } from "./layers.ts";
import { type Line, neededLayers, placesOf, trainedLayers } from "./place.ts";
import { lossLines, penaltyLines, rateLines, updateLines } from "./update.ts";

/** What a receipt's script needs to know: the run, not its numbers. */
export interface ReceiptRun {
  readonly model: ModelSpec;
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** Global norm that gradients are clipped to; 0 for none. */
  readonly clip: number;
  readonly penalty?: PenaltySpec | null;
  /** Factors of learning rate and weight decay by parameter; null where all are 1. */
  readonly multipliers?: ReadonlyMap<string, Multipliers> | null;
  /** Rows of the batch. */
  readonly rows: number;
  /** Whether they have lengths that the net looks at. */
  readonly lengths?: boolean;
  /** What computed the step, */
  readonly computedBy: string;
  /** and in what. */
  readonly precision: "f32" | "f64";
}

/** Where comments begin, unless the code is longer. */
const COMMENTS_AT = 58;
/** Longest line of names. */
const WIDTH = 120;

const written = (indent: string, lines: readonly Line[]): string =>
  lines.map(([code, comment]) => `${`${indent}${code}`.padEnd(COMMENTS_AT)}  # ${comment}`).join("\n");

const layerText = (layer: LayerSpec): string =>
  layer.type === "linear"
    ? `linear ${layer.in} -> ${layer.out}`
    : layer.type.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);

/** Lines that give a derivative, each value's first; a value that several layers read has the sum of theirs. */
function summed(lines: readonly Line[]): readonly Line[] {
  const begun = new Set<string>();
  return lines.map(([code, comment]): Line => {
    const [, name, of] = /^(da\d+) = (.*)$/s.exec(code) ?? [];
    if (!name || !begun.has(name)) {
      if (name) begun.add(name);
      return [code, comment];
    }
    return [`${name} = ${name} + ${of}`, `${comment}; added to what came before`];
  });
}

/** Lines that make rows of outputs of more axes, as the loss takes them, and outputs of their derivatives. */
function rowLines(
  a: string,
  shape: readonly number[],
  layout: ClassLayout | null,
): { readonly asRows: readonly Line[]; readonly fromRows: readonly Line[] } {
  if (shape.length === 1) return { asRows: [], fromRows: [] };
  if (layout === null) {
    return {
      asRows: [[`p = ${a}.reshape(len(x), -1)`, "outputs as rows"]],
      fromRows: [[`d${a} = dp.reshape(${a}.shape)`, "rows as outputs"]],
    };
  }
  const { classes, last, places } = layout;
  if (last) {
    return {
      asRows: [[`p = ${a}.reshape(-1, ${classes})`, "a row for each step"]],
      fromRows: [[`d${a} = dp.reshape(${a}.shape)`, "steps of rows again"]],
    };
  }
  return {
    asRows: [[`p = np.moveaxis(${a}, 1, -1).reshape(-1, ${classes})`, "a row for each place"]],
    fromRows: [
      [`d${a} = np.moveaxis(dp.reshape(len(x), ${places.join(", ")}, ${classes}), -1, 1)`, "places of channels again"],
    ],
  };
}

/** receipt.py: the step of a receipt again, in plain numpy, and the differences. */
export function receiptScript(run: ReceiptRun): string {
  const { model, optimizer, clip, multipliers, lengths = false } = run;
  const parameters = parameterSpecs(model).map((spec) => ({ ...spec, name: parameterName(model, spec) }));
  const trained = parameters.filter((p) => !p.frozen);
  const needed = neededLayers(model);
  const learning = trainedLayers(model);
  const layers = placesOf(model, lengths).map((place, i) => ({
    layer: model.layers[i]!,
    numpy: numpyLayer(model.layers[i]!),
    place,
  }));
  const backwards = layers.filter((_, i) => needed[i]);
  const last = layers.at(-1)!.place;
  const outputs = last.shape.length > 1 ? "p" : last.a;
  const { loss, gradient } = lossLines(model, outputs);
  const { input, tokens } = shapesOf(model);
  const classes = lossKinds[model.loss].targets === "classes";
  const layout = classes && outputs === "p" ? classLayout(model) : null;
  const { asRows, fromRows } = rowLines(last.a, last.shape, layout);
  const masks = model.layers.flatMap((l, i) =>
    l.type === "dropout" ? (l.p > 0 ? [`mask${i}`] : []) : adapterMasks(l, i).map(({ name }) => name),
  );
  const kept = statisticsSpecs(model).map(({ layer }) => `kept${layer}`);
  const given = [
    "x",
    "y",
    "rows",
    ...(lengths ? ["lengths"] : []),
    ...parameters.map((p) => p.name),
    ...kept,
    ...masks,
  ];
  const inputs: Line[] = [
    tokens
      ? ['x = receipt["x"]', `${shapeText([run.rows, widths(model).inputs])}: tokens, from 0 to ${tokens.count - 1}`]
      : ['x = receipt["x"].astype(real)', shapeText([run.rows, widths(model).inputs])],
    ...(input.length > 1
      ? [[`x = x.reshape(len(x), ${input.join(", ")})`, "each row in the shape that the net takes"] as const]
      : []),
    layout
      ? ['y = receipt["y"].reshape(-1)', "the class of each step or place, from 0; below 0 it does not count"]
      : classes
        ? [
            'y = receipt["y"]',
            `${shapeText([run.rows])}: the class of each row, from 0${classLayout(model).ignoreIndex === null ? "" : "; below 0 it does not count"}`,
          ]
        : ['y = receipt["y"].astype(real)', `${shapeText([run.rows, widths(model).outputs])}: the targets`],
    ...(lengths ? [['lengths = receipt["lengths"]', "how many steps of each row count"] as const] : []),
    ...parameters.map(
      (p): Line => [
        `${p.name} = receipt["${p.name}"].astype(real)`,
        shapeText(p.shape) + (p.frozen ? ": frozen, it keeps its value" : ""),
      ],
    ),
    ...kept.map(
      (k): Line => [`${k} = receipt["${k}"].astype(real)`, "running means, variances, and a count of batches"],
    ),
    ...masks.map((m): Line => [`${m} = receipt["${m}"].astype(real)`, "1 where dropout lets through, 0 where not"]),
  ];
  const body = "    ";
  const gradients = trained.map((p) => `d${p.name}`);
  const norm: Line[] = [
    ["norm = np.sqrt(sum(np.sum(d ** 2) for d in gradients))", "length of the whole gradient"],
    ...(clip > 0 ? [[`clip = min(1, ${clip} / (norm + 1e-6))`, "makes it shorter where it is too long"] as const] : []),
  ];
  const weights = trained.flatMap((p) => (p.role === "weight" ? [p.name] : []));
  const penalty = penaltyLines(run.penalty ?? {}, run.penalty ? weights : []);
  const factors = [...(multipliers ?? [])].map(([name, m]) => {
    const spec = parameterSpecs(model).find((p) => p.name === name)!;
    return `    "${parameterName(model, spec)}": (${m.lr}, ${m.weightDecay}),\n`;
  });
  const apart = factors.length > 0;
  const bits = run.precision === "f64" ? 64 : 32;
  const factorsOf = (name: string): string => (apart ? `, *FACTORS[${name}]` : "");
  const gelu = model.layers.some((l) => l.type === "gelu");
  const math = gelu || model.layers.some((l) => l.type === "geluTanh");
  const helpers = helperText(layers.flatMap(({ numpy }) => numpy.helpers ?? []));
  return `"""One training step, number by number: forward, backward, product, update.

${wrapped("Net: ", model.layers.map(layerText), ".")}
Loss: ${model.loss}. Optimizer: ${optimizer.type}. Rows in the batch: ${run.rows}.

Chainrule computed the step on ${run.computedBy.replace(/["\\]/g, "")}
and wrote all its numbers to receipt.npz. This script computes them again in plain numpy, from the batch and the weights
alone, and prints the largest difference of each. Exit status 0 says that all agree, to the rounding of float${bits}.

    python3 receipt.py
"""

${math ? "import math\n" : ""}import os
import sys

import numpy as np

receipt = np.load(os.path.join(os.path.dirname(os.path.abspath(__file__)), "receipt.npz"))
np.seterr(over="ignore")  # exp may overflow to infinity, and 1 / infinity is the 0 that is meant
${gelu ? "erf = np.vectorize(math.erf, otypes=[float])\n" : ""}${apart ? `FACTORS = {  # of the learning rate and of the weight decay, by parameter\n${factors.join("")}}\n` : ""}${helpers}

def step(real):
    """The step in one kind of number, np.float64 or np.float32: everything in it, by name."""

    # THE BATCH AND THE WEIGHTS, from which all else follows.
${written(body, inputs)}

    # FORWARD: each node's value, from the front to the loss.
${written(body, [...layers.flatMap(({ layer, numpy, place }) => numpy.forward(layer, place)), ...asRows, ...loss, ...penalty.loss])}

    # BACKWARD: the loss's derivative by each node, from the end to the front.
${written(body, [...gradient, ...fromRows, ...summed(backwards.toReversed().flatMap(({ layer, numpy, place }) => numpy.backward(layer, place)))])}

    # PRODUCT: each weight's gradient, of one number from either pass.
${written(body, [...backwards.flatMap(({ layer, numpy, place }) => (learning.has(place.i) && numpy.products?.(layer, place)) || []), ...penalty.gradient])}

    # UPDATE: ${optimizer.type}, at its first step.
${list("    gradients = ", "[", gradients, "]")}
${written(body, [...norm, ...rateLines(run.schedule, optimizer.lr)])}

    def update(w, dw${apart ? ", factor, decay, lr=lr" : ""}):
${written(`${body}    `, [...(apart ? [["lr = lr * factor", "a rate of its own"] as const] : []), ...updateLines(optimizer, clip > 0, apart)])}

${trained.map((p) => `${body}${p.name}_new = update(${p.name}, d${p.name}${factorsOf(`"${p.name}"`)})`).join("\n")}
    return locals()


# Twice: in float64, which is as good as exact, and in float32, to see how much rounding the net itself makes of it.
exact, rounded = step(np.float64), step(np.float32)

${list(
  "GIVEN = ",
  "{",
  given.map((n) => `"${n}"`),
  "}",
)}
${
  bits === 32
    ? `UNIT = 2.0**-24  # what rounding to float32 may do to a number, relative to it
# A sum may be added up in any order, and each order rounds differently. So a number may be off by this many times what
# numpy's own float32 is off, or by this many units of the largest number beside it.
ROOM = 64
`
    : `UNIT = 2.0**-53  # what rounding to float64 may do to a number, relative to it
FINER = UNIT / 2.0**-24  # and how much less that is than what rounding to float32 does
# A sum may be added up in any order, and each order rounds differently. So a number may be off by this many times what
# numpy's own float32 would be off were it as fine, or by this many units of the largest number beside it.
ROOM = 64
`
}

def allowed(name):
    """How far off each number of \`name\` may be."""
    ours = exact[name]
    if not name.endswith("_new"):
        return ROOM * max(${bits === 64 ? "FINER * " : ""}np.max(abs(rounded[name] - ours)), UNIT * np.max(abs(ours)))
    # A new weight is the old one, moved a little: rounded a few times itself, and as good as its gradient. An optimizer
    # that divides gradients by their size makes much of little: next to 0, their rounding decides the step.
    w, dw, off = exact[name[:-4]], exact["d" + name[:-4]], allowed("d" + name[:-4])
    ${apart ? "own = FACTORS[name[:-4]]\n    " : ""}moved = abs(exact["update"](w, dw + off${apart ? ", *own" : ""}) - exact["update"](w, dw - off${apart ? ", *own" : ""}))
    return 4 * UNIT * abs(ours) + ROOM * UNIT * abs(ours - w) + moved


wrong = []
print(f"{'':12}{'shape':>12}{'largest':>13}{'difference':>13}{'allowed':>13}")
for name in receipt.files:
    if name in GIVEN:
        continue
    theirs, ours = receipt[name].astype(np.float64), np.asarray(exact[name])
    same_shape = theirs.shape == ours.shape
    difference = abs(theirs - ours) if same_shape else np.inf
    fine = same_shape and np.all(difference <= allowed(name))
    numbers = [np.max(abs(ours)), np.max(difference), np.max(allowed(name))]
    print(f"{name:12}{str(list(ours.shape)):>12}" + "".join(f"{n:13.2e}" for n in numbers) + ("" if fine else "  WRONG"))
    if not fine:
        wrong.append(name)

if wrong:
    print(f"FAIL: {wrong[0]} goes wrong first")
    sys.exit(1)
print(f"PASS: loss {exact['loss']:.9g}, and every number of the step agrees")
`;
}

/** Items with commas between them, on as many lines as they take. */
function wrapped(head: string, items: readonly string[], end: string, indent = ""): string {
  const lines = [head];
  items.forEach((item, i) => {
    const text = item + (i < items.length - 1 ? "," : end);
    const line = lines.at(-1)!;
    const joined = line.endsWith(" ") || line === "" ? line + text : `${line} ${text}`;
    if (joined.length <= WIDTH) lines[lines.length - 1] = joined;
    else lines.push(indent + text);
  });
  return lines.join("\n");
}

/** A Python list or set, on one line where it fits. */
function list(head: string, open: string, items: readonly string[], close: string): string {
  const line = `${head}${open}${items.join(", ")}${close}`;
  if (line.length <= WIDTH) return line;
  const indent = /^ */.exec(head)![0];
  return `${head}${open}\n${wrapped(`${indent}    `, items, ",", `${indent}    `)}\n${indent}${close}`;
}
