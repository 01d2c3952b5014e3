import { ChainruleError } from "../../core/errors.ts";

/** The names that the labels of an IDX file of images may have beside it, the likeliest first; none where no name tells. */
export function labelNames(path: string): readonly string[] {
  const { folder, base } = parted(path);
  const found: string[] = [];
  for (const [word, label] of IMAGE_WORDS) {
    const at = [...base.matchAll(word)].at(-1);
    if (at) found.push(base.slice(0, at.index) + inCase(label, at[0]) + base.slice(at.index + at[0].length));
  }
  found.push(...(yNames(base) ?? []));
  const numbered = found.map((name) => name.replace(/idx\d/i, (idx) => `${idx.slice(0, 3)}1`));
  const joined = numbered.map((name) =>
    name.replace(/([.-])idx1/i, (all) => (all[0] === "." ? "-" : ".") + all.slice(1)),
  );
  const names = [...numbered, ...found, ...joined];
  const packed = names.map((name) => (/\.gz$/i.test(name) ? name.slice(0, -3) : `${name}.gz`));
  return [...new Set([...names, ...packed])].filter((name) => name !== base).map((name) => folder + name);
}

const IMAGE_WORDS: readonly (readonly [RegExp, string])[] = [
  [/images/gi, "labels"],
  [/image/gi, "label"],
  [/(?<![a-z])(?:imgs|data|inputs|features|pixels)(?![a-z])/gi, "labels"],
];

/** `word` in the case of `like`. */
function inCase(word: string, like: string): string {
  if (like === like.toUpperCase()) return word.toUpperCase();
  return like[0] === like[0]!.toUpperCase() ? word[0]!.toUpperCase() + word.slice(1) : word;
}

/** The names that y may have beside this one of x, the likeliest first; null where no x stands alone in it. */
export function yNames(path: string): readonly string[] | null {
  const found = /^(.*(?<![A-Za-z]))([xX])(?![A-Za-z])([^\\/]*)$/s.exec(path);
  if (!found) return null;
  const [, before, x, behind] = found;
  return (x === "x" ? ["y"] : ["y", "Y"]).map((y) => `${before}${y}${behind}`);
}

/** Folder, with what parts it from the name, and name: on any system. */
function parted(path: string): { readonly folder: string; readonly base: string } {
  const base = baseOf(path);
  return { folder: path.slice(0, path.length - base.length), base };
}

export const baseOf = (path: string): string => path.split(/[\\/]/).at(-1)!;

/** What is needed beside a file: for people, and by the names that it may have. */
export interface Beside {
  /** "its labels" */
  readonly what: string;
  readonly names: readonly string[];
  /** What to do where no name can be told. */
  readonly unnamed: string;
}

/** The labels of an IDX file of images. */
export const idxLabels = (path: string): Beside => ({
  what: "its labels",
  names: labelNames(path),
  unnamed: "an IDX file of images needs its labels beside it, by names such as images.idx and labels.idx",
});

/**
 * The first of the files that can be read, and its name. Throws ChainruleError "usage" where there is nobody to read it
 * or no name for it, "file" where none could be read, with the reason that the likeliest gave.
 */
export async function readBeside<T>(
  base: string,
  { what, names, unnamed }: Beside,
  read: ((file: string) => Promise<T>) | undefined,
): Promise<{ readonly name: string; readonly value: T }> {
  if (names.length === 0) throw new ChainruleError("usage", `${base}: ${unnamed}`);
  const shown = baseOf(names[0]!);
  if (!read) throw new ChainruleError("usage", `${base}: needs ${what}, ${shown}, beside it`);
  let cause: unknown = null;
  for (const name of names) {
    try {
      return { name: baseOf(name), value: await read(name) };
    } catch (error) {
      cause ??= error;
    }
  }
  throw new ChainruleError("file", `${base}: ${what}, ${shown}, could not be read`, { cause });
}
