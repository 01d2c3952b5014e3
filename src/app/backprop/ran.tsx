import { useSignal } from "@preact/signals";
import { short } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { engine } from "../state/engine.ts";
import { adapter, enqueue } from "../state/store.ts";
import type { RanKernel } from "../worker/ran-kernels.ts";
import { story } from "./state.ts";
import { say } from "./strings.ts";

/** The kernels of this row's step on the device, with what they computed and how long they take. */
export function RanCard() {
  const rows = useSignal<readonly RanKernel[]>([]);
  const busy = useSignal(false);
  const without = adapter.value?.missing;
  const ask = () => {
    busy.value = true;
    enqueue(async () => {
      try {
        rows.value = await engine.ranKernels(story.value?.row ?? 0);
      } finally {
        busy.value = false;
      }
    });
  };
  return (
    <Card
      title={say("kernels")}
      id="ran"
      actions={
        <button type="button" id="run-kernels" disabled={busy.value || Boolean(without)} onClick={ask}>
          {say("runKernels")}
        </button>
      }
    >
      <p class="soft">{without ? say("noGpu") : say("kernelsText")}</p>
      {rows.value.length > 0 && (
        <Scroll label={say("kernels")}>
          <table class="wide-table">
            <thead>
              <tr>
                <th scope="col">{say("makes")}</th>
                <th scope="col" class="left">
                  {say("kernel")}
                </th>
                <th scope="col" class="left">
                  {say("values")}
                </th>
                <th scope="col">{say("ms")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.value.map((r) => (
                <tr key={r.name}>
                  <th scope="row">{r.name}</th>
                  <td class="left">
                    <code>{r.kernel}</code>
                  </td>
                  <td class="left">
                    {r.values.map((v) => short(v)).join("  ")}
                    {r.size > r.values.length ? " …" : ""}
                  </td>
                  <td>{r.ms === null ? "–" : short(r.ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  );
}
