import type { Node } from "../../graph/graph.ts";
import type { Launch } from "../../graph/op.ts";
import { proofOf } from "../../proof/proof-of.ts";
import { type AnyKernel, chooseKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";
import { selfTestOf } from "./self-test.ts";
import { type ChoiceStore, storedChoices } from "./stored-choices.ts";
import {
  applies,
  candidatesOf,
  familyOf,
  isSettled,
  keyOf,
  type Problem,
  sizesOf,
  suffixOf,
  withoutGraph,
} from "./tuner-candidates.ts";
import { firstProblem, trial } from "./tuner-trials.ts";

/** What one kernel took in a trial; null where it failed its check, which rules it out. */
export interface TrialResult {
  readonly kernel: string;
  readonly ms: number | null;
}

/** Why a node got its kernel. */
export interface Choice {
  readonly key: string;
  readonly kernel: string;
  /**
   * Measured now; known to be the fastest on such a device, so not measured; taken over from a like product for want of
   * time; remembered from an earlier run; or the ladder's guess, when there was no time for any comparison: then the next
   * compilation tries again.
   */
  readonly how: "measured" | "known" | "inherited" | "remembered" | "guessed";
  /** Shapes of the trial's inputs, which may be smaller than the net's, and its results. */
  readonly shapes: readonly (readonly number[])[];
  readonly results: readonly TrialResult[];
}

/**
 * What all trials of a family in a compilation may take together, and what the first comparison may, without which there
 * would be none. A pipeline that is being compiled then is not waited for.
 */
const BUDGET_MS = 250;
const FIRST_MS = 450;
/** Pipelines that are compiled side by side, before the first of them is needed. */
const AHEAD = 2;

/** Chooses kernels by measuring them on this device, each after its check; remembers what it chose. */
export class Tuner {
  private readonly choices = new Map<string, Choice>();
  private loaded: Promise<void> | null = null;
  /** Whose kernels are known, and have no key yet. */
  private readonly unnamed = new Map<string, Problem>();
  /** Trials that were not waited for, and have memory until they end. */
  late: Promise<unknown> | null = null;

  constructor(
    private gpu: WebGpuDevice,
    private readonly store: ChoiceStore | null = null,
  ) {}

  /** Goes on with another device of the same adapter; what was chosen stays chosen, so that a run stays the same run. */
  moveTo(gpu: WebGpuDevice): void {
    this.gpu = gpu;
  }

  /** Every choice so far, for people to see. */
  get made(): readonly Choice[] {
    this.name();
    return [...this.choices.values()];
  }

  /** Kernels by name for nodes that are worth it, which lazy-tuner.ts has found among `all` of a graph. */
  async kernels(worth: readonly Node[], all: readonly Node[]): Promise<ReadonlyMap<Node, string>> {
    this.loaded ??= this.load();
    await this.loaded;
    const work = (n: Node): number => n.op.trial!.work(n.inputs, n.attrs);
    /** Of each family the node that is most work, since nodes come in that order. */
    const firsts = (nodes: readonly Node[]): readonly Node[] =>
      [...new Set(nodes.map(familyOf))].map((family) => nodes.find((n) => familyOf(n) === family)!);
    const hardestFirst = [...worth].sort((a, b) => work(b) - work(a));
    const settled = new Map(worth.map((n) => [n, this.settled(n)]));
    const open = hardestFirst.filter((n) => settled.get(n) === null);
    if (open.length === 0 && this.choices.size === 0) {
      // Keys are made of every kernel's text, which takes longer than all else here: when somebody asks for them.
      for (const n of worth) this.unnamed.set(sizesOf(n), withoutGraph(n));
      // Proofs come in many files: before compilers take the cores.
      proofOf(worth[0]!.op).catch(() => undefined);
      return settled as ReadonlyMap<Node, string>;
    }
    this.name();
    // With nothing chosen yet, compilers can begin before keys are made of every kernel's text.
    const ahead = this.choices.size === 0 && open.length > 0 ? this.compileAll(all, firsts(open)) : null;
    const keys = new Map(worth.map((n) => [n, keyOf(n, this.gpu.caps)]));
    const known = (n: Node): boolean => {
      const choice = this.choices.get(keys.get(n)!);
      // What was stored by others may name anything.
      return (
        choice !== undefined &&
        choice.how !== "guessed" &&
        applies(n.op, choice.kernel, n.inputs, n.attrs, this.gpu.caps)
      );
    };
    const missing = [...new Map(hardestFirst.filter((n) => !known(n)).map((n) => [keys.get(n)!, n]))];
    for (const [key, node] of missing) this.know(key, settled.get(node)!);
    const unknown = missing.filter(([, n]) => open.includes(n));
    const first = firsts(unknown.map(([, node]) => node));
    if (first.length > 0) await (ahead ?? this.compileAll(all, first));
    for (const family of first.map(familyOf)) {
      const start = performance.now();
      const best: string[] = [];
      for (const [key, node] of unknown.filter(([, n]) => familyOf(n) === family)) {
        const choice = await this.choose(key, node, best, start);
        this.choices.set(key, choice);
        if (choice.how === "measured" && !best.includes(suffixOf(choice.kernel))) best.push(suffixOf(choice.kernel));
      }
    }
    if (missing.length > 0) await this.save();
    return new Map(worth.map((n) => [n, this.choices.get(keys.get(n)!)!.kernel]));
  }

  private know(key: string, kernel: string | null): void {
    if (kernel) this.choices.set(key, { key, kernel, how: "known", shapes: [], results: [] });
  }

  private name(): void {
    for (const n of this.unnamed.values()) this.know(keyOf(n, this.gpu.caps), this.settled(n));
    this.unnamed.clear();
  }

  /** The kernel's name where the guess needs no trial; null where it does. */
  private settled(node: Problem): string | null {
    const { caps, wrong } = this.gpu;
    const { name } = chooseKernel(node, caps, null, wrong).kernel;
    return isSettled(name, caps) ? name : null;
  }

  /**
   * What the graph most likely needs, and what the first node of each family is to be compared with, side by side: a compiler
   * that is at work beside a trial would be timed with it, and one that waits for the trial's end leaves cores idle. Meanwhile
   * the known answers are worked out here. What goes wrong comes again when the graph is recorded.
   */
  private async compileAll(nodes: readonly Node[], firsts: readonly Node[]): Promise<void> {
    const { caps, wrong } = this.gpu;
    const answers = selfTestOf(this.gpu);
    const guessed = new Map(nodes.filter((n) => !n.op.view).map((n) => [n, chooseKernel(n, caps, null, wrong)]));
    const compared = firsts.flatMap((first) =>
      candidatesOf(first, caps, guessed.get(first)!.kernel)
        .slice(0, AHEAD)
        .map((kernel) => [first, kernel] as const),
    );
    const known = compared.filter(([{ op }]) => !op.trial!.cut);
    await Promise.allSettled([
      ...compared.map(([first, kernel]) => this.compileAhead(first, [kernel])),
      ...[...guessed].map(([n, { kernel }]) => this.compileAhead(n, [kernel])),
      answers.of(guessed),
      ...known.map(([first, { name }]) => answers.of(new Map([[first, chooseKernel(first, caps, name, wrong)]]))),
    ]);
  }

  /** The first op of a family meets all kernels; those behind it the ladder's guess and what has won so far. */
  private async choose(key: string, node: Node, best: readonly string[], start: number): Promise<Choice> {
    const { caps, wrong } = this.gpu;
    const guess = chooseKernel(node, caps, null, wrong).kernel;
    const all = candidatesOf(node, caps, guess).filter((k) => !wrong.has(k.name));
    const candidates = best.length === 0 ? all : all.filter((k) => k === guess || best.includes(suffixOf(k.name)));
    const results: TrialResult[] = [];
    let problem = await firstProblem(node);
    /** What one of these took to compile: one more is not begun where that is longer than what is left. */
    let longest = 0;
    // One that has nothing to be compared with is checked like any other kernel, when the graph is recorded.
    if (candidates.length === 1 && best.length > 0) {
      return { key, kernel: candidates[0]!.name, how: "inherited", shapes: [], results };
    }
    if (performance.now() < start + BUDGET_MS) this.compileAhead(node, candidates.slice(0, AHEAD));
    for (const kernel of candidates) {
      const allowed = best.length === 0 && results.length < 2 ? FIRST_MS : BUDGET_MS;
      const left = start + allowed - performance.now();
      if (left <= 0 || (results.length > 1 && left < longest)) break;
      // A kernel for long sums, say, may have nothing to do in a smaller problem.
      if (!applies(node.op, kernel.name, problem, node.attrs, this.gpu.caps)) continue;
      const done = trial(this.gpu, node, kernel, problem, results.length === 0);
      const result = await Promise.race([done, after(left)]);
      if (!result) {
        const before = this.late;
        this.late = Promise.allSettled([before, done]).then(() => undefined);
        break;
      }
      problem = result.problem;
      longest = Math.max(longest, this.compileMs(node, kernel));
      results.push({ kernel: kernel.name, ms: result.ms });
    }
    const shapes = problem.map((t) => t.shape);
    const fastest = results.filter((r) => r.ms !== null).sort((a, b) => a.ms! - b.ms!)[0];
    if (fastest && results.length > 1) return { key, kernel: fastest.kernel, how: "measured", shapes, results };
    const failed = new Set(results.filter((r) => r.ms === null).map((r) => r.kernel));
    const like = candidates.find((k) => best.includes(suffixOf(k.name)) && !failed.has(k.name));
    const kernel = like ?? (failed.has(guess.name) ? (all.find((k) => !failed.has(k.name)) ?? guess) : guess);
    return { key, kernel: kernel.name, how: like ? "inherited" : "guessed", shapes, results };
  }

  /** An error comes again when the kernel is tried. */
  private async compileAhead(node: Node, kernels: readonly AnyKernel[]): Promise<void> {
    const launches = kernels.flatMap((k) => this.launchesOf(node, k).map((launch) => [launch, k.name] as const));
    await Promise.allSettled(launches.map(([launch, name]) => this.gpu.pipelines.get(launch, name)));
  }

  private compileMs(node: Node, kernel: AnyKernel): number {
    return Math.max(0, ...this.launchesOf(node, kernel).map((launch) => this.gpu.pipelines.msOf(launch)));
  }

  private launchesOf(node: Node, kernel: AnyKernel): readonly Launch[] {
    return kernel.plan(node.inputs, node.outputs, node.attrs, this.gpu.caps)?.launches ?? [];
  }

  /** What was chosen, guesses too: a run that goes on must not try again. */
  names(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.made.map(({ key, kernel }) => [key, kernel]));
  }

  remember(names: Readonly<Record<string, string>>): void {
    this.name();
    for (const [key, kernel] of Object.entries(names)) {
      this.choices.set(key, { key, kernel, how: "remembered", shapes: [], results: [] });
    }
  }

  private async load(): Promise<void> {
    const stored = await this.store?.load(this.gpu.description).catch(() => null);
    // What a run asked for goes before what was kept for all.
    this.remember({ ...Object.fromEntries(storedChoices(stored)), ...this.names() });
  }

  /** What cannot be kept is measured again next time. */
  private async save(): Promise<void> {
    const final = [...this.choices].filter(([, { how }]) => how !== "guessed");
    const names = Object.fromEntries(final.map(([key, { kernel }]) => [key, kernel]));
    await this.store?.save(this.gpu.description, names).catch(() => undefined);
  }
}

const after = (ms: number): Promise<null> => new Promise((resolve) => setTimeout(() => resolve(null), ms));
