type Scalar = "u32" | "f32";

/** A uniform block: one field list makes the WGSL struct and packs its values. */
export interface ParamBlock<Fields extends Record<string, Scalar>> {
  /** What it was made of. */
  readonly fields: Fields;
  /** The struct and its variable `params` at @binding(0). */
  readonly wgsl: string;
  /**
   * Bytes for the uniform buffer; fields in order, 4 bytes each, padded to 16. Throws RangeError for a u32 that is none.
   */
  pack(values: { readonly [K in keyof Fields]: number }): ArrayBuffer;
  /**
   * The same values written into the code: a struct called `name` for module scope, and the statement that makes
   * `params` of it, so that text which reads params serves both ways.
   */
  constant(name: string, values: { readonly [K in keyof Fields]: number }): { struct: string; statement: string };
}

/** A number as an f32 literal, exactly. */
export function float(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) throw new RangeError(`a shader cannot contain ${value}`);
  return `${rounded}f`;
}

/**
 * A uniform block out of names and types, in the order of the struct's fields.
 *
 *     const params = paramBlock({ size: "u32", alpha: "f32" });
 *     const code = params.wgsl + storage(read("x"), write("y")) + flatMain("y[i] = params.alpha * x[i];");
 *     const bytes = params.pack({ size: 1000, alpha: 0.5 }); // a launch's `params`
 */
export function paramBlock<const Fields extends Record<string, Scalar>>(fields: Fields): ParamBlock<Fields> {
  const names = Object.keys(fields);
  const members = names.map((name) => `  ${name}: ${fields[name]},`).join("\n");
  return {
    fields,
    constant(name, values) {
      const literals = names.map((n) => (fields[n] === "f32" ? float(values[n]!) : `${u32(n, values[n]!)}u`));
      return {
        struct: `struct ${name} {\n${members}\n}\n`,
        statement: `const params = ${name}(${literals.join(", ")});`,
      };
    },
    wgsl: `struct Params {\n${members}\n}\n@group(0) @binding(0) var<uniform> params: Params;\n`,
    pack(values) {
      const buffer = new ArrayBuffer(Math.ceil(names.length / 4) * 16);
      const view = new DataView(buffer);
      names.forEach((name, i) => {
        const value = values[name]!;
        if (fields[name] === "f32") view.setFloat32(i * 4, value, true);
        else view.setUint32(i * 4, u32(name, value), true);
      });
      return buffer;
    },
  };
}

function u32(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  throw new RangeError(`shader parameter ${name} must be a u32, got ${value}`);
}
