import { type ReduceWidth, sumReduce } from "../../../shaders/common.ts";
import { type ChipValue, type ChipWriter, type Index, index, type Strided } from "../../graph/chip.ts";

/** Invocations of the one workgroup. One: every loop is written out and nothing waits. */
export type ChipWidth = 1 | ReduceWidth;

/** How an invocation came to an element: by the number that a divided loop gave it, or in some other way. */
export interface Access {
  readonly buffer: number;
  readonly writes: boolean;
  /** For an element that always belongs to the same invocation, where its array begins, modulo the width; else null. */
  readonly own: number | null;
  /** By the first invocation, alone. */
  readonly alone: boolean;
}

/** Raised when what would be written out has grown beyond its limit. */
export class TooLong extends Error {}

/** Loops of one invocation up to this long are written out in divided loops too: it spares index arithmetic. */
const SHORT_LOOP = 8;
/** Terms of a longer sum that one turn adds: what a turn costs by itself (Firefox counts each, against endless loops). */
const TERMS = 4;

/** Writes the steps of a graph as WGSL; see ChipWriter. */
export class ChipText implements ChipWriter {
  /** Statements as often as they run in a step: what the step costs. */
  work = 0;
  /** Turns of all loops that an invocation makes in a step, at most. */
  turns = 0;
  readonly declarations = new Set<string>();
  private readonly lines: string[] = [];
  private times = 1;
  private laps = 1;
  private names = 0;
  /** Index of the innermost divided loop. */
  private own: Index | null = null;
  private alone = false;
  /** Accesses since the last barrier, and where that part of the text begins. */
  private before: Access[] = [];
  private now: Access[] = [];
  private start = 0;

  /** @param most what a step may cost, and lines it may take; above them TooLong is thrown. */
  constructor(
    readonly width: ChipWidth,
    private readonly most: { readonly work: number; readonly lines: number },
    private readonly barrierText: string,
  ) {}

  get text(): string {
    return this.lines.join("\n");
  }

  declare(text: string): void {
    this.declarations.add(text);
  }

  add(text: string, cost = 1): void {
    this.work += this.times * cost;
    if (this.work > this.most.work || this.lines.length > this.most.lines) throw new TooLong();
    this.lines.push(text);
  }

  name(i: Index): Index {
    if (typeof i === "number") return i;
    const name = this.fresh();
    this.lines.push(`let ${name} = ${i};`);
    return name;
  }

  each(count: number, body: (i: Index) => void): void {
    this.divided(0, count, body);
  }

  eachOf(value: ChipValue, body: (i: Index) => void): void {
    for (const [from, to] of value.ranges) this.divided(from, to, body);
  }

  loop(from: number, to: number, body: (k: Index) => void, long = false): void {
    if (this.width === 1 || to - from <= (long ? 1 : SHORT_LOOP)) {
      for (let k = from; k < to; k++) this.scope("{", 1, () => body(k));
      return;
    }
    const k = this.fresh();
    const head = `for (var ${k} = ${from}u; ${k} < ${to}u; ${k}++) {`;
    this.scope(head, to - from, () => body(k), to - from);
  }

  dot(count: number, a: Strided, b: Strided): string {
    const sum = this.fresh();
    const looped = this.width === 1 || count <= SHORT_LOOP ? 0 : count - (count % TERMS);
    const [fromA, fromB] = [this.name(a.from), this.name(b.from)];
    const terms = (k: Index, several: number): void => {
      const i = this.name(index.plus(fromA, index.times(k, a.stride)));
      const j = this.name(index.plus(fromB, index.times(k, b.stride)));
      for (let t = 0; t < several; t++) {
        const term = `${a.value.at(index.plus(i, t * a.stride))} * ${b.value.at(index.plus(j, t * b.stride))}`;
        this.add(`${sum} ${looped + t === 0 ? "" : "+"}= ${term};`);
      }
    };
    this.lines.push(`var ${sum} = 0.0;`);
    if (looped > 0) {
      const k = this.fresh();
      const turns = looped / TERMS;
      this.scope(`for (var ${k} = 0u; ${k} < ${looped}u; ${k} += ${TERMS}u) {`, turns, () => terms(k, TERMS), turns);
    }
    if (looped < count) terms(looped, count - looped);
    return sum;
  }

