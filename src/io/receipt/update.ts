import type { ModelSpec } from "../../nn/model-spec.ts";
import { classLayout } from "../../nn/shapes.ts";
import { type OptimizerSpec, optimizerAttrs } from "../../optim/optimizer.ts";
import type { PenaltySpec } from "../../optim/penalty.ts";
import { type ScheduleSpec, scheduleAttrs } from "../../optim/schedule.ts";
import type { Line } from "./place.ts";

/** The loss of the outputs `p`, in rows, and the derivative where the way back begins. */
export function lossLines(
  model: ModelSpec,
  p: string,
): { readonly loss: readonly Line[]; readonly gradient: readonly Line[] } {
  switch (model.loss) {
    case "sumSquaredError":
      return {
        loss: [[`loss = np.sum((${p} - y) ** 2)`, "sum of squared errors"]],
        gradient: [[`d${p} = 2 * (${p} - y)`, "the square's derivative"]],
      };
    case "sumSquaredErrorAsPublished":
      return {
        loss: [[`loss = np.sum((${p} - y) ** 2)`, "sum of squared errors"]],
        gradient: [[`d${p} = 2 * (${p} - y)`, `right; the tutorial's code printed 2 * ${p}, and here it shows`]],
      };
    case "mse":
      return {
        loss: [[`loss = np.mean((${p} - y) ** 2)`, "mean of squared errors"]],
        gradient: [[`d${p} = 2 * (${p} - y) / ${p}.size`, "the square's derivative, shared by all in the mean"]],
      };
    case "huber":
      return {
        loss: [
          [`d = ${p} - y`, "huber: a square near 0, straight beyond 1"],
          ["loss = np.mean(np.where(abs(d) < 1, d ** 2 / 2, abs(d) - 0.5))", "their mean"],
        ],
        gradient: [[`d${p} = np.clip(d, -1, 1) / ${p}.size`, "the slope, at most 1, shared by all in the mean"]],
      };
    case "crossEntropy":
      if (model.classWeights || model.labelSmoothing) return weightedLines(model, p);
      if (classLayout(model).ignoreIndex !== null) return countedLines(p);
      return {
        loss: [
          [
            `shifted = ${p} - ${p}.max(axis=1, keepdims=True)`,
            "cross-entropy: less each row's maximum, for exp's sake",
          ],
          ["total = np.exp(shifted).sum(axis=1, keepdims=True)", "the row's sum of exp"],
          ["each = np.arange(len(y))", "row r has class y[r]"],
          ["loss = np.mean(np.log(total[:, 0]) - shifted[each, y])", "-log of the share that the class has"],
        ],
        gradient: [
          [`d${p} = np.exp(shifted) / total`, "the shares that the classes have,"],
          [`d${p}[each, y] -= 1`, "less 1 for the right one,"],
          [`d${p} = d${p} / len(y)`, "shared by all rows in the mean"],
        ],
      };
    case "bce":
      return {
        loss: [[`loss = np.mean(np.logaddexp(0, ${p}) - ${p} * y)`, "-log of the share that the label has"]],
        gradient: [
          [`d${p} = (1 / (1 + np.exp(-${p})) - y) / ${p}.size`, "sigmoid less label, shared by all in the mean"],
        ],
      };
  }
}

/** Cross-entropy over those targets that count. */
function countedLines(p: string): ReturnType<typeof lossLines> {
  return {
    loss: [
      [`shifted = ${p} - ${p}.max(axis=1, keepdims=True)`, "cross-entropy: less each row's maximum, for exp's sake"],
      ["total = np.exp(shifted).sum(axis=1, keepdims=True)", "the row's sum of exp"],
      ["each = np.flatnonzero(y >= 0)", "targets that count"],
      ["loss = np.mean(np.log(total[each, 0]) - shifted[each, y[each]])", "-log of the share that the class has"],
    ],
    gradient: [
      [`d${p} = np.exp(shifted) / total`, "the shares that the classes have,"],
      [`d${p}[each, y[each]] -= 1`, "less 1 for the right one,"],
      [`d${p} = d${p} * (y >= 0)[:, None] / len(each)`, "shared by all that count in the mean"],
    ],
  };
}

/** Cross-entropy whose classes count differently, or whose targets are spread over all of them a little. */
function weightedLines(model: ModelSpec, p: string): ReturnType<typeof lossLines> {
  const { classWeights, labelSmoothing: s = 0 } = model;
  const ignores = classLayout(model).ignoreIndex !== null;
  const label = ignores ? "label" : "y";
  const classes = classWeights
    ? `np.array([${classWeights.map(Number).join(", ")}]).astype(real)`
    : `np.ones(${p}.shape[1], real)`;
  return {
    loss: [
      [`shifted = ${p} - ${p}.max(axis=1, keepdims=True)`, "cross-entropy: less each row's maximum, for exp's sake"],
      ["logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))", "log of each class's share"],
      ["each = np.arange(len(y))", "row r has class y[r]"],
      [`counts = ${classes}`, "what each class counts for,"],
      ...(ignores
        ? ([
            ["seen, label = y >= 0, np.maximum(y, 0)", "targets below 0 do not count"],
            ["own = np.where(seen, counts[label], 0)", "and so each row"],
          ] as const)
        : ([["own = counts[y]", "and so each row"]] as const)),
      [`right = np.sum(own * -logs[each, ${label}])`, "-log of the share that the right class has"],
      [
        `spread = np.sum(${ignores ? "seen * (-logs @ counts)" : "-logs @ counts"}) / len(counts)`,
        "and of all classes alike",
      ],
      [`loss = (${1 - s} * right + ${s} * spread) / np.sum(own)`, "their weighted mean"],
    ],
    gradient: [
      [`d${p} = ${1 - s} * own[:, None] * np.exp(logs)`, "the shares that the classes have,"],
      [`d${p}[each, ${label}] -= ${1 - s} * own`, "less 1 for the right one,"],
      [
        `d${p} += ${s} / len(counts) * ${ignores ? "seen[:, None] * " : ""}(np.sum(counts) * np.exp(logs) - counts)`,
        "likewise for what is spread,",
      ],
      [`d${p} = d${p} / np.sum(own)`, "shared by all rows in the mean"],
    ],
  };
}

