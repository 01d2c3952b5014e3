type Scalar = "u32" | "f32";

/** A uniform block: one field list makes the WGSL struct and packs its values. */
export interface ParamBlock<Fields extends Record<string, Scalar>> {
  /** The struct and its variable `params` at @binding(0). */
  readonly wgsl: string;
  /** Bytes for the uniform buffer; fields in order, 4 bytes each, padded to 16. */
  pack(values: { readonly [K in keyof Fields]: number }): ArrayBuffer;
}

export function paramBlock<const Fields extends Record<string, Scalar>>(fields: Fields): ParamBlock<Fields> {
  const names = Object.keys(fields);
  const members = names.map((name) => `  ${name}: ${fields[name]},`).join("\n");
  return {
    wgsl: `struct Params {\n${members}\n}\n@group(0) @binding(0) var<uniform> params: Params;\n`,
    pack(values) {
      const buffer = new ArrayBuffer(Math.ceil(names.length / 4) * 16);
      const view = new DataView(buffer);
      names.forEach((name, i) => {
        const value = values[name]!;
        if (fields[name] === "f32") view.setFloat32(i * 4, value, true);
        else if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) view.setUint32(i * 4, value, true);
        else throw new RangeError(`shader parameter ${name} must be a u32, got ${value}`);
      });
      return buffer;
    },
  };
}
