import { PickleBytes } from "./pickle-bytes.ts";
import { PickleStack, Tuple } from "./pickle-stack.ts";
import { brief, refuse } from "./refuse.ts";

/** Something that a pickle names by its module: the allow-list decides what it stands for. */
export interface Named {
  readonly name: string;
  /** What calling it makes; absent where it cannot be called. */
  readonly call?: (args: readonly unknown[], name: string) => unknown;
}

/** What a pickle may lead to. Nothing else happens while it is read. */
export interface PickleWorld {
  /** What a name stands for. Throws for any that is not on the allow-list. */
  readonly find: (name: string) => Named;
  /** What lies outside the pickle under this key: a storage. */
  readonly load: (key: unknown) => unknown;
}

type Instruction = (stack: PickleStack, input: PickleBytes, world: PickleWorld) => void;

const text =
  (length: (input: PickleBytes) => number): Instruction =>
  (stack, input) =>
    stack.push(input.text(length(input)));
const bytes =
  (length: (input: PickleBytes) => number): Instruction =>
  (stack, input) =>
    stack.make(input.slice(length(input)));
const tuple =
  (length: number): Instruction =>
  (stack) => {
    const items = Array.from({ length }, () => stack.pop());
    stack.make(new Tuple(items.reverse()));
  };

const call: Instruction = (stack) => {
  const args = stack.pop();
  const { name, call: make } = (stack.pop() ?? {}) as Partial<Named>;
  if (typeof name !== "string" || !(args instanceof Tuple)) return refuse("a pickle that calls what has no name");
  if (!make) return refuse(`${brief(name)} is called, which no state dict does`);
  stack.make(make(args.items, name));
};

const STOP = 0x2e;

/** Every instruction of protocols 2 to 5 that dictionaries of tensors need, with its name in Python's pickletools. */
const INSTRUCTIONS: ReadonlyMap<number, Instruction> = new Map<number, Instruction>([
  // FRAME: how many bytes to read ahead.
  [0x95, (_, input) => void input.u64()],
  // MARK, POP, POP_MARK, DUP
  [0x28, (stack) => stack.mark()],
  [0x30, (stack) => void stack.pop()],
  [0x31, (stack) => void stack.marked()],
  [0x32, (stack) => stack.push(stack.top())],
  // NONE, NEWTRUE, NEWFALSE
  [0x4e, (stack) => stack.push(null)],
  [0x88, (stack) => stack.push(true)],
  [0x89, (stack) => stack.push(false)],
  // BININT, BININT1, BININT2, LONG1, LONG4, BINFLOAT
  [0x4a, (stack, input) => stack.push(input.i32())],
  [0x4b, (stack, input) => stack.push(input.u8())],
  [0x4d, (stack, input) => stack.push(input.u16())],
  [0x8a, (stack, input) => stack.push(input.integer(input.u8()))],
  [0x8b, (stack, input) => stack.push(input.integer(input.u32()))],
  [0x47, (stack, input) => stack.push(input.float())],
  // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8; SHORT_BINSTRING, BINSTRING of Python 2
  [0x8c, text((input) => input.u8())],
  [0x58, text((input) => input.u32())],
  [0x8d, text((input) => input.u64())],
  [0x55, text((input) => input.u8())],
  [0x54, text((input) => input.u32())],
  // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
  [0x43, bytes((input) => input.u8())],
  [0x42, bytes((input) => input.u32())],
  [0x8e, bytes((input) => input.u64())],
  [0x96, bytes((input) => input.u64())],
  // EMPTY_LIST, LIST, APPEND, APPENDS
  [0x5d, (stack) => stack.make([])],
  [0x6c, (stack) => stack.make(stack.marked())],
  [0x61, (stack) => stack.append([stack.pop()])],
  [0x65, (stack) => stack.append(stack.marked())],
  // EMPTY_DICT, DICT, SETITEM, SETITEMS
  [0x7d, (stack) => stack.make(new Map())],
  [
    0x64,
    (stack) => {
      const items = stack.marked();
      stack.make(new Map());
      stack.set(items);
    },
  ],
  [
    0x73,
    (stack) => {
      const value = stack.pop();
      stack.set([stack.pop(), value]);
    },
  ],
  [0x75, (stack) => stack.set(stack.marked())],
  // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
  [0x29, tuple(0)],
  [0x85, tuple(1)],
  [0x86, tuple(2)],
  [0x87, tuple(3)],
  [0x74, (stack) => stack.make(new Tuple(stack.marked()))],
  // GLOBAL, STACK_GLOBAL
  [0x63, (stack, input, { find }) => stack.make(find(`${input.line()}.${input.line()}`))],
  [
    0x93,
    (stack, _, { find }) => {
      const [name, module] = [stack.pop(), stack.pop()];
      if (typeof name !== "string" || typeof module !== "string") return refuse("a pickle with a name that is no text");
      stack.make(find(`${module}.${name}`));
    },
  ],
  // REDUCE, NEWOBJ
  [0x52, call],
  [0x81, call],
  [
    // BUILD: attributes. Those of a state dict are versions of modules, which say nothing of its values.
    0x62,
    (stack) => {
      stack.pop();
      if (!(stack.top() instanceof Map)) refuse("a pickle with attributes of something that has none");
    },
  ],
  // BINPERSID
  [0x51, (stack, _, { load }) => stack.make(load(stack.pop()))],
  // BINPUT, LONG_BINPUT, MEMOIZE; BINGET, LONG_BINGET
  [0x71, (stack, input) => stack.keep(input.u8())],
  [0x72, (stack, input) => stack.keep(input.u32())],
  [0x94, (stack) => stack.keep()],
  [0x68, (stack, input) => stack.recall(input.u8())],
  [0x6a, (stack, input) => stack.recall(input.u32())],
]);

/**
 * Goes through a pickle of protocol 2 to 5 and gives the value that it describes, and where it ends: null, true and
 * false, numbers (bigint beyond 2^53), text and bytes as they are; lists as arrays, dictionaries as Map, tuples as Tuple;
 * for names, calls and what lies outside, what `world` says. It makes no object of any class and calls nothing of its
 * own accord. Throws ChainruleError "file" naming the instruction or the name that is not known.
 */
export function readPickle(file: Uint8Array, world: PickleWorld, start = 0): { value: unknown; end: number } {
  const input = new PickleBytes(file, start);
  const stack = new PickleStack();
  if (input.u8() !== 0x80) refuse(`no pickle of protocol 2 or later begins at byte ${start}`);
  const protocol = input.u8();
  if (protocol < 2 || protocol > 5) refuse(`pickle protocol ${protocol}; known are 2 to 5`);
  for (let code = input.u8(); code !== STOP; code = input.u8()) {
    const instruction = INSTRUCTIONS.get(code);
    if (!instruction)
      refuse(`instruction 0x${code.toString(16).padStart(2, "0")} of a pickle, at byte ${input.at - 1}, is not known`);
    instruction!(stack, input, world);
  }
  const value = stack.pop();
  if (stack.size > 0) refuse(`a pickle that leaves ${stack.size} values behind`);
  return { value, end: input.at };
}
