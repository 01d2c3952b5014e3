import { useSignal } from "@preact/signals";
import type { FiniteDifferenceResult } from "../../check/finite-differences.ts";
import type { TensorCheck } from "../../check/gradients.ts";
import { short } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { report, show, shown } from "./state.ts";
import { say } from "./strings.ts";
import { placeText } from "./tokens.ts";

function Bound({ ratio, pass }: { ratio: number; pass: boolean }) {
  return (
    <span class={`bound ${pass ? "" : "over"}`}>
      <span class="bar" aria-hidden="true">
        <span style={{ width: `${Math.min(100, 100 * ratio)}%` }} />
      </span>
      {Number.isFinite(ratio) ? `${short(100 * ratio, 2)} %` : "∞"}
    </span>
  );
}

/** Where every place that was looked at lies on a kink, there is no slope to compare with. */
function differences({ pass, worst, checked, size }: FiniteDifferenceResult): string {
  if (!pass) return `✗ ${short(worst.analytic)} ≠ ${short(worst.numeric)}`;
  if (worst.index.length === 0) return say("onKinks");
  return checked === 0 ? `✓ ${say("direction")}` : `✓ ${checked} / ${size}`;
}

function Row({ tensor: t }: { tensor: TensorCheck }) {
  const { device: d, finite: f } = t;
  const worst = f && !f.pass ? f.worst.index : d ? d.worst.index : (f?.worst.index ?? []);
  return (
    <tr class={t.pass ? "" : "bad"} aria-current={shown.value?.name === t.name ? "true" : undefined}>
      <th scope="row">
        <button type="button" class="link" aria-label={say("show", { tensor: t.name })} onClick={() => show(t.name)}>
          {t.name}
        </button>
        {report.value?.layerOf[t.name] && <span class="of-layer">{report.value.layerOf[t.name]}</span>}
      </th>
      <td class="verdict">{t.pass ? `✓ ${say("right")}` : `✗ ${say("wrong")}`}</td>
      <td>{t.shape.join(" × ")}</td>
      <td>{d ? <Bound ratio={d.worstRatio} pass={d.pass} /> : say("fused")}</td>
      <td>{d ? short(d.maxAbsolute) : ""}</td>
      <td>{d ? short(d.maxRelative) : ""}</td>
      <td>{t.beside ? short(t.beside.maxRelative) : ""}</td>
      <td>{d ? d.cosine.toFixed(6) : ""}</td>
      <td>{f ? differences(f) : ""}</td>
      <td>{worst.length === 0 || worst[0] === -1 ? "" : placeText(t.name, worst, report.value!)}</td>
    </tr>
  );
}

/** Every tensor with what was found of it; what is wrong is always shown. */
export function TensorTable() {
  const gradientsOnly = useSignal(true);
  const r = report.value;
  if (!r) return null;
  const heads = [
    "tensor",
    "verdict",
    "shape",
    "ofBound",
    "maxError",
    "maxRelative",
    "cpuRelative",
    "cosine",
    "finite",
    "worst",
  ] as const;
  const rows = r.tensors.filter((t) => !gradientsOnly.value || t.kind === "gradient" || !t.pass);
  return (
    <Card
      title={say("tensors")}
      part="table"
      id="tensors"
      actions={
        <label class="inline">
          <input
            type="checkbox"
            checked={gradientsOnly.value}
            onChange={(e) => {
              gradientsOnly.value = e.currentTarget.checked;
            }}
          />
          {say("onlyGradients")}
        </label>
      }
    >
      <Scroll label={say("tensors")}>
        <table class="wide-table">
          <thead>
            <tr>
              {heads.map((h) => (
                <th key={h} scope="col" class={h === "verdict" ? "left" : ""}>
                  {say(h)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((t) => (
              <Row key={t.name} tensor={t} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
}
