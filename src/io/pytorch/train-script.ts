/** The script as it is written, from its first line to its last: in parts nobody would see what it says. */

import { lossKinds } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs } from "../../nn/parameter-specs.ts";
import { classLayout } from "../../nn/shapes.ts";
import type { Multipliers } from "../../optim/groups.ts";
import { type AverageSpec, type OptimizerSpec, optimizerAttrs } from "../../optim/optimizer.ts";
import type { PenaltySpec } from "../../optim/penalty.ts";
import type { ScheduleSpec } from "../../optim/schedule.ts";
import type { AugmentSpec } from "../../train/run/augment.ts";
import { augmentSettings } from "./augment-file.ts";
import { dropoutLines, dropoutNames, isSequential, stepsOf } from "./model-script.ts";
import { momentNames, optimizerCall, rateBody } from "./settings.ts";

/** What train.py needs to know of a run. */
export interface TorchRun {
  readonly model: ModelSpec;
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** Global norm that gradients are clipped to; 0 for none. */
  readonly clip: number;
  readonly batch: number | "full";
  readonly seed: number;
  /** Batches of a step. */
  readonly accumulate: number;
  readonly penalty: PenaltySpec | null;
  /** Factors of learning rate and weight decay by parameter; null where all are 1. */
  readonly multipliers: ReadonlyMap<string, Multipliers> | null;
  readonly ema: AverageSpec | null;
  /** How images are changed; absent where they are not. */
  readonly augment?: AugmentSpec;
  /** Whether rows have lengths that the net looks at. */
  readonly lengths?: boolean;
  /** Tokens of a window, where rows are windows of one text that begin elsewhere in every epoch. */
  readonly window?: number;
}

/** Rows that evaluation takes at a time where every step has a class: logits of all would be large. */
const CHUNK = 64;

/** Lines that only some runs have. */
type Say = (text: string) => string;

