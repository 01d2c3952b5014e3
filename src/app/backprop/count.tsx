import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { DirectionRow } from "../../bench/tutorial.ts";
import { count, short } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { engine } from "../state/engine.ts";
import { say } from "./strings.ts";

/** The same gradient from the front and backward: multiplications as layers and widths grow. */
export function CountCard() {
  const rows = useSignal<readonly DirectionRow[]>([]);
  useEffect(() => {
    engine.directions().then((found) => {
      rows.value = found;
    });
  }, []);
  const most = Math.max(1, ...rows.value.map((r) => r.forwardMode));
  const bar = (n: number, kind: string) => (
    <span class="bar" aria-hidden="true">
      <span class={kind} style={{ width: `${(100 * Math.log(n)) / Math.log(most)}%` }} />
    </span>
  );
  return (
    <Card title={say("count")} part="count" id="count">
      <p class="soft">{say("countText")}</p>
      <Scroll label={say("count")}>
        <table class="wide-table">
          <thead>
            <tr>
              {(["layers", "weights", "fromFront", "backwards", "times", "difference"] as const).map((h) => (
                <th key={h} scope="col">
                  {say(h)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.value.map((r) => (
              <tr key={`${r.layers}-${r.width}`}>
                <th scope="row">
                  {r.layers} × {r.width}
                </th>
                <td>{count(r.weights)}</td>
                <td>
                  {bar(r.forwardMode, "front")} {count(r.forwardMode)}
                </td>
                <td>
                  {bar(r.backward, "back")} {count(r.backward)}
                </td>
                <td>{short(r.forwardMode / r.backward)}</td>
                <td>{short(r.difference, 2)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
}
