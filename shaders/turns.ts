/** More turns than any loop of a kernel makes. */
const MOST_TURNS = "0x10000000u";

/**
 * The head of a loop with so many turns, an expression that is worked out once before it: whatever its end is made of. Tint
 * counts the turns of every loop that it cannot prove to end, in two registers and some ten instructions a turn, and it
 * proves nothing but a step of one to a constant end. So the loop has such an end, far beyond the one where it breaks off.
 */
export const turnsOf = (name: string, turns: string): string =>
  `for (var ${name} = 0u; ${name} < ${MOST_TURNS}; ${name}++) {
    if (${name} >= ${turns}) { break; }`;