/** train.py: goes on with the run. */
export function trainPy(run: TorchRun): string {
  const { model, optimizer, schedule, clip, batch, seed, accumulate, penalty, multipliers, ema, augment, window } = run;
  const { lengths = false } = run;
  const { targets, reduction } = lossKinds[model.loss];
  const dropout = dropoutNames(model).length > 0;
  const classes = targets === "classes";
  const adaptive = optimizer.type !== "sgd";
  const names = momentNames(optimizer);
  const weighted = model.classWeights !== undefined;
  const ignores = classes && classLayout(model).ignoreIndex !== null;
  const parts = accumulate > 1;
  const [own, all] = window === undefined ? ["y[mine]", "y[rows]"] : ["text[at[here] + 1]", "text[at + 1]"];
  const shares = weighted ? `loss_of.weight[${own}].sum() / loss_of.weight[${all}].sum()` : "len(mine) / len(rows)";
  const share = reduction === "mean" ? `${shares}${parts ? " / PARTS" : ""}` : "1";
  const when =
    (holds: boolean) =>
    (text: string): string =>
      holds ? text : "";
  const [ifDropout, ifAverage, ifGroups] = [dropout, ema !== null, multipliers !== null].map(when) as [Say, Say, Say];
  const [ifPenalty, ifParts, ifWeighted] = [penalty !== null, parts, weighted].map(when) as [Say, Say, Say];
  const ifIgnores = when(ignores);
  const ifAugment = when(augment !== undefined);
  const ifText = when(window !== undefined);
  const ifLengths = when(lengths);
  const ifNorm = when(model.layers.some((l) => l.type === "batchNorm"));
  const ifDropNames = when(dropout && !isSequential(model, lengths));
  const specs = parameterSpecs(model);
  const roles = specs.filter((p) => !p.frozen);
  const frozen = specs.flatMap((p) => (p.frozen ? [p.name] : []));
  const ifFrozen = when(frozen.length > 0);
  /** The net's parameters with their names, those that are trained. */
  const named = frozen.length > 0 ? "trained(net)" : "net.named_parameters()";
  const plainWeights = roles.every(({ role, shape }) => (role === "weight") === (shape.length === 2));
  const batchLines = `rows = rows_of_step(${parts ? "part" : "step"}, batch, len(x), SEED)${parts ? "" : " if BATCH else np.arange(len(x))"}
mine = np.array_split(rows, world)[rank]
${ifDropout(`for layer in drops.values():
    layer.step, layer.first = ${parts ? "part" : "step"}, sum(len(part) for part in np.array_split(rows, world)[:rank])
`)}${ifAugment(`first = sum(len(part) for part in np.array_split(rows, world)[:rank])
images = augment(x[mine], ${parts ? "part" : "step"}, first + np.arange(len(mine)), SEED, **AUGMENT)
`)}${ifText(`begin = windows_of_step(rows, ${parts ? "part" : "step"}, len(x), LENGTH, len(text), SEED)
at = torch.from_numpy(begin[:, None] + np.arange(LENGTH)).to(device)
here = np.array_split(np.arange(len(rows)), world)[rank]
`)}`;
  const seen = augment
    ? "images"
    : window === undefined
      ? `x[mine]${lengths ? ", lengths[mine]" : ""}`
      : "text[at[here]]";
  const ownLoss = ignores
    ? `p = shared(${seen})
share = counting(${own}) / counting(${all})
loss = loss_of(p, ${own}) * share${parts ? " / PARTS" : ""} if share != 0 else 0 * p.sum()`
    : `loss = loss_of(shared(${seen}), ${own}) * (${share})`;
  const steps = stepsOf(model) && ignores;
  const right = `p.argmax(dim=${stepsOf(model) ? 2 : 1}) == y`;
  const accuracy = ignores ? `(${right})[counts(y)]` : `(${right})`;
  const lossLines = `${ownLoss}
${ifPenalty(`loss = loss + penalty(net) / ${parts ? "(world * PARTS)" : "world"}
`)}(loss * world).backward()  # DistributedDataParallel takes the mean over processes; this makes it their sum
`;
  const rateLines = `for group in optimizer.param_groups:
    group["lr"] = learning_rate(step)${ifGroups(' * group["factor"]')}
optimizer.zero_grad()
`;
  const inStep = (text: string, depth: number): string => text.replace(/^(?=.)/gm, " ".repeat(4 * depth));
  const stepLines = parts
    ? `${inStep(rateLines, 2)}        total = torch.zeros((), device=device)
        for part in range(step * PARTS, (step + 1) * PARTS):  # one after the other; their gradients add up
${inStep(`${batchLines}${lossLines}total += loss.detach()`, 3)}
        norm = clip_grad_norm_(net.parameters(), CLIP)`
    : `${inStep(`${batchLines}${rateLines}${lossLines}`, 2)}        norm = clip_grad_norm_(net.parameters(), CLIP)
        total = loss.detach().clone()`;
  return `"""Goes on with a run of Chainrule, step for step: the same rows, learning rates, clipping and optimizer state.

    python3 train.py --steps 1000 [--log FILE.jsonl] [--save FOLDER] [--from FOLDER]
    torchrun --nproc_per_node 2 train.py --steps 1000 ...

Several processes share every batch among them, and take the same steps as one alone, to rounding. --save writes weights
and optimizer as they are at the end, --from goes on from there; the weights are also what \`chainrule train --weights\`
takes.
"""

import argparse
import json
${schedule.type === "cosine" ? "import math\n" : ""}import os
import sys

import numpy as np
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_

${ifAugment(`from augment import augment
`)}from model import build, loss_of
from rows import ${ifDropout("SeededDropout, ")}rows_of_step${ifText(", side_by_side, windows_of_step")}
from tensors import read_safetensors, write_safetensors

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = ${seed}
BATCH = ${batch === "full" ? "None  # all rows, in their order" : `${batch}  # rows of a ${parts ? "part" : "step"}`}
${ifParts(`PARTS = ${accumulate}  # batches of a step
`)}${ifText(`LENGTH = ${window}  # tokens of a window
`)}LR = ${optimizer.lr}
CLIP = ${clip > 0 ? `${clip}  # longest gradient` : `float("inf")  # longest gradient: any`}
${ifPenalty(`L1, L2 = ${penalty?.l1 ?? 0}, ${penalty?.l2 ?? 0}  # what weights cost
`)}${ifAverage(`DECAY = ${ema?.decay}  # how much of the weights' moving average stays
`)}${ifAugment(`AUGMENT = ${augment && augmentSettings(augment)}  # how images are changed
`)}${ifGroups(`FACTORS = {  # of the learning rate and of the weight decay, by parameter
${[...(multipliers ?? [])].map(([name, m]) => `    "${name}": (${m.lr}, ${m.weightDecay}),`).join("\n")}
}
`)}${ifDropNames(`DROPS = [${dropoutNames(model)
  .map(([i, name]) => `(${i}, "${name}")`)
  .join(", ")}]  # dropout layers
`)}${ifPenalty(
  plainWeights
    ? ""
    : `WEIGHTS = {${roles.flatMap(({ role, name }) => (role === "weight" ? [`"${name}"`] : [])).join(", ")}}
`,
)}STATE = [${names.map((name) => `"${name}"`).join(", ")}]  # what the optimizer remembers of each parameter
${ifFrozen(`FROZEN = {${frozen.map((name) => `"${name}"`).join(", ")}}  # they keep their values
`)}

${ifFrozen(`def trained(net):
    return [(name, p) for name, p in net.named_parameters() if p.requires_grad]


`)}def learning_rate(step):
    """Of step \`step\`, counted from 0."""
${rateBody(schedule, optimizer.lr)}


${
  multipliers
    ? `def make_optimizer(net):
    groups = []
    for name, p in ${named}:
        factor, decay = FACTORS[name]
        groups.append({"params": [p], "factor": factor, "weight_decay": ${optimizerAttrs(optimizer).weightDecay} * decay})
    return ${optimizerCall(optimizer, true)}
`
    : `def make_optimizer(parameters):
    return ${optimizerCall(optimizer, false)}
`
}${ifPenalty(`

def penalty(net):
    """What weights cost; biases and normalisations cost nothing."""
    weights = [${plainWeights ? `p for ${frozen.length > 0 ? `_, p in ${named}` : "p in net.parameters()"} if p.dim() == 2` : `p for name, p in ${named} if name in WEIGHTS`}]
    return sum(L1 * w.abs().sum() + L2 * (w**2).sum() for w in weights)
`)}
${ifIgnores(`
def counts(y):
    """Which targets count."""
    return y != loss_of.ignore_index


def counting(y):
    """What they count for together."""
    return ${weighted ? "loss_of.weight[y[counts(y)]].sum()" : "counts(y).sum()"}

`)}
def load(folder, net, optimizer):
    """Weights and optimizer as they were saved; the steps taken, and how many of them were left out."""
    net.load_state_dict(read_safetensors(os.path.join(folder, "model.safetensors"))[0])
    tensors, about = read_safetensors(os.path.join(folder, "optimizer.safetensors"))
    step, skipped = int(about["step"]), int(about["skipped"])
    state = {}
    for i, (name, _) in enumerate(${named}):
        state[i] = {key: tensors[f"{name}.{key}"] for key in STATE}
${adaptive ? `        state[i]["step"] = torch.tensor(float(step - skipped))\n` : ""}    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return step, skipped


def save(folder, net, optimizer, step, skipped):
    os.makedirs(folder, exist_ok=True)
    write_safetensors(os.path.join(folder, "model.safetensors"), net.state_dict())
    state = {f"{name}.{key}": optimizer.state[p][key] for name, p in ${named} for key in STATE}
    about = {"step": str(step), "skipped": str(skipped)}
    write_safetensors(os.path.join(folder, "optimizer.safetensors"), state, about)


def evaluate(net, x, y${ifLengths(", lengths")}):
    net.eval()
${when(steps)(`    loss, count, right, seen = 0, 0, 0, 0
`)}    with torch.no_grad():
${
  steps
    ? `        for x, y${ifLengths(", lengths")} in zip(x.split(${CHUNK}), y.split(${CHUNK})${ifLengths(`, lengths.split(${CHUNK})`)}):
            p, share = net(x${ifLengths(", lengths")}), counting(y).item()
            if share > 0:
                loss, count = loss + loss_of(p, y).item() * share, count + share
                right, seen = right + ${accuracy}.sum().item(), seen + counts(y).sum().item()
    net.train()
    return {"loss": loss / count, "accuracy": right / seen}
`
    : `        p = net(x${ifLengths(", lengths")})
        result = {"loss": loss_of(p, y).item()}
${classes ? `        result["accuracy"] = ${accuracy}.float().mean().item()\n` : ""}    net.train()
    return result
`
}

def main():
    parser = argparse.ArgumentParser(description="Goes on with this run.")
    parser.add_argument("--steps", type=int, default=1000, help="steps to take (default 1000)")
    parser.add_argument("--log", help="one JSON object a line: step and loss")
    parser.add_argument("--save", help="folder for weights and optimizer at the end")
    parser.add_argument("--from", dest="start", default=HERE, help="folder to go on from (default: this one)")
    args = parser.parse_args()

    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    data, _ = read_safetensors(os.path.join(HERE, "data.safetensors"))
    data = {name: (t if t.is_floating_point() else t.long()).to(device) for name, t in data.items()}
${ifText(`    text = data.pop("text")
    data["x"], data["y"] = side_by_side(text, LENGTH)
`)}    x, y = data["x"], data["y"]
${ifLengths(`    lengths = data["lengths"]
`)}    batch = BATCH or len(x)
    if world > batch:
        sys.exit(f"train.py: a batch of {batch} cannot be shared among {world} processes")

    net = build().to(device)
${ifFrozen(`    for name, p in net.named_parameters():
        p.requires_grad_(name not in FROZEN)
`)}${ifDropout(dropoutLines(model, lengths))}${ifNorm(`    if world > 1:
        # A batch's statistics are those of all its rows, wherever they are.
        if not cuda:
            sys.exit("train.py: batch norm on several processes needs SyncBatchNorm, which PyTorch has for GPUs alone")
        net = torch.nn.SyncBatchNorm.convert_sync_batchnorm(net)
`)}${ifWeighted(`    loss_of.to(device)
`)}    optimizer = make_optimizer(${multipliers ? "net" : frozen.length > 0 ? "[p for _, p in trained(net)]" : "net.parameters()"})
    first, skipped = load(args.start, net, optimizer)
${ifAverage(`    averages, _ = read_safetensors(os.path.join(args.start, "average.safetensors"))
    averages = {name: t.to(device) for name, t in averages.items()}
`)}    if world > 1:
        if cuda:
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if cuda else "gloo")
    shared = DistributedDataParallel(net) if world > 1 else net
    log = open(args.log, "w") if args.log and rank == 0 else None

    for step in range(first, first + args.steps):
${stepLines}
        if world > 1:
            distributed.all_reduce(total)
        if torch.isfinite(total) and torch.isfinite(norm):
            optimizer.step()
${ifAverage(`            for name, p in ${named}:
                averages[name].lerp_(p.detach(), 1 - DECAY)
`)}        else:
            skipped += 1  # such a step does not reach the weights
        if rank == 0:
            if log:
                log.write(json.dumps({"step": step + 1, "loss": total.item()}) + "\\n")
            if (step + 1 - first) % max(1, args.steps // 20) == 0:
                print(f"step {step + 1:7}  loss {total.item():.6g}", flush=True)

    if rank == 0:
        if log:
            log.close()
        for name, suffix in [("train", ""), ("test", "_test")]:
            if "x" + suffix in data:
                print(name, json.dumps(evaluate(net, data["x" + suffix], data["y" + suffix]${ifLengths(`, data["lengths" + suffix]`)})))
        if args.save:
            save(args.save, net, optimizer, first + args.steps, skipped)
${ifAverage(`            write_safetensors(os.path.join(args.save, "average.safetensors"), averages)
`)}    if world > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
`;
}
