import type { ComponentChildren } from "preact";
import type { BenchReport } from "../../bench/report.ts";
import type { Timing } from "../../bench/stats.ts";
import { percent, short } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { crossing, earlier } from "./state.ts";
import { type BenchKey, say } from "./strings.ts";

const spread = (t: Timing | null): string => (t ? `${short(t.median)} (${short(t.low, 2)}–${short(t.high, 2)})` : "–");
const figure = (v: number | null): string => (v === null ? "–" : short(v));

function Table(props: {
  word: BenchKey;
  id: string;
  heads: readonly BenchKey[];
  rows: readonly (readonly ComponentChildren[])[];
  note?: string;
}) {
  if (props.rows.length === 0) return null;
  return (
    <Card title={say(props.word)} id={props.id}>
      <Scroll label={say(props.word)}>
        <table class="wide-table">
          <thead>
            <tr>
              {props.heads.map((h) => (
                <th key={h} scope="col">
                  {say(h)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {props.rows.map(([first, ...cells], i) => (
              <tr key={i}>
                <th scope="row">{first}</th>
                {cells.map((c, k) => (
                  <td key={k}>{c}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {props.note && <p class="soft">{props.note}</p>}
    </Card>
  );
}

/** Every section that has rows, with the earlier run's times beside those of this one. */
export function Tables({ report: r }: { report: BenchReport }) {
  const old = earlier.value;
  const beside: readonly BenchKey[] = old ? ["before"] : [];
  const fma = r.ceilings.find((c) => c.name === "fma")?.value ?? null;
  return (
    <>
      <Table
        word="products"
        id="bench-products"
        heads={["product", "kernel", "gpuMs", "gpuRate", "share", ...beside, "cpuMs", "cpuRate"]}
        rows={r.products.map((p) => [
          p.name,
          p.verified ? p.kernel : say("wrong"),
          spread(p.gpuMs),
          figure(p.gflops),
          p.gflops !== null && fma !== null ? percent(p.gflops / fma, 0) : "–",
          ...(old ? [figure(old.products.find((o) => o.name === p.name)?.gpuMs?.median ?? null)] : []),
          spread(p.cpuMs),
          figure(p.cpuGflops),
        ])}
      />
      <Table
        word="convolutions"
        id="bench-convolutions"
        heads={["convolution", "kernel", "gpuMs", "gpuRate", "share", ...beside, "cpuMs", "cpuRate"]}
        rows={r.convolutions.map((c) => [
          c.name,
          c.verified ? c.kernel : say("wrong"),
          spread(c.gpuMs),
          figure(c.gflops),
          c.gflops !== null && fma !== null ? percent(c.gflops / fma, 0) : "–",
          ...(old ? [figure(old.convolutions.find((o) => o.name === c.name)?.gpuMs?.median ?? null)] : []),
          spread(c.cpuMs),
          figure(c.cpuGflops),
        ])}
        note={say("convForms")}
      />
      <Table
        word="steps"
        id="bench-steps"
        heads={["net", "batch", "backend", "stepMs", ...beside, "rate"]}
        rows={r.steps.map((s) => [
          s.name,
          s.batch,
          s.backend,
          s.verified ? spread(s.ms) : say("wrong"),
          ...(old ? [figure(old.steps.find((o) => o.name === s.name && o.kind === s.kind)?.ms?.median ?? null)] : []),
          figure(s.stepsPerSecond),
        ])}
      />
      <Table
        word="crossover"
        id="bench-crossover"
        heads={["width", "gpuMs", "cpuMs", "ratio"]}
        rows={r.crossover.map((c) => [
          c.width,
          c.verified ? figure(c.gpuMs) : say("wrong"),
          c.verified ? figure(c.cpuMs) : say("wrong"),
          c.gpuMs !== null && c.cpuMs !== null ? short(c.cpuMs / c.gpuMs) : "–",
        ])}
        note={crossing.value === null ? say("crossNone") : say("crossAt", { width: crossing.value })}
      />
      <Table
        word="ceilings"
        id="bench-ceilings"
        heads={["ceiling", "measured", "sample"]}
        rows={r.ceilings.map((c) => [
          say(`limit${c.name}`),
          c.verified ? `${figure(c.value)} ${c.unit}` : say("wrong"),
          spread(c.ms),
        ])}
      />
      <Table
        word="logging"
        id="bench-logging"
        heads={["net", "backend", "overhead"]}
        rows={r.logging.map((l) => [l.name, l.backend, percent(l.overhead)])}
      />
    </>
  );
}
