/**
 * What JSON.parse hides: a key that occurs twice in one object, and nesting deeper than `maxDepth`. Looks at strings and
 * brackets only, once over the text, so that it may run before the text is known to be JSON.
 */
export type JsonFault = { readonly kind: "duplicate"; readonly key: string } | { readonly kind: "depth" };

export function findJsonFault(text: string, maxDepth: number): JsonFault | null {
  /** One entry per open bracket: the keys so far of an object, null for an array. */
  const open: (Set<string> | null)[] = [];
  let keyNext = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === "{" || c === "[") {
      if (open.length === maxDepth) return { kind: "depth" };
      open.push(c === "{" ? new Set() : null);
      keyNext = c === "{";
    } else if (c === "}" || c === "]") {
      open.pop();
      keyNext = false;
    } else if (c === ",") {
      keyNext = open.at(-1) instanceof Set;
    } else if (c === '"') {
      const end = stringEnd(text, at);
      const keys = open.at(-1);
      if (keyNext && keys) {
        const key = spelled(text.slice(at, end));
        if (keys.has(key)) return { kind: "duplicate", key };
        keys.add(key);
      }
      keyNext = false;
      at = end - 1;
    }
  }
  return null;
}

/** Index behind the closing quote of the string that opens at `start`; the end of the text where there is none. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** The key a JSON string spells: "a" and "\u0061" are the same. A malformed one stands for itself. */
function spelled(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal;
  }
}