/** What the weights add to the loss, and to their gradients. */
export function penaltyLines(
  { l1 = 0, l2 = 0 }: PenaltySpec,
  weights: readonly string[],
): { readonly loss: readonly Line[]; readonly gradient: readonly Line[] } {
  const both = (of: (w: string) => readonly string[], w: string): string => of(w).join(" + ");
  const costs = (w: string): readonly string[] => [
    ...(l1 > 0 ? [`${l1} * np.sum(abs(${w}))`] : []),
    ...(l2 > 0 ? [`${l2} * np.sum(${w} ** 2)`] : []),
  ];
  const slopes = (w: string): readonly string[] => [
    ...(l1 > 0 ? [`${l1} * np.sign(${w})`] : []),
    ...(l2 > 0 ? [`${2 * l2} * ${w}`] : []),
  ];
  return {
    loss: weights.map((w): Line => [`loss = loss + ${both(costs, w)}`, `what ${w} costs`]),
    gradient: weights.map((w): Line => [`d${w} = d${w} + ${both(slopes, w)}`, "and what more of it would cost"]),
  };
}

/** The learning rate of the first step. */
export function rateLines(schedule: ScheduleSpec, lr: number): readonly Line[] {
  const { warmup } = scheduleAttrs(schedule, lr);
  if (warmup > 0)
    return [[`lr = ${lr} * (0 + 1) / ${warmup}`, `learning rate: the first of ${warmup} steps of warm-up`]];
  return [[`lr = ${lr}`, schedule.type === "constant" ? "learning rate" : "learning rate: the schedule begins here"]];
}

/**
 * The body of `update(w, dw)`: a new parameter from its gradient, at the first step, when nothing is remembered yet.
 * `apart` where it is `update(w, dw, lr, decay)`: parameters learn and decay at rates of their own.
 */
export function updateLines(spec: OptimizerSpec, clips: boolean, apart: boolean): readonly Line[] {
  const a = optimizerAttrs(spec);
  const decays = apart ? `${a.weightDecay} * decay` : `${a.weightDecay}`;
  const decoupled = spec.type === "adamw";
  const gradient: Line[] = [[`g = dw${clips ? " * clip" : ""}`, clips ? "the gradient, clipped" : "the gradient"]];
  if (a.weightDecay > 0 && !decoupled) gradient.push([`g = g + ${decays} * w`, "weight decay"]);
  const momentum = (of: string): Line => [`m = ${a.momentum} * 0 + ${of}`, "momentum: there is nothing before it yet"];
  switch (spec.type) {
    case "sgd": {
      if (a.momentum === 0) return [...gradient, ["return w - lr * g", "down the slope"]];
      if (!a.nesterov) return [...gradient, momentum("g"), ["return w - lr * m", "down the slope"]];
      const ahead: Line = [`return w - lr * (g + ${a.momentum} * m)`, "nesterov: as if a step further on"];
      return [...gradient, momentum("g"), ahead];
    }
    case "adam":
    case "adamw": {
      const decay: Line[] = decoupled
        ? [[`w = w * (1 - lr * ${decays})`, "weight decay, apart from the gradient"]]
        : [];
      return [
        ...gradient,
        ...decay,
        [`m = ${a.beta1} * 0 + (1 - ${a.beta1}) * g`, "mean of the gradients so far, from 0"],
        [`v = ${a.beta2} * 0 + (1 - ${a.beta2}) * g ** 2`, "mean of their squares, from 0"],
        [`m = m / (1 - ${a.beta1} ** 1)`, "step 1: makes up for the start at 0"],
        [`v = v / (1 - ${a.beta2} ** 1)`, "likewise"],
        [`return w - lr * m / (np.sqrt(v) + ${a.eps})`, "a step of about lr, whatever the gradient's size"],
      ];
    }
    case "rmsprop": {
      const lines: Line[] = [
        ...gradient,
        [`v = ${a.alpha} * 0 + (1 - ${a.alpha}) * g ** 2`, "mean of the squares so far, from 0"],
        [`g = g / (np.sqrt(v) + ${a.eps})`, "the gradient by its usual size"],
      ];
      if (a.momentum === 0) return [...lines, ["return w - lr * g", "down the slope"]];
      return [...lines, momentum("g"), ["return w - lr * m", "down the slope"]];
    }
    case "adagrad":
      return [
        ...gradient,
        ["s = 0 + g ** 2", "sum of the squares so far"],
        [`return w - lr * g / (np.sqrt(s) + ${a.eps})`, "steps grow shorter as the sum grows"],
      ];
  }
}
