import { computed, effect, signal } from "@preact/signals";
import { engine } from "../state/engine.ts";
import { enqueue, playing, run, togglePlay } from "../state/store.ts";
import type { KernelTiming } from "../worker/kernels.ts";
import type { KernelNode } from "../worker/step-kernels.ts";

export const nodes = signal<readonly KernelNode[]>([]);
/** The kernel that runs whole steps; null where each node is a dispatch. */
export const whole = signal<string | null>(null);
export const timings = signal<ReadonlyMap<number, KernelTiming>>(new Map());
export const timing = signal(false);
export const chosen = signal(0);
export const launch = signal(0);
/** The edited text; null while it is the one that runs. */
export const edited = signal<string | null>(null);
export const working = signal(false);

/** What came of an edit. */
export type Outcome =
  | { readonly kind: "errors"; readonly errors: readonly { readonly line: number; readonly message: string }[] }
  | { readonly kind: "right" | "outside" }
  | { readonly kind: "wrong"; readonly tensor: string };
export const outcome = signal<Outcome | null>(null);

export const node = computed(() => nodes.value[chosen.value] ?? null);
export const original = computed(() => node.value?.launches[launch.value]?.code ?? "");

export function choose(id: number, dispatch = 0): void {
  chosen.value = id;
  launch.value = dispatch;
  restore();
}

export function restore(): void {
  edited.value = null;
  outcome.value = null;
}

/** Something that stops a run and lets it go on afterwards. */
function between(work: () => Promise<void>, busy: { value: boolean }): void {
  busy.value = true;
  enqueue(async () => {
    const goOn = playing.value;
    try {
      await work();
    } finally {
      busy.value = false;
    }
    if (!goOn) return;
    playing.value = false;
    togglePlay();
  });
}

export function time(): void {
  between(async () => {
    timings.value = new Map((await engine.timeKernels()).map((t) => [t.id, t]));
  }, timing);
}

/** Compiles the edited text and, where it compiles, checks the net with it. */
export function recompile(): void {
  const edit = { id: chosen.value, launch: launch.value, code: edited.value ?? original.value };
  const { checked } = node.value!;
  working.value = true;
  // Compiling disturbs nothing: a run goes on meanwhile.
  engine
    .editKernel(edit)
    .then((errors) => {
      if (errors.length > 0) outcome.value = { kind: "errors", errors };
      else if (!checked) outcome.value = { kind: "outside" };
      else {
        between(async () => {
          const { firstDivergent } = await engine.xrayEdited(edit);
          outcome.value = firstDivergent ? { kind: "wrong", tensor: firstDivergent } : { kind: "right" };
        }, working);
      }
    })
    .finally(() => {
      working.value = false;
    });
}

const stepText = (step: readonly KernelNode[]): string =>
  JSON.stringify(step.map(({ name, kernel, inputs, launches }) => [name, kernel, inputs, launches]));

/** Lists the nodes of each new run while the room is open. */
export function opened(): () => void {
  return effect(() => {
    if (!run.value) return;
    engine.kernels().then((found) => {
      const same = stepText(found.nodes) === stepText(nodes.value);
      nodes.value = found.nodes;
      whole.value = found.whole;
      // News of the device alone leaves the step what it was: times and an edit stay.
      if (same) return;
      timings.value = new Map();
      // A product shows more than the drawing of a batch.
      choose(
        Math.max(
          0,
          found.nodes.findIndex((n) => n.checked),
        ),
      );
    });
  });
}
