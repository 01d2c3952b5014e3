import type { BenchReport } from "../../bench/report.ts";
import { classColour, css, token } from "../draw/colours.ts";
import { type Line, Plot } from "../draw/plot.tsx";
import { Card } from "../shell/card.tsx";
import { earlier, version } from "./state.ts";
import { say } from "./strings.ts";

const dots = { width: 1.5, points: true } as const;

function rateLines(r: BenchReport): readonly Line[] {
  const square = (from: BenchReport, form: string) =>
    from.products.filter((p) => p.form === form && p.M === p.N && p.N === p.K);
  const of = (from: BenchReport, form: string, colour: string, label: string, dash?: number[]): Line => {
    const rows = square(from, form);
    return { ...dots, label, colour, x: rows.map((p) => p.N), y: rows.map((p) => p.gflops), ...(dash ? { dash } : {}) };
  };
  const forms = [
    ["NN", css(classColour(0)), "x W"],
    ["NT", css(classColour(2)), "dy Wᵀ"],
    ["TN", css(classColour(3)), "xᵀ dy"],
  ] as const;
  const cpu = square(r, "NN");
  const fma = r.ceilings.find((c) => c.name === "fma")?.value ?? null;
  const old = earlier.value;
  return [
    ...forms.map(([form, colour, label]) => of(r, form, colour, `${say("gpu")} ${label}`)),
    {
      ...dots,
      label: `${say("cpu")} x W`,
      colour: token("--warm"),
      x: cpu.map((p) => p.N),
      y: cpu.map((p) => p.cpuGflops),
    },
    ...(fma === null || cpu.length === 0
      ? []
      : [
          {
            label: say("limit"),
            colour: token("--text-soft"),
            width: 1,
            dash: [2, 4],
            x: cpu.map((p) => p.N),
            y: cpu.map(() => fma),
          },
        ]),
    ...(old ? [of(old, "NN", css(classColour(0)), say("was", { name: `${say("gpu")} x W` }), [6, 4])] : []),
  ];
}

function stepLines(r: BenchReport): readonly Line[] {
  const lines = (from: BenchReport, dash: number[] | null): Line[] =>
    (["gpu", "cpu"] as const).map((kind) => ({
      ...dots,
      label: dash ? say("was", { name: say(kind) }) : say(kind),
      colour: kind === "gpu" ? token("--accent") : token("--warm"),
      x: from.crossover.map((c) => c.width),
      y: from.crossover.map((c) => (kind === "gpu" ? c.gpuMs : c.cpuMs)),
      ...(dash ? { dash } : {}),
    }));
  return [...lines(r, null), ...(earlier.value ? lines(earlier.value, [6, 4]) : [])];
}

/** Rates and times over the width, logarithmic both ways. */
export function Plots({ report }: { report: BenchReport }) {
  const both = { height: 260, x: say("widthAxis"), logX: true, logY: true, version };
  return (
    <div class="bench-plots">
      {report.products.length > 0 && (
        <Card title={say("plotRate")} id="plot-rate">
          <Plot {...both} label={say("plotRate")} lines={() => rateLines(report)} />
        </Card>
      )}
      {report.crossover.length > 0 && (
        <Card title={say("plotStep")} id="plot-step">
          <Plot {...both} label={say("plotStep")} lines={() => stepLines(report)} />
        </Card>
      )}
    </div>
  );
}
