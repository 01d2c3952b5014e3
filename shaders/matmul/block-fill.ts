import type { MatmulForm, VectorAccess } from "./common.ts";

/** What a workgroup brings in at a time. */
export interface FillSize {
  readonly blockM: number;
  readonly blockN: number;
  readonly depth: number;
  readonly invocations: number;
  /**
   * The length of the sum: where 4 divides it, four terms are there or none is; where `depth` does, blocks have all their
   * terms, of parts of the sum too.
   */
  readonly terms: number;
  /** Of four terms in a block; default vec4<f32>. */
  readonly type?: string | undefined;
  /** How blocks lie that are read in another way than term by term. Operands then fill whole turns of the invocations. */
  readonly layout?: FillLayout;
}

/** Blocks with the terms of a row of A, or of a column of B, side by side. */
export interface FillLayout {
  /** Which rows or columns, by fours, and which terms from where on piece number `p` is. */
  piece(p: string, kContiguous: boolean): readonly [x: string, q: string];
  /** Stores four terms from `q` on of a row or column, an expression. */
  store(block: string, row: string, q: string, value: string): string;
}

/** Text that goes into the kernel: `places` once, before the loop; the others for the block that begins at term `k`. */
export interface BlockFill {
  readonly places: string;
  /** Reads into registers. */
  fetch(k: string): string;
  /** Writes them to blockA and blockB. */
  readonly put: string;
  /**
   * Both at once. Each part of the invocations has one branch a turn for all that it does, which spares compilers for many
   * registers moving what both parts read to where both write it from; `apart`: for few, three for all turns.
   */
  bring(k: string, apart: boolean): string;
}

/** Where one operand lies and goes. */
interface Side {
  readonly name: "a" | "b";
  readonly kContiguous: boolean;
  readonly vector: boolean;
  /** Rows of A or columns of B of a block, by fours. */
  readonly width: number;
}

const four = [0, 1, 2, 3] as const;

/**
 * Brings blocks of A and B to workgroup memory as pieces of 4 rows or columns by 4 terms, first those of A, then those of
 * B, shared out among the invocations in turns. A piece of an operand that lies with k contiguous is transposed in
 * registers, which is only a matter of their names: NT and TN cost what NN costs.
 *
 * Nothing in the loop branches but what is the same for all invocations of a subgroup. Addresses are worked out before
 * it, all but k; what would lie behind an edge is read from the last that exists. Rows and columns behind an edge are
 * not stored, terms behind the last are zeroed in both operands, since their values may be infinite.
 */
