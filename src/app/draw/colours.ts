import { dark } from "../state/theme.ts";

export type Rgb = readonly [number, number, number];

/** Okabe and Ito's colours: told apart with any colour vision. Classes and kept runs have them. */
export const palette: readonly Rgb[] = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [213, 94, 0],
  [148, 130, 20],
  [120, 120, 120],
  [110, 60, 160],
  [150, 80, 50],
];

export const css = ([r, g, b]: Rgb, alpha = 1): string => `rgb(${r} ${g} ${b} / ${alpha})`;
export const classColour = (i: number): Rgb => palette[i % palette.length]!;

const linear = (v: number): number => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const gamma = (v: number): number =>
  Math.round(255 * Math.min(1, Math.max(0, v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055)));

/** Björn Ottosson's OKLab: equal steps in it look equal, so no value of a map stands out by its colour. */
function toOklab([r, g, b]: Rgb): Rgb {
  const [R, G, B] = [linear(r), linear(g), linear(b)];
  const l = Math.cbrt(0.4122214708 * R + 0.5363325363 * G + 0.0514459929 * B);
  const m = Math.cbrt(0.2119034982 * R + 0.6806995451 * G + 0.1073969566 * B);
  const s = Math.cbrt(0.0883024619 * R + 0.2817188376 * G + 0.6299787005 * B);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([L, a, b]: Rgb): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** Ends and middles of the diverging map: blue is below zero, orange above; the middle is the card's own ground. */
const BLUE: Rgb = [16, 88, 168];
const ORANGE: Rgb = [214, 96, 8];
const middles = { light: [252, 252, 250], dark: [30, 33, 39] } as const;
const brighter = {
  light: [BLUE, ORANGE],
  dark: [
    [92, 168, 242],
    [250, 158, 66],
  ],
} as const;
const STEPS = 256;

function makeMap(scheme: "light" | "dark"): Uint8Array {
  const [low, high] = brighter[scheme].map(toOklab) as unknown as readonly [Rgb, Rgb];
  const middle = toOklab(middles[scheme]);
  const table = new Uint8Array(3 * (STEPS + 1));
  for (let i = 0; i <= STEPS; i++) {
    const v = (2 * i) / STEPS - 1;
    const end = v < 0 ? low : high;
    const share = Math.abs(v);
    table.set(fromOklab(middle.map((c, k) => c + share * (end[k]! - c)) as unknown as Rgb), 3 * i);
  }
  return table;
}

const maps: { light?: Uint8Array; dark?: Uint8Array } = {};

/** The colour of v in [-1, 1]; what is not finite is magenta, which is nothing's colour. */
export function diverging(v: number): Rgb {
  if (!Number.isFinite(v)) return [220, 0, 160];
  const scheme = dark.value ? "dark" : "light";
  maps[scheme] ??= makeMap(scheme);
  const at = 3 * Math.round(((Math.max(-1, Math.min(1, v)) + 1) / 2) * STEPS);
  const map = maps[scheme];
  return [map[at]!, map[at + 1]!, map[at + 2]!];
}

/** A colour of the style sheet as a canvas takes it: resolved for the scheme that is on. */
export function token(name: string): string {
  probe ??= document.body.appendChild(Object.assign(document.createElement("i"), { hidden: true }));
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
let probe: HTMLElement | null = null;
