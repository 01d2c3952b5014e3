import { refuse } from "./refuse.ts";

/** A tuple, which is not a list: Python tells them apart. */
export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** Lists, dictionaries, tuples and calls of one pickle: a state dict has about six for a tensor. */
const MAX_OBJECTS = 250_000;
/** Values that wait to be put into something: Python puts a thousand at a time into a list, but a tuple as a whole. */
const MAX_STACK = 100_000;
/** Entries of all lists and dictionaries together, and values kept to be used again. */
const MAX_ENTRIES = 2 ** 20;
const MARK = Symbol("mark");

/** The values that a pickle's instructions work on; what it may hold is bounded, whatever the instructions are. */
export class PickleStack {
  private readonly stack: unknown[] = [];
  private readonly memo = new Map<number, unknown>();
  private objects = 0;
  private entries = 0;

  get size(): number {
    return this.stack.length;
  }

  push(value: unknown): void {
    if (this.stack.length >= MAX_STACK) refuse(`more than ${MAX_STACK} values of a pickle wait`);
    this.stack.push(value);
  }

  /** Puts something new, which takes memory of its own. */
  make(value: unknown): void {
    if (++this.objects > MAX_OBJECTS) refuse(`a pickle of more than ${MAX_OBJECTS} objects`);
    this.push(value);
  }

  mark(): void {
    this.push(MARK);
  }

  pop(): unknown {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  top(): unknown {
    const value = this.stack.at(-1);
    return value === undefined || value === MARK ? refuse("a pickle that takes what it never put") : value;
  }

  /** What was put since the last mark, which goes too. */
  marked(): unknown[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) refuse("a pickle that takes what it never put");
    const items = this.stack.slice(mark + 1);
    this.stack.length = mark;
    return items;
  }

  /** Adds to the list on top. */
  append(items: readonly unknown[]): void {
    const top = this.top();
    const list = Array.isArray(top) ? top : refuse("a pickle that adds to what is no list");
    this.count(items.length);
    for (const item of items) list.push(item);
  }

  /** Puts pairs, one after the other, into the dictionary on top. */
  set(items: readonly unknown[]): void {
    const top = this.top();
    const map = top instanceof Map ? top : refuse("a pickle that adds pairs to what is no dictionary");
    if (items.length % 2 !== 0) refuse("a pickle with half a pair");
    this.count(items.length);
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  /** Keeps what is on top, by default under the next free number. */
  keep(key: number = this.memo.size): void {
    this.count(1);
    this.memo.set(key, this.top());
  }

  recall(key: number): void {
    if (!this.memo.has(key)) refuse(`a pickle that asks for number ${key}, which it never kept`);
    this.push(this.memo.get(key));
  }

  private count(more: number): void {
    this.entries += more;
    if (this.entries > MAX_ENTRIES) refuse(`a pickle of more than ${MAX_ENTRIES} entries`);
  }
}
