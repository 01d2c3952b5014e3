import { BESIDE, NAMED_BESIDE } from "./beside.ts";
import type { Named } from "./pickle.ts";
import { Tuple } from "./pickle-stack.ts";
import { brief, refuse } from "./refuse.ts";
import { Tensor, tensorOf } from "./tensor.ts";

/** torch's storages by their names, and what their elements are; null where a tensor says that itself. */
export const STORAGES: ReadonlyMap<string, string | null> = new Map([
  ["torch.DoubleStorage", "F64"],
  ["torch.FloatStorage", "F32"],
  ["torch.HalfStorage", "F16"],
  ["torch.BFloat16Storage", "BF16"],
  ["torch.LongStorage", "I64"],
  ["torch.IntStorage", "I32"],
  ["torch.ShortStorage", "I16"],
  ["torch.CharStorage", "I8"],
  ["torch.ByteStorage", "U8"],
  ["torch.BoolStorage", "BOOL"],
  ["torch.storage.UntypedStorage", null],
]);

const DTYPES: ReadonlyMap<string, string> = new Map([
  ["torch.float64", "F64"],
  ["torch.float32", "F32"],
  ["torch.float16", "F16"],
  ["torch.bfloat16", "BF16"],
  ["torch.int64", "I64"],
  ["torch.int32", "I32"],
  ["torch.int16", "I16"],
  ["torch.int8", "I8"],
  ["torch.uint8", "U8"],
  ["torch.bool", "BOOL"],
  // These have no storage of their own, see _rebuild_tensor_v3.
  ["torch.uint16", "U16"],
  ["torch.uint32", "U32"],
  ["torch.uint64", "U64"],
]);

type Call = NonNullable<Named["call"]>;

/** The first argument as it is: what else was saved with it says nothing of its values. */
const firstTensor: Call = ([tensor], name) =>
  tensor instanceof Tensor ? tensor : refuse(`${name}: no tensor, but ${typeof tensor}`);

/** An empty dictionary, or one of pairs, as Python 2 wrote it. */
const ordered: Call = ([pairs], name) => {
  if (pairs === undefined) return new Map();
  if (pairs instanceof Map) return pairs;
  if (!Array.isArray(pairs)) return refuse(`${name}: no pairs, but ${typeof pairs}`);
  const isPair = (p: unknown): p is Tuple | unknown[] =>
    (p instanceof Tuple ? p.items : (p as unknown[]))?.length === 2;
  return new Map(
    pairs.map((p: unknown) => {
      if (!isPair(p)) return refuse(`${name}: something that is no pair`);
      return (p instanceof Tuple ? p.items : p) as [unknown, unknown];
    }),
  );
};

/**
 * A tensor with what torch says of its values beside its memory: of real numbers, that their signs are to be turned, as
 * those of a conjugate's imaginary part are.
 */
const plainTensor = (args: readonly unknown[], name: string, said: unknown, type?: string): Tensor => {
  const set = said instanceof Map ? [...said].find(([, value]) => value !== false)?.[0] : undefined;
  if (set !== undefined) {
    refuse(`${name}: a tensor with ${brief(set)} set, whose values are not those stored: save tensor.resolve_neg()`);
  }
  return tensorOf(args, name, type);
};

/** All that a state dict may call. None of it runs anything of the file's. */
const CALLS: Readonly<Record<string, Call>> = {
  "collections.OrderedDict": ordered,
  "collections.Counter": ordered,
  "torch._utils._rebuild_tensor": tensorOf,
  "torch._utils._rebuild_tensor_v2": (args, name) => plainTensor(args, name, args[6]),
  "torch._utils._rebuild_tensor_v3": (args, name) => {
    const type = DTYPES.get((args[6] as Partial<Named> | null | undefined)?.name ?? "");
    return type === undefined
      ? refuse(`${name}: a tensor of no type that is known`)
      : plainTensor(args, name, args[7], type);
  },
  "torch._utils._rebuild_parameter": firstTensor,
  "torch._utils._rebuild_parameter_with_state": firstTensor,
  // A tensor with attributes: the function that makes it, its class, the function's arguments, the attributes.
  "torch._tensor._rebuild_from_type_v2": ([made, , args], name) => {
    const { name: by, call } = (made ?? {}) as Partial<Named>;
    if (!by || !call || !(args instanceof Tuple) || by === name) return refuse(`${name}: nothing that makes a tensor`);
    return firstTensor([call(args.items, by)], name);
  },
  "torch.Size": ([sizes], name) => (sizes instanceof Tuple ? sizes : refuse(`${name}: no sizes`)),
  "torch.device": (args) => new Tuple(args),
};

/** Classes that may be named beside a tensor, and are not made. */
const CLASSES = ["torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"];

const ALLOWED: ReadonlyMap<string, Named> = new Map(
  [
    ...Object.entries({ ...BESIDE, ...CALLS }).map(([name, call]) => ({ name, call })),
    ...[...STORAGES.keys(), ...DTYPES.keys(), ...CLASSES, ...NAMED_BESIDE].map((name) => ({ name })),
  ].map((named) => [named.name, named]),
);

/** The allow-list. Throws ChainruleError "file" for every other name. */
export function findName(name: string): Named {
  return ALLOWED.get(name) ?? refuseName(name);
}

function refuseName(name: string): never {
  const shown = brief(name);
  if (/^(torch\.nn\.|__main__\.|torchvision\.|torch\.fx\.)/.test(name)) {
    refuse(
      `${shown} belongs to a whole module, whose code is not in the file: in Python, torch.save(model.state_dict(), "weights.pt")`,
    );
  }
  if (name === "torch.storage._load_from_bytes") {
    refuse(
      `${shown}: tensors written by pickle.dump or joblib: in Python, torch.save(model.state_dict(), "weights.pt")`,
    );
  }
  refuse(
    `${shown} is nothing that weights are made of, and no code of a file is run: in Python, torch.save(model.state_dict(), "weights.pt")`,
  );
}
