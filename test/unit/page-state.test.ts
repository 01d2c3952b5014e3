import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Curve, CurveRecorder, smoothing } from "../../src/app/state/curve.ts";
import { hiddenTypes, netText, newLayer, parseNet } from "../../src/app/state/net.ts";
import { devices, faults, presetNames, settingsFor, withFault } from "../../src/app/state/settings.ts";
import { fromHash, MAX_LENGTH, parts, rooms, toHash } from "../../src/app/state/url.ts";
import { optimizerNames } from "../../src/ops/names.ts";

const net = fc.array(
  fc.tuple(fc.constantFrom(...hiddenTypes), fc.integer({ min: 1, max: 8192 })).map(([t, w]) => newLayer(t, w)),
  { maxLength: 40 },
);

describe("a link", () => {
  test("gives back the state that it was made of, and is never too long", () => {
    const state = fc.record({
      room: fc.constantFrom(...rooms),
      hidden: fc.subarray([...parts]),
      graph: fc.constant(null),
      settings: fc.record({
        data: fc.constantFrom(...presetNames),
        net,
        bias: fc.boolean(),
        graph: fc.constant(null),
        optimizer: fc.constantFrom(...optimizerNames),
        lr: fc.double({ min: 1e-9, max: 100, noNaN: true }),
        batch: fc.oneof(fc.constant("full" as const), fc.integer({ min: 1, max: 65536 })),
        seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        device: fc.constantFrom(...devices),
        fault: fc.constant("none" as const),
      }),
    });
    fc.assert(
      fc.property(state, (given) => {
        const hash = toHash(given);
        expect(hash.length).toBeLessThan(MAX_LENGTH);
        expect(fromHash(hash)).toEqual(given);
      }),
    );
  });

  test("with a fault gives the settings that the fault needs", () => {
    for (const fault of faults) {
      const settings = withFault(settingsFor("spirals"), fault, null);
      expect(fromHash(toHash({ room: "gradients", settings, graph: null, hidden: [] })).settings).toEqual(settings);
    }
  });

  test("named after what every object has is no preset's", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      const { settings, graph } = fromHash(`#model=${name}&net=${name}&data=${name}`);
      expect([settings.data, graph]).toEqual(["spirals", name]);
    }
  });

  test("of any rubbish is a state that can be trained", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.string(), (text, value) => {
        for (const hash of [`#${text}`, `#v=2&net=${value}&model=${value}&lr=${value}&seed=${value}&data=${value}`]) {
          const { settings } = fromHash(hash);
          expect(settings.lr).toBeGreaterThan(0);
          expect(presetNames).toContain(settings.data);
          expect(parseNet(netText(settings.net))).toEqual(settings.net);
        }
      }),
    );
  });
});

describe("a curve", () => {
  const recorded = (losses: readonly number[], flushEvery: number): Curve => {
    const recorder = new CurveRecorder();
    const curve = new Curve();
    losses.forEach((loss, i) => {
      recorder.add({ step: i + 1, loss, gradientNorm: 1, learningRate: 0.1 });
      if ((i + 1) % flushEvery === 0) curve.add(recorder.flush());
    });
    curve.add(recorder.flush());
    return curve;
  };

  test("of any length is bounded, evenly spaced, and true to the steps that it keeps", () => {
    const losses = Array.from({ length: 50_000 }, (_, i) => Math.sin(i));
    const curve = recorded(losses, 777);
    expect(curve.steps.length).toBeLessThanOrEqual(4000);
    expect(curve.steps.length).toBeGreaterThan(1500);
    const stride = curve.steps[1]! - curve.steps[0]!;
    curve.steps.forEach((step, i) => {
      expect(step).toBe(1 + i * stride);
      expect(curve.losses[i]).toBe(losses[step - 1]);
    });
  });

  test("goes on from a record as if nothing had been, thinned ones too; a record of another kind begins anew", () => {
    const losses = Array.from({ length: 11_000 }, (_, i) => Math.cos(i) + i / 1000);
    const add = (r: CurveRecorder, from: number, to: number): void => {
      for (let i = from; i < to; i++) r.add({ step: i + 1, loss: losses[i]!, gradientNorm: 1, learningRate: 0.1 });
    };
    for (const cut of [1, 3999, 4000, 9001]) {
      const first = new CurveRecorder();
      add(first, 0, cut);
      const second = CurveRecorder.from(first.record());
      add(second, cut, losses.length);
      const curve = new Curve();
      curve.add(second.flush());
      expect(curve, `${cut}`).toEqual(recorded(losses, 501));
      expect([second.first, second.lastLoss]).toEqual([losses[0], losses.at(-1)]);
    }
    const other = CurveRecorder.from({ numbers: new Float64Array(3), points: new Float64Array(5) });
    expect([other.lastLoss, other.flush().points.length]).toEqual([null, 0]);
  });

  test("is smoothed over every step, not over those that are left", () => {
    // Ones at even steps only: what is kept are odd ones, whose own mean is 0.
    const curve = recorded(
      Array.from({ length: 20_000 }, (_, i) => i % 2),
      1000,
    );
    expect(new Set(curve.losses)).toEqual(new Set([0]));
    expect(curve.levels[smoothing.indexOf(0.99)]!.at(-1)).toBeCloseTo(0.5, 2);
  });
});
