import { useSignal } from "@preact/signals";
import type { BenchRow } from "../bench/matmul.ts";
import type { Timing } from "../bench/stats.ts";
import type { StepRow } from "../bench/step.ts";
import { adapter, benchEvents, benching, cancelBenchmark, startBenchmark, t } from "./store.ts";

const widths = [128, 256, 512, 1024, 2048, 4096, 8192] as const;

const round = (v: number, digits: number): string => Number(v.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits });
const time = (v: Timing | null): string => (v ? `${round(v.median, 3)} (${round(v.low, 2)}–${round(v.high, 2)})` : "–");
const rate = (v: number | null): string => (v === null ? "–" : round(v, 3));

/** Both tables as Markdown, with the adapter. */
function markdown(products: readonly BenchRow[], steps: readonly StepRow[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    `Adapter: ${adapter.value?.description ?? ""}`,
    "",
    row(["product M x N x K", "kernel", "GPU ms", "GFLOP/s", "CPU ms", "GFLOP/s"]),
    row(["---", "---", "---", "---", "---", "---"]),
    ...products.map((p) => row([p.name, p.kernel, time(p.gpuMs), rate(p.gflops), time(p.cpuMs), rate(p.cpuGflops)])),
    "",
    row(["training step", "batch", "backend", "ms", "steps/s"]),
    row(["---", "---", "---", "---", "---"]),
    ...steps.map((s) => row([s.name, String(s.batch), s.backend, time(s.ms), rate(s.stepsPerSecond)])),
  ].join("\n");
}

/** Products and training steps on GPU and CPU, each verified before it is timed. */
export function BenchRoom() {
  const max = useSignal(256);
  const copied = useSignal(false);
  const products = benchEvents.value.flatMap((e) => ("product" in e ? [e.product] : []));
  const steps = benchEvents.value.flatMap((e) => ("step" in e ? [e.step] : []));
  const copy = async () => {
    await navigator.clipboard.writeText(markdown(products, steps));
    copied.value = true;
  };
  return (
    <section class="card">
      <p>{t.value("benchIntro")}</p>
      <div class="buttons">
        <label class="inline">
          {t.value("maxWidth")}
          <select value={max.value} onChange={(e) => (max.value = Number(e.currentTarget.value))}>
            {widths.map((w) => (
              <option key={w} value={w}>
                {w}
              </option>
            ))}
          </select>
        </label>
        {benching.value ? (
          <button type="button" id="bench-cancel" onClick={cancelBenchmark}>
            {t.value("cancel")}
          </button>
        ) : (
          <button type="button" id="bench-run" class="primary" onClick={() => startBenchmark(max.value)}>
            {t.value("run")}
          </button>
        )}
        {products.length > 0 && !benching.value && (
          <button type="button" onClick={copy}>
            {copied.value ? t.value("copied") : t.value("copy")}
          </button>
        )}
        <span class="soft" role="status">
          {benching.value ? `${t.value("running")} ${benchEvents.value.length}` : ""}
        </span>
      </div>
      {products.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t.value("product")}>
          <table>
            <thead>
              <tr>
                {[t.value("product"), t.value("kernel"), t.value("gpuMs"), "GFLOP/s", t.value("cpuMs"), "GFLOP/s"].map((h, i) => (
                  <th key={i} scope="col">
                    {h}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {products.map((p) => (
                <tr key={p.name} class={p.verified ? "" : "bad"}>
                  <th scope="row">{p.name}</th>
                  <td>{p.verified ? p.kernel : `${p.kernel}: ${t.value("wrong")}`}</td>
                  <td>{time(p.gpuMs)}</td>
                  <td>{rate(p.gflops)}</td>
                  <td>{time(p.cpuMs)}</td>
                  <td>{rate(p.cpuGflops)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {steps.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t.value("trainingStep")}>
          <table>
            <thead>
              <tr>
                {[t.value("trainingStep"), t.value("batch"), t.value("backend"), "ms", t.value("perSecond")].map((h) => (
                  <th key={h} scope="col">
                    {h}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {steps.map((s) => (
                <tr key={s.name + s.backend} class={s.verified ? "" : "bad"}>
                  <th scope="row">{s.name}</th>
                  <td>{s.batch}</td>
                  <td>{s.backend}</td>
                  <td>{s.verified ? time(s.ms) : t.value("wrong")}</td>
                  <td>{rate(s.stepsPerSecond)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
