import { cpuBackend } from "../../../src/backend/cpu.ts";
import type { Backend } from "../../../src/backend/executor.ts";
import { webgpuBackend } from "../../../src/backend/webgpu/backend.ts";
import { productGraph } from "../../../src/bench/matmul.ts";
import { createTrainer } from "../../../src/train/create-trainer.ts";
import { modelOf } from "../tasks.ts";
import type { Contestant } from "./contestant.ts";

/** Chainrule: a trainer over the whole batch, n steps a call, the loss ring read once at the end. */
export async function openChainrule(device: "webgpu" | "cpu"): Promise<Contestant> {
  const backend: Backend = device === "webgpu" ? await webgpuBackend(navigator.gpu) : await cpuBackend();
  return {
    description: `Chainrule, ${backend.description}`,
    async train(task, { x, y, weights }) {
      const { optimizer } = task;
      const options = { model: modelOf(task), data: { x, y }, batch: "full", optimizer, weights } as const;
      const trainer = await createTrainer(backend, options);
      let loss = Number.NaN;
      return {
        async run(n) {
          for await (const metrics of trainer.run({ steps: n, logEvery: n })) loss = metrics.loss;
        },
        async state() {
          return { loss, weights: [...(await trainer.parameters()).values()].map((w) => w.data) };
        },
        dispose: () => trainer.dispose(),
      };
    },
    async multiply(task, a, b) {
      const { graph, c } = productGraph(task, a, b);
      const executor = await backend.compile(graph);
      return {
        run: async (n) => void (await executor.run(n)),
        result: async () => (await executor.run(0, [c]))[0]!,
        dispose: () => executor.dispose(),
      };
    },
  };
}
