import { lossKinds } from "../nn/loss-kinds.ts";
import type { ModelSpec } from "../nn/model.ts";
import type { OptimizerName } from "../ops/names.ts";
import { type OptimizerSpec, optimizerAttrs } from "../optim/optimizer.ts";
import { type ScheduleSpec, scheduleAttrs } from "../optim/schedule.ts";
import { torchLayer, torchLosses, torchOptimizers } from "./pytorch-names.ts";

/** What train.py needs to know of a run. */
export interface TorchRun {
  readonly model: ModelSpec;
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** Global norm that gradients are clipped to; 0 for none. */
  readonly clip: number;
  readonly batch: number | "full";
  readonly seed: number;
}

/** What torch.optim calls an optimizer's arrays, in the order of TrainerState.moments. */
export function momentNames(optimizer: OptimizerSpec): readonly string[] {
  const { momentum } = optimizerAttrs(optimizer);
  const buffer = momentum > 0 ? ["momentum_buffer"] : [];
  const names: Readonly<Record<OptimizerName, readonly string[]>> = {
    sgd: buffer,
    adam: ["exp_avg", "exp_avg_sq"],
    adamw: ["exp_avg", "exp_avg_sq"],
    rmsprop: ["square_avg", ...buffer],
    adagrad: ["sum"],
  };
  return names[optimizer.type];
}

/** model.py: the net and its loss. */
export function modelPy(model: ModelSpec): string {
  const published = model.loss === "sumSquaredErrorAsPublished";
  const loss = published
    ? `def loss_of(p, y):
    """The sum of (p - y)^2, but with the gradient 2 p that the tutorial's code printed: wrong, and kept on purpose."""
    squares = (p**2).sum()
    return squares + (((p - y) ** 2).sum() - squares).detach()
`
    : `loss_of = ${torchLosses[model.loss]}
`;
  return `"""The net. Its parameters have the names of model.safetensors: build().load_state_dict(...) takes them."""

from torch import nn


def build():
    return nn.Sequential(
${model.layers.map((layer) => `        ${torchLayer(layer)},`).join("\n")}
    )


${loss}`;
}

function optimizerCall(spec: OptimizerSpec): string {
  const a = optimizerAttrs(spec);
  const settings: Readonly<Record<OptimizerName, readonly string[]>> = {
    sgd: [`momentum=${a.momentum}`, ...(a.nesterov ? ["nesterov=True"] : [])],
    adam: [`betas=(${a.beta1}, ${a.beta2})`, `eps=${a.eps}`],
    adamw: [`betas=(${a.beta1}, ${a.beta2})`, `eps=${a.eps}`],
    rmsprop: [`alpha=${a.alpha}`, `eps=${a.eps}`, `momentum=${a.momentum}`],
    adagrad: [`eps=${a.eps}`],
  };
  const all = ["parameters", "lr=LR", ...settings[spec.type], `weight_decay=${a.weightDecay}`];
  return `torch.optim.${torchOptimizers[spec.type]}(${all.join(", ")})`;
}

function rateBody(schedule: ScheduleSpec, lr: number): string {
  const { warmup, period, gamma, floor } = scheduleAttrs(schedule, lr);
  const warm =
    warmup > 0 ? [`if step < ${warmup}:`, `    return LR * (step + 1) / ${warmup}`, `step -= ${warmup}`] : [];
  const then = {
    constant: ["return LR"],
    step: [`return LR * ${gamma} ** (step // ${period})`],
    cosine: [
      `along = min(step, ${period}) / ${period}`,
      `return ${floor} + (LR - ${floor}) * 0.5 * (1 + math.cos(math.pi * along))`,
    ],
    exponential: [`return LR * ${gamma} ** (min(step, ${period}) / ${period})`],
  }[schedule.type];
  return [...warm, ...then].map((line) => `    ${line}`).join("\n");
}

