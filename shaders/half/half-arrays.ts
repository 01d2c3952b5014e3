import { packHalves } from "./to-half.ts";

/**
 * A kernel's text with some of its arrays of f32 stored as halves: the same kernel, so that what is right about it stays
 * right, and kernels that read f32 need to know nothing of halves. `bindings` are the numbers of those arrays. They are
 * declared as words of two halves; an index into one becomes a call that unpacks, and what is stored is packed. With
 * `native` arrays that are read have WGSL's f16 instead, which the device must offer. Null where an array is written
 * otherwise than by whole vec4s: two invocations must not write one word.
 */
export function withHalves(code: string, bindings: readonly number[], native: boolean): string | null {
  let text = code;
  const functions: string[] = [];
  for (const binding of bindings) {
    const found = declarationOf(binding).exec(text);
    if (!found) throw new Error(`binding ${binding} is no array of f32`);
    const [whole, access, name, type] = found as unknown as readonly string[];
    const vector = type !== "f32";
    const reads = access === "read";
    if (!reads && !vector) return null;
    const stored = reads && native ? (vector ? "vec4<f16>" : "f16") : vector ? "vec2<u32>" : "u32";
    text = text.replace(whole!, whole!.replace(`array<${type}>`, `array<${stored}>`));
    const changed = reads ? readBy(text, name!) : storedBy(text, name!);
    if (changed === null) return null;
    text = changed;
    if (reads) functions.push(reader(name!, stored));
    else functions.push(packHalves, packFour);
  }
  const head = native ? "enable f16;\n" : "";
  return `${head}${text}${[...new Set(functions)].join("")}`;
}

const declarationOf = (binding: number): RegExp =>
  new RegExp(`@binding\\(${binding}\\) var<storage, (read|read_write)> (\\w+): array<(f32|vec4<f32>)>;`);

const packFour = `
fn packFour(v: vec4<f32>) -> vec2<u32> { return vec2<u32>(packHalves(v.x, v.y), packHalves(v.z, v.w)); }
`;

/** `array_at(i)`: the element where the kernel had `array[i]`, of whatever type that was. */
function reader(array: string, stored: string): string {
  const [type, body] = {
    u32: ["f32", `return unpack2x16float(${array}[i / 2u] >> (16u * (i % 2u))).x;`],
    "vec2<u32>": [
      "vec4<f32>",
      `let pair = ${array}[i]; return vec4<f32>(unpack2x16float(pair.x), unpack2x16float(pair.y));`,
    ],
    f16: ["f32", `return f32(${array}[i]);`],
    "vec4<f16>": ["vec4<f32>", `return vec4<f32>(${array}[i]);`],
  }[stored]!;
  return `\nfn ${array}_at(i: u32) -> ${type} { ${body} }\n`;
}

/** Every `array[i]`, at its start and at its closing bracket. */
function* indexings(text: string, array: string, from = 0): Generator<readonly [start: number, end: number]> {
  const starts = new RegExp(`(?<![\\w.])${array}\\[`, "g");
  starts.lastIndex = from;
  for (let found = starts.exec(text); found; found = starts.exec(text)) {
    let depth = 0;
    let end = found.index + array.length;
    do {
      if (text[end] === "[") depth++;
      if (text[end] === "]") depth--;
      end++;
    } while (depth > 0 && end < text.length);
    yield [found.index, end - 1];
  }
}

function readBy(text: string, array: string): string {
  const pieces = text.split("");
  for (const [start, end] of indexings(text, array)) {
    pieces[start + array.length] = "_at(";
    pieces[end] = ")";
  }
  return pieces.join("");
}

/** `array[i] = value;` with the value packed; null where the array is used in any other way. */
function storedBy(text: string, array: string): string | null {
  const pieces = text.split("");
  for (const [, end] of indexings(text, array)) {
    const assigns = /^\s*=(?!=)/.exec(text.slice(end + 1));
    if (!assigns) return null;
    pieces[end + assigns[0].length] = "= packFour(";
    pieces[text.indexOf(";", end)] = ");";
  }
  return pieces.join("");
}