  once(body: () => void): void {
    // Element 0 of any array is the first invocation's own.
    this.alone = true;
    this.scope(this.width === 1 ? "{" : "if (lane == 0u) {", 1, () => this.owning(0, body));
    this.alone = false;
  }

  total(ranges: ChipValue["ranges"], body: (i: Index, sum: string) => void): string {
    const name = this.fresh();
    this.lines.push(`var ${name} = 0.0;`);
    for (const [from, to] of ranges) this.divided(from, to, (i) => body(i, name));
    if (this.width === 1) return name;
    this.declare(sumReduce(this.width));
    this.turns += this.laps * this.width;
    const all = this.fresh();
    this.settle();
    this.lines.push(`let ${all} = reduceSum(${name}, lane);`);
    this.begin();
    return all;
  }

  /** A scope for the names of one node. */
  open(): void {
    this.lines.push("{");
  }

  close(): void {
    this.lines.push("}");
  }

  /** Notes that an element was looked at; the writer decides from this where invocations must wait. */
  touch(buffer: number, offset: number, i: Index, writes: boolean): void {
    if (this.width === 1) return;
    const own = this.own === i ? offset % this.width : null;
    this.now.push({ buffer, writes, own, alone: this.alone });
  }

  /** Ends the body of a node: puts a barrier before it where it meets what others wrote, or are still reading. */
  settle(): void {
    if (this.width > 1 && this.now.some((a) => this.before.some((b) => conflict(a, b)))) {
      this.lines.splice(this.start, 0, this.barrierText);
      this.before = [];
    }
    this.before.push(...this.now);
    this.now = [];
    this.start = this.lines.length;
  }

  /** A barrier here and now: between two steps. */
  barrier(): void {
    this.settle();
    if (this.width > 1) this.lines.push(this.barrierText);
    this.begin();
  }

  /** What came before lies behind a barrier. */
  private begin(): void {
    this.before = [];
    this.start = this.lines.length;
  }

  private divided(from: number, to: number, body: (i: Index) => void): void {
    if (this.width === 1) {
      for (let i = from; i < to; i++) this.scope("{", 1, () => body(i));
      return;
    }
    const i = this.fresh();
    const first = from === 0 ? "lane" : `${from}u + lane`;
    const head =
      to - from <= this.width
        ? `if (lane < ${to - from}u) { let ${i} = ${first};`
        : `for (var ${i} = ${first}; ${i} < ${to}u; ${i} += ${this.width}u) {`;
    const inner = (): void => (from % this.width === 0 ? this.owning(i, () => body(i)) : body(i));
    this.scope(head, to - from, inner, to - from <= this.width ? 0 : Math.ceil((to - from) / this.width));
  }

  private owning(i: Index, body: () => void): void {
    const outer = this.own;
    this.own = i;
    body();
    this.own = outer;
  }

  /** @param laps turns of an invocation, where the scope is a loop; else 0. */
  private scope(head: string, times: number, body: () => void, laps = 0): void {
    this.lines.push(head);
    this.turns += this.laps * laps;
    this.times *= times;
    this.laps *= laps || 1;
    body();
    this.laps /= laps || 1;
    this.times /= times;
    this.lines.push("}");
  }

  private fresh(): string {
    this.names++;
    return `n${this.names}`;
  }
}

/** Two invocations may meet at an element, and one of them writes it. */
function conflict(a: Access, b: Access): boolean {
  if (a.buffer !== b.buffer || !(a.writes || b.writes) || (a.alone && b.alone)) return false;
  return a.own === null || a.own !== b.own;
}
