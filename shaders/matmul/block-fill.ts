import type { MatmulForm, VectorAccess } from "./common.ts";

/** What a workgroup brings in at a time. */
export interface FillSize {
  readonly blockM: number;
  readonly blockN: number;
  readonly depth: number;
  readonly invocations: number;
  /** The length of the sum: where 4 divides it, four terms are there or none is. */
  readonly terms: number;
}

/** Text that goes into the kernel: `places` once, before the loop; the others for the block that begins at term `k`. */
export interface BlockFill {
  readonly places: string;
  /** Reads into registers. */
  fetch(k: string): string;
  /** Writes them to blockA and blockB, or to one of two: "[here]". */
  put(copy: string): string;
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
const lane = (i: number): string => "xyzw"[i]!;

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
  const { depth, invocations } = size;
  const a: Side = { name: "a", kContiguous: form !== "TN", vector: vector.a, width: size.blockM / 4 };
  const b: Side = { name: "b", kContiguous: form === "NT", vector: vector.b, width: size.blockN / 4 };
  const [piecesA, piecesB] = [(a.width * depth) / 4, (b.width * depth) / 4];
  const turns = Array.from({ length: Math.ceil((piecesA + piecesB) / invocations) }, (_, i) => i);
  const wholeFours = size.terms % 4 === 0;

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

  const placesOf = (i: number, { name, kContiguous, vector }: Side): string => {
    const [outer, size] = name === "a" ? ["m0", "params.M"] : ["n0", "params.N"];
    const [ld, offset] = [`params.ld${name}`, `params.${name}Offset`];
    const o = `${outer} + x${i} * 4u`;
    const at = (r: number): string => {
      if (kContiguous) return `${offset} + min(${o} + ${r}u, ${size} - 1u) * ${ld}`;
      return vector ? `${offset} + min(${o}, ${size} - 4u)` : `${offset} + min(${o} + ${r}u, ${size} - 1u)`;
    };
    const rows = kContiguous || !vector ? four : ([0] as const);
    return rows.map((r) => `  at${i}_${r} = ${vector ? `(${at(r)}) / 4u` : at(r)};`).join("\n");
  };
  /** Which piece: both operands' where they share a turn, since their blocks are then of one width. */
  const pieceOf = (i: number): string => {
    const first = i * invocations;
    const [{ width }, from] = first < piecesA ? [a, first] : [b, first - piecesA];
    const p = from === 0 ? "lane" : `(lane + ${from}u)`;
    return `  let x${i} = ${p} % ${width}u; let q${i} = ${p} / ${width}u % ${depth / 4}u * 4u;`;
  };

  const fetchOf = (i: number, { name, kContiguous, vector }: Side): string => {
    const ld = vector ? `params.ld${name} / 4u` : `params.ld${name}`;
    const term = (r: number): string => `min(k + q${i} + ${r}u, kEnd - 1u)`;
    if (kContiguous) {
      if (vector) {
        const along = `  let along = min(k + q${i}, kEnd - 4u) / 4u;`;
        return [along, ...four.map((r) => `  r${i}_${r} = ${name}[at${i}_${r} + along];`)].join("\n");
      }
      return [
        ...four.map((c) => `  let k${c} = ${term(c)};`),
        ...four.map((r) => `  r${i}_${r} = vec4<f32>(${four.map((c) => `${name}[at${i}_${r} + k${c}]`).join(", ")});`),
      ].join("\n");
    }
    const value = (at: (c: number) => string): string =>
      vector ? `${name}[${at(0)}]` : `vec4<f32>(${four.map((c) => `${name}[${at(c)}]`).join(", ")})`;
    if (wholeFours) {
      const froms = (vector ? ([0] as const) : four).map((c) => `  let from${c} = at${i}_${c} + row;`);
      const reads = four.map((r) => `  r${i}_${r} = ${value((c) => `from${c} + ${r}u * (${ld})`)};`);
      return [`  let row = min(k + q${i}, kEnd - 4u) * (${ld});`, ...froms, ...reads].join("\n");
    }
    return four
      .flatMap((r) => [`  let k${r} = ${term(r)} * (${ld});`, `  r${i}_${r} = ${value((c) => `at${i}_${c} + k${r}`)};`])
      .join("\n");
  };

  /** What a piece that reaches behind the last term has there becomes 0. */
  const zeroOf = (i: number, { kContiguous }: Side): string => {
    if (wholeFours) return `  if (k + q${i} >= kEnd) { ${four.map((r) => `r${i}_${r} = vec4<f32>();`).join(" ")} }`;
    if (!kContiguous)
      return four.map((r) => `  if (k + q${i} + ${r}u >= kEnd) { r${i}_${r} = vec4<f32>(); }`).join("\n");
    const there = `vec4<u32>(k + q${i}) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(kEnd)`;
    return [
      `  let there = ${there};`,
      ...four.map((r) => `  r${i}_${r} = select(vec4<f32>(), r${i}_${r}, there);`),
    ].join("\n");
  };

  const putOf = (i: number, { name, kContiguous }: Side, copy: string): string =>
    four
      .map((r) => {
        const value = kContiguous ? `vec4<f32>(${four.map((c) => `r${i}_${c}.${lane(r)}`).join(", ")})` : `r${i}_${r}`;
        return `  block${name.toUpperCase()}${copy}[q${i} + ${r}u][x${i}] = ${value};`;
      })
      .join("\n");

  const block = (text: string): string => `{\n${text}\n}`;
  const fetchTurn = (i: number): string => either(i, (side) => fetchOf(i, side));
  const zeroTurn = (i: number): string => either(i, (side) => zeroOf(i, side));
  const putTurn = (i: number, copy: string): string => either(i, (side) => putOf(i, side, copy));

  return {
    places: turns
      .map((i) =>
        [
          pieceOf(i),
          `  ${four.map((r) => `var at${i}_${r}: u32;`).join(" ")}`,
          `  ${four.map((r) => `var r${i}_${r}: vec4<f32>;`).join(" ")}`,
          either(i, (side) => placesOf(i, side)),
        ].join("\n"),
      )
      .join("\n"),
    fetch: (at) => `{
  let k = ${at};
${turns.map((i) => block(fetchTurn(i))).join("\n")}
  if (k + ${depth}u > kEnd) {
${turns.map((i) => block(zeroTurn(i))).join("\n")}
  }
}`,
    put: (copy) => turns.map((i) => putTurn(i, copy)).join("\n"),
  };
}
