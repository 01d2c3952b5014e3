import fc from "fast-check";
import { ndarray } from "../../../src/core/ndarray.ts";
import { encodeCheckpoint } from "../../../src/io/checkpoint/checkpoint.ts";
import { sampleCheckpoint, signed } from "../../shared/checkpoint.ts";
import { mutations, randomBytes, textMutations } from "./fuzz.ts";
import { safetensorsFile } from "./safetensors-file.ts";

/** A small sound checkpoint with everything that one may hold: an average, a curve, names and lists beside the state. */
export const soundCheckpoint = encodeCheckpoint({
  ...sampleCheckpoint(),
  state: { ...sampleCheckpoint().state, average: new Map([["0.weight", ndarray([1], "f32", [7])]]) },
  extra: {
    curve: ndarray([2, 2], "f64", [1, Number.NaN, 3, 4]),
    names: ["a", { b: null }],
    best: new Map([["m", 0.1]]),
  },
});

/** Its header as text, and the values behind it. */
const headerEnd = 8 + Number(new DataView(soundCheckpoint.buffer).getBigUint64(0, true));
const header = new TextDecoder().decode(soundCheckpoint.subarray(8, headerEnd)).trimEnd();
const values = [...soundCheckpoint.subarray(headerEnd)];

/** A file of that header, whose length is made right, with a right checksum at its end. */
const withHeader = (text: string): Uint8Array => signed(safetensorsFile(text, values));

/** `valid` with some of its bits flipped and nothing else. */
const flips = (valid: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc.array(fc.nat(8 * valid.length - 1), { minLength: 1, maxLength: 4 }).map((bits) => {
    const out = valid.slice();
    for (const bit of bits) out[bit >> 3]! ^= 1 << (bit & 7);
    return out;
  });

/** `valid` cut at any place. */
const cuts = (valid: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc.nat(valid.length).map((length) => valid.slice(0, length));

/** One of the metadata's texts changed, as the outline that it is, in a header that is sound otherwise. */
const outlines = (): fc.Arbitrary<Uint8Array> => {
  const parsed = JSON.parse(header) as { __metadata__: Record<string, string> };
  const names = Object.keys(parsed.__metadata__).filter((name) => name !== "format");
  const changed = names.map((name) =>
    fc
      .oneof(textMutations(parsed.__metadata__[name]!), fc.json({ maxDepth: 4 }))
      .map((text) => withHeader(JSON.stringify({ ...parsed, __metadata__: { ...parsed.__metadata__, [name]: text } }))),
  );
  return fc.oneof(...changed);
};

/** Every one of the metadata's texts another, and no array but the checksum. */
const strangers = (): fc.Arbitrary<Uint8Array> => {
  const json = fc.json({ maxDepth: 4 });
  return fc.record({ generation: json, state: json, run: json, device: json, extra: json }).map((parts) => {
    const metadata = { format: "chainrule checkpoint", format_version: "1", ...parts };
    const checksum = { dtype: "U32", shape: [1], data_offsets: [0, 4] };
    return signed(safetensorsFile(JSON.stringify({ __metadata__: metadata, checksum }), [0, 0, 0, 0]));
  });
};

/** A generation of any size, so that of two hostile slots either may be the newer. */
const generations = (): fc.Arbitrary<Uint8Array> =>
  fc
    .oneof(fc.maxSafeNat(), fc.double(), fc.constantFrom(0, -1, 1e300))
    .map((n) => withHeader(header.replace('"generation":"3"', `"generation":"${n}"`)));

/** Whatever may lie where a checkpoint is looked for: random bytes, damaged ones, and edits with a checksum that fits. */
export const hostileCheckpoints = (): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    randomBytes(),
    flips(soundCheckpoint),
    cuts(soundCheckpoint),
    mutations(soundCheckpoint),
    flips(soundCheckpoint).map(signed),
    cuts(soundCheckpoint).map(signed),
    mutations(soundCheckpoint).map(signed),
    { weight: 3, arbitrary: textMutations(header).map(withHeader) },
    { weight: 3, arbitrary: outlines() },
    strangers(),
    generations(),
  );
