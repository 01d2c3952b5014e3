import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray, type Shape, sameShape, shapeText } from "../../core/ndarray.ts";
import { transpose } from "../weights/transpose.ts";

/** Names that an error lists at most. */
const LISTED = 6;

/** The arrays of a model.safetensors by their names, taken one after the other, and where each goes. */
export class HuggingFaceTensors {
  private readonly left: Map<string, NdArray>;
  private readonly missing: string[] = [];
  private readonly out = new Map<string, NdArray>();

  /**
   * `prefix` stands before the names of a net with a head and not before those of one without; `aside` are arrays that
   * are worked out from others, such as a causal mask.
   */
  constructor(tensors: ReadonlyMap<string, NdArray>, prefix: string, aside: RegExp) {
    this.left = new Map(
      [...tensors].map(([name, a]) => [name.startsWith(prefix) ? name.slice(prefix.length) : name, a]),
    );
    for (const name of [...this.left.keys()]) if (aside.test(name)) this.left.delete(name);
  }

  has(name: string): boolean {
    return this.left.has(name);
  }

  /** An array of that shape; zeros in its place where it is missing, which `done` tells. */
  take(name: string, shape: Shape): NdArray {
    const found = this.left.get(name);
    this.left.delete(name);
    if (!found) {
      this.missing.push(`${name} ${shapeText(shape)}`);
      return ndarray(shape, "f32", new Float32Array(shape.reduce((a, b) => a * b, 1)));
    }
    if (!sameShape(found.shape, shape)) {
      const wanted = `the config wants ${shapeText(shape)}`;
      throw new ChainruleError("file", `weights: "${name}" is ${shapeText(found.shape)}, ${wanted}`);
    }
    return found;
  }

  /** A matrix that the file holds as [in, out], as transformers' Conv1D does, turned to [out, in]. */
  takeTurned(name: string, [out, inputs]: readonly [number, number]): NdArray {
    return transpose(this.take(name, [inputs, out]));
  }

  put(name: string, value: NdArray): void {
    this.out.set(name, value);
  }

  /** Everything that was put. Throws naming what the file lacks, and what of it the net has no place for. */
  done(): ReadonlyMap<string, NdArray> {
    const list = (names: readonly string[]): string =>
      names.length > LISTED
        ? `${names.slice(0, LISTED).join(", ")} and ${names.length - LISTED} more`
        : names.join(", ");
    const strange = [...this.left.keys()];
    const parts = [
      ...(this.missing.length > 0 ? [`missing are ${list(this.missing)}`] : []),
      ...(strange.length > 0 ? [`the config has no place for ${list(strange)}`] : []),
    ];
    if (parts.length > 0) throw new ChainruleError("file", `weights: ${parts.join("; ")}`);
    return this.out;
  }
}

/** Matrices [out, in], or vectors, one below the other. */
export function below(parts: readonly NdArray[]): NdArray {
  const rows = parts.reduce((sum, a) => sum + a.shape[0]!, 0);
  const data = new Float32Array(parts.reduce((sum, a) => sum + a.data.length, 0));
  let at = 0;
  for (const { data: own } of parts) {
    data.set(own, at);
    at += own.length;
  }
  return ndarray([rows, ...parts[0]!.shape.slice(1)], "f32", data);
}
