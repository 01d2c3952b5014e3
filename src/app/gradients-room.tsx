import type { TensorCheck } from "../check/gradients.ts";
import { checking, checkNow, report, step, t } from "./store.ts";

const short = (v: number): string => (v === 0 ? "0" : Math.abs(v) >= 1e-3 && Math.abs(v) < 1e5 ? v.toPrecision(3) : v.toExponential(1));

function Row({ tensor }: { tensor: TensorCheck }) {
  const { device: d, finite: f } = tensor;
  const worst = f && !f.pass ? f.worst.index : d ? d.worst.index : (f?.worst.index ?? []);
  const share = d ? Math.min(1, d.worstRatio) : 0;
  return (
    <tr class={tensor.pass ? "" : "bad"}>
      <th scope="row">{tensor.name}</th>
      <td>{tensor.shape.join(" × ")}</td>
      <td>{d ? short(d.maxAbsolute) : t.value("fused")}</td>
      <td>{d ? short(d.maxRelative) : ""}</td>
      <td>
        {d && (
          <span class="bar">
            <progress value={share} max={1} aria-label={t.value("ofBound")} /> {(100 * d.worstRatio).toPrecision(2)} %
          </span>
        )}
      </td>
      <td>{d ? short(d.normRelative) : ""}</td>
      <td>{d ? d.cosine.toFixed(7) : ""}</td>
      <td>{f ? (f.pass ? `✓ ${f.checked} / ${f.size}` : `✗ ${short(f.worst.analytic)} ≠ ${short(f.worst.numeric)}`) : ""}</td>
      <td>{worst[0] === -1 ? "" : `[${worst.join(", ")}]`}</td>
      <td class="verdict">{tensor.pass ? `✓ ${t.value("right")}` : `✗ ${t.value("wrong")}`}</td>
    </tr>
  );
}

/** The three-way check of the user's own net at this very step. */
export function GradientsRoom() {
  const r = report.value;
  const heads = ["tensor", "shape", "maxAbsolute", "maxRelative", "ofBound", "norm", "cosine", "differences", "worst", "verdict"] as const;
  return (
    <section class="card">
      <p>{t.value("checkIntro")}</p>
      <div class="buttons">
        <button type="button" class="primary" id="check" disabled={checking.value} onClick={checkNow}>
          {checking.value ? t.value("checking") : t.value("check")}
        </button>
        <span class="soft">
          {t.value("stepCount")} {step.value}
        </span>
      </div>
      {r && (
        <>
          <p id="verdict" class={r.pass ? "good-text" : "bad-text"} role="status">
            {r.pass ? `✓ ${t.value("allRight")}` : r.firstDivergent ? `✗ ${t.value("goesWrong")} ${r.firstDivergent}` : t.value("nothingShown")}
          </p>
          <div class="scroll" tabIndex={0} role="region" aria-label={t.value("gradients")}>
            <table>
              <thead>
                <tr>
                  {heads.map((h) => (
                    <th key={h} scope="col">
                      {t.value(h)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {r.tensors
                  .filter((x) => x.kind === "gradient" || !x.pass)
                  .map((x) => (
                    <Row key={x.name} tensor={x} />
                  ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}
