import { cpuBackend } from "../backend/cpu.ts";
import type { Backend } from "../backend/executor.ts";
import { referenceBackend } from "../backend/reference/executor.ts";
import { type WebGpuBackend, webgpuBackend } from "../backend/webgpu/backend.ts";
import { createNodeGpu } from "../backend/webgpu/node.ts";
import { ChainruleError } from "../core/errors.ts";
import type { DeviceRecord } from "../io/checkpoint/checkpoint.ts";
import { choiceText, chooseTrainer } from "../train/choose-backend.ts";
import { createTrainer } from "../train/create-trainer.ts";
import type { RecoveryEvent, RecoveryOptions } from "../train/recovery/recovery.ts";
import type { TrainerOptions } from "../train/run/options.ts";
import type { Trainer } from "../train/trainer.ts";
import { note } from "./output.ts";

export type BackendChoice = "auto" | "webgpu" | "cpu" | "reference";
export const backendChoices: readonly BackendChoice[] = ["auto", "webgpu", "cpu", "reference"];

/** One backend: "auto" is WebGPU where there is an adapter, else the CPU. Says which, and why, on stderr. */
export async function openBackend(choice: BackendChoice): Promise<Backend> {
  const [backend, why] = (await openBackends(choice))[0]!;
  note(`backend: ${backend.description} (${why})`);
  return backend;
}

/** For numbers rather than steps: as openBackend, but the CPU computes in f64, by plain loops. */
export async function openExact(choice: BackendChoice): Promise<Backend> {
  if (choice === "cpu" || choice === "reference") return referenceBackend("f64");
  const backend = await openBackend(choice);
  if (backend.kind !== "cpu") return backend;
  backend.dispose();
  return referenceBackend("f64");
}

/**
 * A trainer on the backend asked for; "auto" measures a few steps of this run on each that is here and takes the
 * fastest, or the one that `before` names, where a run goes on: with that run's kernels steps are the same to the bit.
 * Says what was chosen, and the figures, on stderr.
 */
export async function openTrainer(
  choice: BackendChoice,
  options: TrainerOptions,
  onLost: NonNullable<RecoveryOptions["onLost"]>,
  before: DeviceRecord | null = null,
): Promise<Trainer> {
  const opened = await openBackends(choice);
  const same = opened.filter(([backend]) => backend.kind === before?.kind);
  for (const [backend] of same) {
    if (backend.description === before!.description) backend.choices?.remember(before!.kernels);
  }
  const candidates = same.length > 0 ? [[same[0]![0], "as before"] as const] : opened;
  const recovery: RecoveryOptions = { onLost, cpu: cpuBackend, onEvent: (event) => note(eventText(event)) };
  if (candidates.length === 1) {
    const [backend, why] = candidates[0]!;
    const trainer = await createTrainer(backend, options, recovery);
    note(`backend: ${backend.description} (${why}); ${trainer.execution}`);
    noteWrongKernels(backend);
    return trainer;
  }
  const { trainer, measured, settled } = await chooseTrainer(
    candidates.map(([backend]) => backend),
    options,
    recovery,
  );
  note(
    `backend: ${choiceText(measured)} (measured on this run; --backend takes one without asking); ${trainer.execution}`,
  );
  settled.then((all) => {
    if (all !== measured && all[0] === measured[0]) note(`the GPU has compiled and is not faster: ${choiceText(all)}`);
    for (const [backend] of candidates) noteWrongKernels(backend);
  });
  return trainer;
}

/** Kernels that gave a wrong answer on this device: a report to copy. */
function noteWrongKernels(backend: Backend): void {
  if (backend.kind !== "webgpu") return;
  for (const [kernel, reason] of (backend as WebGpuBackend).gpu.wrong) {
    note(`kernel ${kernel} is wrong on ${backend.description} and is left out: ${reason}`);
  }
}

function eventText(event: RecoveryEvent): string {
  switch (event.kind) {
    case "lost":
      return `step ${event.step}: ${event.message}; asking for a new one`;
    case "recovered":
      return `back after ${(event.ms / 1000).toFixed(1)} s: going on at step ${event.step}, from the copy of step ${event.from}`;
    case "moved":
      return `no device came back: going on at step ${event.step} on ${event.description}`;
    case "faster":
      return `step ${event.step}: compiled, and faster: going on on ${event.description}`;
    case "waiting":
      return `step ${event.step}: ${event.message}; asking again (Ctrl-C stops and saves)`;
  }
}

/** The backends that a choice allows, each with the reason for it. Throws where one was asked for that is not here. */
async function openBackends(choice: BackendChoice): Promise<readonly (readonly [Backend, string])[]> {
  if (choice === "reference") return [[referenceBackend("f32"), "as asked"]];
  const cpu = await cpuBackend();
  if (choice === "cpu") return [[cpu, "as asked"]];
  try {
    const gpu = await webgpuBackend(await createNodeGpu({ quiet: true }));
    if (choice === "webgpu") return [[gpu, "as asked"]];
    return [
      [gpu, "an adapter is here"],
      [cpu, "it is always here"],
    ];
  } catch (error) {
    if (choice === "webgpu" || !(error instanceof ChainruleError) || error.code !== "adapter") throw error;
    return [[cpu, error.message.split("\n")[0]!]];
  }
}
