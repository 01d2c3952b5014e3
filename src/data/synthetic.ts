import { ChainruleError } from "../core/errors.ts";
import { ndarray } from "../core/ndarray.ts";
import { normals, STREAM, uniforms } from "../core/philox.ts";
import type { Dataset } from "./dataset.ts";

export interface SyntheticOptions {
  readonly seed: number;
  /** Rows, spread evenly over the classes and dealt in turn: row i has class i mod classes. */
  readonly n: number;
  /** Standard deviation of the normal noise on both coordinates. */
  readonly noise?: number;
  /** Which of the seed's separate draws: 0 to train (the default), 1 to test. */
  readonly draw?: number;
}

/** Past this a plane of points teaches nothing more. */
const MOST_ROWS = 1_000_000;

/**
 * One row, four inputs and four targets: the vector-to-vector regression of the tutorial that Chainrule began with.
 * The published text prints losses but not its numbers, so these are ours, chosen to meet the one figure that decides:
 * the squared norm of the target is 0.01 + 0.09 + 0.25 + 0.49 = 0.84, the loss that the tutorial's code climbs to when its last
 * gradient is 2p in place of 2(p - target).
 */
export function tutorialData(): Dataset {
  return {
    name: "tutorial",
    x: ndarray([1, 4], "f32", [0.1, 0.2, 0.3, 0.4]),
    y: ndarray([1, 4], "f32", [0.1, 0.3, 0.5, 0.7]),
    source: "made for Chainrule",
  };
}

/**
 * The corners of the unit square, class = exclusive or of the coordinates. n = 4 is the truth table; more rows
 * have noise 0.15 unless told otherwise.
 */
export function xorData(options: SyntheticOptions): Dataset {
  // Row i is corner i mod 4 in the order 00, 01, 11, 10, so that the classes alternate: 0, 1, 0, 1.
  const corner = (i: number): [number, number] => [(i >> 1) & 1, ((i >> 1) ^ i) & 1];
  if (options.n < 4) throw new ChainruleError("value", `"xor" needs n of at least 4 rows, got ${options.n}`);
  return plane("xor", ["0", "1"], { noise: options.n > 4 ? 0.15 : 0, ...options }, corner);
}

/** Two circles around the origin, of radius 1 (class 0) and 0.5 (class 1). Noise 0.1. */
export function circlesData(options: SyntheticOptions): Dataset {
  return plane("circles", ["outer", "inner"], { noise: 0.1, ...options }, (_, label, u) => {
    const radius = label === 0 ? 1 : 0.5;
    return [radius * Math.cos(2 * Math.PI * u), radius * Math.sin(2 * Math.PI * u)];
  });
}

/** Two interleaved half circles of radius 1, the lower one shifted by (1, 0.5). Noise 0.1. */
export function moonsData(options: SyntheticOptions): Dataset {
  return plane("moons", ["upper", "lower"], { noise: 0.1, ...options }, (_, label, u) => {
    const [cos, sin] = [Math.cos(Math.PI * u), Math.sin(Math.PI * u)];
    return label === 0 ? [cos, sin] : [1 - cos, 0.5 - sin];
  });
}

/** Two or three arms that wind 1.25 times around the origin, out to radius 1. Noise 0.02. */
export function spiralsData(options: SyntheticOptions & { readonly classes?: 2 | 3 }): Dataset {
  const arms = options.classes ?? 3;
  if (arms !== 2 && arms !== 3) throw new ChainruleError("value", `spirals have 2 or 3 classes, got ${arms}`);
  const names = ["first", "second", "third"].slice(0, arms);
  return plane("spirals", names, { noise: 0.02, ...options }, (_, label, u) => {
    const angle = 2 * Math.PI * (1.25 * u + label / arms);
    return [u * Math.cos(angle), u * Math.sin(angle)];
  });
}

/** Where the row's point lies before noise, given its index, its class and a uniform number in [0, 1). */
type Place = (row: number, label: number, u: number) => readonly [number, number];

/** x f32 [n, 2], y i32 [n]. Uniforms are step 2 * draw of the data stream, the noise is step 2 * draw + 1. */
function plane(name: string, classes: readonly string[], options: SyntheticOptions, place: Place): Dataset {
  const { n, seed, noise = 0, draw = 0 } = options;
  if (!Number.isInteger(n) || n < classes.length || n > MOST_ROWS) {
    throw new ChainruleError("value", `"${name}" needs n from ${classes.length} to ${MOST_ROWS} rows, got ${n}`);
  }
  if (!(noise >= 0 && noise <= 10)) throw new ChainruleError("value", `noise must be from 0 to 10, got ${noise}`);
  const u = uniforms(seed, STREAM.data, 2 * draw, n);
  const z = normals(seed, STREAM.data, 2 * draw + 1, 2 * n);
  const x = new Float32Array(2 * n);
  const y = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const label = i % classes.length;
    const [a, b] = place(i, label, u[i]!);
    x[2 * i] = a + noise * z[2 * i]!;
    x[2 * i + 1] = b + noise * z[2 * i + 1]!;
    y[i] = label;
  }
  return {
    name,
    x: ndarray([n, 2], "f32", x),
    y: ndarray([n], "i32", y),
    classes,
    features: ["x1", "x2"],
    source: `drawn from seed ${seed}`,
  };
}
