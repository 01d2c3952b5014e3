import type { TensorPicture, XrayReport } from "../worker/xray.ts";

/** What of a report tells tokens. */
export type TokenNames = Pick<XrayReport, "tokens" | "tokenAxis">;

/** Tokens that are named; of more only how many. */
const MOST = 8;

/** A token in quotes; what cannot be seen by its escape. */
const quoted = (token: string): string => `“${token.trim() === "" ? JSON.stringify(token).slice(1, -1) : token}”`;

/** Where in a tensor; of an axis that counts tokens which one it is. */
export function placeText(tensor: string, index: readonly number[], { tokens, tokenAxis }: TokenNames): string {
  const axis = tokenAxis[tensor];
  const parts = index.map((i, a) =>
    a === axis && tokens?.[i] !== undefined ? `${i} ${quoted(tokens[i])}` : String(i),
  );
  return `[${parts.join(", ")}]`;
}

/** Tokens with an element out of its bound, the one that is furthest out first, in quotes; and how many more there are. */
export function wrongTokens(t: TensorPicture, { tokens, tokenAxis }: TokenNames) {
  const axis = tokenAxis[t.name];
  const far = new Map<number, number>();
  if (tokens === null || axis === undefined || !t.device || !t.bound) return { named: [], more: 0 };
  for (const [i, exact] of t.exact.entries()) {
    const off = Math.abs(t.device[i]! - exact) / t.bound[i]!;
    // Not "greater": what is not finite is out of any bound.
    if (off <= 1 || t.device[i] === exact) continue;
    const token = axis === 0 && t.rows > 1 ? Math.floor(i / t.columns) : i % t.columns;
    far.set(token, Math.max(far.get(token) ?? 0, Number.isNaN(off) ? Number.POSITIVE_INFINITY : off));
  }
  const worst = [...far.keys()].sort((a, b) => far.get(b)! - far.get(a)!);
  return {
    named: worst.slice(0, MOST).map((i) => quoted(tokens[i] ?? String(i))),
    more: Math.max(0, worst.length - MOST),
  };
}