export function blockFill(form: MatmulForm, vector: VectorAccess, size: FillSize): BlockFill {
  const { depth, invocations, layout, type = "vec4<f32>" } = size;
  const a: Side = { name: "a", kContiguous: form !== "TN", vector: vector.a, width: size.blockM / 4 };
  const b: Side = { name: "b", kContiguous: form === "NT", vector: vector.b, width: size.blockN / 4 };
  const [piecesA, piecesB] = [(a.width * depth) / 4, (b.width * depth) / 4];
  const turns = Array.from({ length: Math.ceil((piecesA + piecesB) / invocations) }, (_, i) => i);
  const wholeFours = size.terms % 4 === 0;
  const whole = size.terms % depth === 0;

  /** Both operands' text for a turn: one of them, one for each part of the invocations, or one for some of them. */
  const either = (i: number, text: (side: Side) => string): string => {
    const [first, end] = [i * invocations, (i + 1) * invocations];
    if (end <= piecesA) return text(a);
    if (first >= piecesA) {
      const part = text(b);
      const left = piecesA + piecesB - first;
      return left >= invocations ? part : `if (lane < ${left}u) {\n${part}\n}`;
    }
    const [ofA, ofB] = [text(a), text(b)];
    return ofA === ofB ? ofA : `if (lane < ${piecesA - first}u) {\n${ofA}\n} else {\n${ofB}\n}`;
  };

  /** Which piece: both operands' where they share a turn, since their blocks are then of one width. */
  const pieceOf = (i: number): string => {
    const first = i * invocations;
    const [{ width, kContiguous }, from] = first < piecesA ? [a, first] : [b, first - piecesA];
    const p = `(lane + ${from}u)`;
    const [x, q] = layout?.piece(p, kContiguous) ?? [`${p} % ${width}u`, `${p} / ${width}u % ${depth / 4}u * 4u`];
    return `let x${i} = ${x}; let q${i} = ${q};`;
  };
  const placesOf = (i: number, { name, kContiguous, vector }: Side): string => {
    const [outer, size] = name === "a" ? ["m0", "params.M"] : ["n0", "params.N"];
    const last = vector && !kContiguous ? 4 : 1;
    const at = (r: number): string =>
      `params.${name}Offset + min(${outer} + x${i} * 4u + ${r}u, ${size} - ${last}u)${kContiguous ? ` * params.ld${name}` : ""}`;
    return four.map((r) => `  at${i}_${r} = ${vector ? `(${at(r)}) / 4u` : at(r)};`).join("\n");
  };
  const fetchOf = (i: number, { name, kContiguous, vector }: Side): string => {
    const begin = whole ? `(k + q${i})` : `min(k + q${i}, kEnd - 4u)`;
    const ld = kContiguous ? "" : ` * (params.ld${name}${vector ? " / 4u" : ""})`;
    /** How far from where it begins term t of a piece lies. Worked out anew each time: compilers see that it is the same. */
    const along = (t: number): string => {
      if (kContiguous && vector) return `${begin} / 4u`;
      return wholeFours ? `${begin}${ld} + ${t}u${ld}` : `min(k + q${i} + ${t}u, kEnd - 1u)${ld}`;
    };
    const one = (r: number, c: number) => `${name}[at${i}_${kContiguous ? r : c} + ${along(kContiguous ? c : r)}]`;
    const value = (r: number) => (vector ? one(r, 0) : `vec4<f32>(${four.map((c) => one(r, c)).join(", ")})`);
    return four.map((r) => `  r${i}_${r} = ${size.type ? `${type}(${value(r)})` : value(r)};`).join("\n");
  };
  /** What a piece has behind the last term becomes 0. */
  const zeroOf = (i: number, { kContiguous }: Side): string => {
    const there = (r: number): string =>
      `k + q${i} + ${kContiguous ? "vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(kEnd)" : `${r}u < kEnd`}`;
    return four.map((r) => `  r${i}_${r} = select(${type}(), r${i}_${r}, ${there(r)});`).join("\n");
  };
  const putOf = (i: number, { name, kContiguous }: Side): string => {
    const value = (r: number): string =>
      kContiguous === (layout === undefined)
        ? `${type}(${four.map((c) => `r${i}_${c}.${"xyzw"[r]}`).join(", ")})`
        : `r${i}_${r}`;
    const block = `block${name.toUpperCase()}`;
    const store = (r: number): string =>
      layout?.store(block, `x${i} * 4u + ${r}u`, `q${i}`, value(r)) ?? `${block}[q${i} + ${r}u][x${i}] = ${value(r)};`;
    return four.map((r) => `  ${store(r)}`).join("\n");
  };
  const zeroed = (zeroes: string): string => (whole ? "" : `  if (k + ${depth}u > kEnd) {\n${zeroes}\n  }`);
  const eachTurn = (text: (i: number, side: Side) => string): string =>
    turns.map((i) => either(i, (side) => text(i, side))).join("\n");
  const declared = (i: number): string => four.map((r) => `var at${i}_${r}: u32; var r${i}_${r}: ${type};`).join(" ");
  const fetch = (at: string): string => `{
  let k = ${at};
${eachTurn(fetchOf)}
${zeroed(eachTurn(zeroOf))}
}`;
  const put = eachTurn(putOf);
  return {
    places: turns.map((i) => `  ${pieceOf(i)}\n  ${declared(i)}\n${either(i, (side) => placesOf(i, side))}`).join("\n"),
    fetch,
    put,
    bring: (at, apart) =>
      apart
        ? `${fetch(at)}\n${put}`
        : `{
  let k = ${at};
${turns.map((i) => either(i, (side) => [fetchOf(i, side), zeroed(zeroOf(i, side)), putOf(i, side)].join("\n"))).join("\n")}
}`,
  };
}
