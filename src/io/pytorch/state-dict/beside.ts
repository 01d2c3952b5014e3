import { Tuple } from "./pickle-stack.ts";

/** Makes something empty, which takes attributes and entries and forgets what it was made of. */
const empty = (): unknown => new Map();
/** What it was made of, which nobody asks for. */
const pieces = (args: readonly unknown[]): unknown => new Tuple(args);

/**
 * What training scripts save beside weights: settings, counts, dates and results of numpy. They are gone past, as plain
 * data that holds no tensor; none of these is made.
 */
export const BESIDE: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  "argparse.Namespace": empty,
  "types.SimpleNamespace": empty,
  "collections.defaultdict": empty,
  "numpy.dtype": empty,
  ...Object.fromEntries(
    ["numpy.core.multiarray", "numpy._core.multiarray"].flatMap((module) => [
      [`${module}.scalar`, empty],
      [`${module}._reconstruct`, empty],
    ]),
  ),
  // Bytes, as protocol 2 has them.
  "_codecs.encode": pieces,
  "datetime.date": pieces,
  "datetime.datetime": pieces,
  "datetime.timedelta": pieces,
  "pathlib.Path": pieces,
  "pathlib.PosixPath": pieces,
  "pathlib.WindowsPath": pieces,
  "builtins.set": pieces,
  "__builtin__.set": pieces,
};

/** Classes that are named there, as what a dictionary makes of an absent entry, and are not called. */
export const NAMED_BESIDE: readonly string[] = [
  "numpy.ndarray",
  ...["builtins", "__builtin__"].flatMap((module) =>
    ["int", "long", "float", "str", "bool", "list", "dict"].map((name) => `${module}.${name}`),
  ),
];
