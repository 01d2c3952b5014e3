import { cpuBackend } from "../../../src/backend/cpu.ts";
import type { Backend } from "../../../src/backend/executor.ts";
import { webgpuBackend } from "../../../src/backend/webgpu/backend.ts";
import { convolutionGraph } from "../../../src/bench/convolution-problem.ts";
import { productGraph } from "../../../src/bench/matmul.ts";
import type { Graph, Tensor } from "../../../src/graph/graph.ts";
import { createTrainer } from "../../../src/train/create-trainer.ts";
import { attentionGraph } from "../attention.ts";
import { trained } from "../problem.ts";
import type { Contestant, ResultSession } from "./contestant.ts";

/** Chainrule: a trainer over the whole batch, n steps a call, the loss ring read once at the end. */
export async function openChainrule(device: "webgpu" | "cpu"): Promise<Contestant> {
  const backend: Backend = device === "webgpu" ? await webgpuBackend(navigator.gpu) : await cpuBackend();
  return {
    description: `Chainrule, ${backend.description}`,
    async train({ model, optimizer }, { x, y, arrays: weights }) {
      const options = { model, data: { x, y }, batch: "full", optimizer, weights } as const;
      const trainer = await createTrainer(backend, options);
      let loss = Number.NaN;
      return {
        async run(n) {
          for await (const metrics of trainer.run({ steps: n, logEvery: n })) loss = metrics.loss;
        },
        async state() {
          return { loss, weights: [...trained(model, await trainer.parameters()).values()].map((w) => w.data) };
        },
        dispose: () => trainer.dispose(),
      };
    },
    async multiply(task, a, b) {
      const { graph, c } = productGraph(task, a, b);
      return result(backend, graph, c);
    },
    async convolve(task, operands) {
      const { graph, result: value } = convolutionGraph(task, operands);
      return result(backend, graph, value);
    },
    async attend(task, operands) {
      const { graph, result: value } = attentionGraph(task, operands);
      return result(backend, graph, value);
    },
  };
}

async function result(backend: Backend, graph: Graph, value: Tensor): Promise<ResultSession> {
  const executor = await backend.compile(graph);
  return {
    run: async (n) => void (await executor.run(n)),
    result: async () => (await executor.run(0, [value]))[0]!,
    dispose: () => executor.dispose(),
  };
}
