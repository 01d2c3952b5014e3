import { countCeiling } from "../../shaders/ceilings.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { Launcher } from "../backend/webgpu/launcher.ts";
import { type Ceiling, type CeilingOptions, launch, whole } from "./ceiling.ts";
import { measure } from "./stats.ts";

/** Dispatches of a pass, and submits of a sample. */
const BATCH = 200;

/** What it costs to ask: a dispatch, a submit, waiting for the queue, four bytes read back. */
export async function* calls(gpu: WebGpuBackend, { signal, edit }: CeilingOptions): AsyncGenerator<Ceiling> {
  const launcher = new Launcher(gpu.gpu, [256]);
  let count = 0;
  try {
    const one = await launcher.prepare(
      launch(countCeiling(), [whole(0, "read_write")], null, 1, edit),
      "ceiling count",
    );
    const add = (n: number): void => {
      one(n);
      count += n;
    };
    const settled = async (): Promise<boolean> => (await launcher.read(0, 0, 1))[0] === count;
    const tests: readonly [Ceiling["name"], string, (n: number) => Promise<void>, number][] = [
      ["dispatch", "one dispatch among many of a pass", async (n) => repeat(n, () => add(BATCH)), BATCH],
      ["submit", "one submit of one dispatch, not waited for", async (n) => repeat(n * BATCH, () => add(1)), BATCH],
      [
        "done",
        "submit and await onSubmittedWorkDone",
        async (n) => {
          for (let i = 0; i < n; i++) {
            add(1);
            await launcher.done();
          }
        },
        1,
      ],
      [
        "readback",
        "submit and await a readback of 4 bytes",
        async (n) => {
          for (let i = 0; i < n; i++) {
            add(1);
            await launcher.read(0, 0, 1);
          }
        },
        1,
      ],
    ];
    for (const [name, what, work, each] of tests) {
      await work(1);
      let verified = await settled();
      const ms = verified
        ? await measure((n) => work(n).then(() => launcher.done()), { samples: 5, sampleMs: 40, signal })
        : null;
      verified &&= await settled();
      yield { name, what, verified, value: ms && verified ? (ms.median * 1000) / each : null, unit: "µs", ms };
    }
  } finally {
    launcher.dispose();
  }
}

function repeat(n: number, work: () => void): void {
  for (let i = 0; i < n; i++) work();
}