/** train.py: goes on with the run. */
export function trainPy(run: TorchRun): string {
  const { model, optimizer, schedule, clip, batch, seed } = run;
  const { targets, reduction } = lossKinds[model.loss];
  const dropout = model.layers.some((l) => l.type === "dropout");
  const classes = targets === "classes";
  const adaptive = optimizer.type !== "sgd";
  const names = momentNames(optimizer);
  const share = reduction === "mean" ? "len(mine) / len(rows)" : "1";
  const ifDropout = (text: string): string => (dropout ? text : "");
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

from model import build, loss_of
from rows import ${ifDropout("SeededDropout, ")}rows_of_step
from tensors import read_safetensors, write_safetensors

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = ${seed}
BATCH = ${batch === "full" ? "None  # all rows, in their order" : `${batch}  # rows of a step`}
LR = ${optimizer.lr}
CLIP = ${clip > 0 ? `${clip}  # longest gradient` : `float("inf")  # longest gradient: any`}
STATE = [${names.map((name) => `"${name}"`).join(", ")}]  # what the optimizer remembers of each parameter


def learning_rate(step):
    """Of step \`step\`, counted from 0."""
${rateBody(schedule, optimizer.lr)}


def make_optimizer(parameters):
    return ${optimizerCall(optimizer)}


def load(folder, net, optimizer):
    """Weights and optimizer as they were saved; the steps taken, and how many of them were left out."""
    net.load_state_dict(read_safetensors(os.path.join(folder, "model.safetensors"))[0])
    tensors, about = read_safetensors(os.path.join(folder, "optimizer.safetensors"))
    step, skipped = int(about["step"]), int(about["skipped"])
    state = {}
    for i, (name, _) in enumerate(net.named_parameters()):
        state[i] = {key: tensors[f"{name}.{key}"] for key in STATE}
${adaptive ? `        state[i]["step"] = torch.tensor(float(step - skipped))\n` : ""}    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return step, skipped


def save(folder, net, optimizer, step, skipped):
    os.makedirs(folder, exist_ok=True)
    write_safetensors(os.path.join(folder, "model.safetensors"), net.state_dict())
    state = {f"{name}.{key}": optimizer.state[p][key] for name, p in net.named_parameters() for key in STATE}
    about = {"step": str(step), "skipped": str(skipped)}
    write_safetensors(os.path.join(folder, "optimizer.safetensors"), state, about)


def evaluate(net, x, y):
    net.eval()
    with torch.no_grad():
        p = net(x)
        result = {"loss": loss_of(p, y).item()}
${classes ? `        result["accuracy"] = (p.argmax(dim=1) == y).float().mean().item()\n` : ""}    net.train()
    return result


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
    x, y = data["x"], data["y"]
    batch = BATCH or len(x)
    if world > batch:
        sys.exit(f"train.py: a batch of {batch} cannot be shared among {world} processes")

    net = build().to(device)
${ifDropout(`    drops = {i: SeededDropout(layer.p, SEED, i) for i, layer in enumerate(net) if isinstance(layer, torch.nn.Dropout)}
    for i, layer in drops.items():
        net[i] = layer
`)}    optimizer = make_optimizer(net.parameters())
    first, skipped = load(args.start, net, optimizer)
    if world > 1:
        if cuda:
            torch.cuda.set_device(device)
        distributed.init_process_group("nccl" if cuda else "gloo")
    shared = DistributedDataParallel(net) if world > 1 else net
    log = open(args.log, "w") if args.log and rank == 0 else None

    for step in range(first, first + args.steps):
        rows = rows_of_step(step, batch, len(x), SEED) if BATCH else np.arange(len(x))
        mine = np.array_split(rows, world)[rank]
${ifDropout(`        for layer in drops.values():
            layer.step, layer.first = step, sum(len(part) for part in np.array_split(rows, world)[:rank])
`)}        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.zero_grad()
        loss = loss_of(shared(x[mine]), y[mine]) * (${share})
        (loss * world).backward()  # DistributedDataParallel takes the mean over processes; this makes it their sum
        norm = clip_grad_norm_(net.parameters(), CLIP)
        total = loss.detach().clone()
        if world > 1:
            distributed.all_reduce(total)
        if torch.isfinite(total) and torch.isfinite(norm):
            optimizer.step()
        else:
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
                print(name, json.dumps(evaluate(net, data["x" + suffix], data["y" + suffix])))
        if args.save:
            save(args.save, net, optimizer, first + args.steps, skipped)
    if world > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
`;
}
