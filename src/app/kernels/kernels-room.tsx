import { useEffect } from "preact/hooks";
import { short } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { adapter } from "../state/store.ts";
import { Editor } from "./editor.tsx";
import "./kernels.css";
import { choose, chosen, node, nodes, opened, time, timing, timings, whole } from "./state.ts";
import { say } from "./strings.ts";

function NodeTable() {
  const known = timings.value;
  const longest = Math.max(1e-9, ...[...known.values()].map((t) => t.ms ?? 0));
  return (
    <Scroll label={say("nodes")}>
      <table class="wide-table" id="nodes">
        <thead>
          <tr>
            <th scope="col">{say("node")}</th>
            <th scope="col" class="left">
              {say("kernel")}
            </th>
            <th scope="col">{say("dispatches")}</th>
            <th scope="col">{say("ms")}</th>
          </tr>
        </thead>
        <tbody>
          {nodes.value.map((n) => {
            const ms = known.get(n.id)?.ms ?? null;
            return (
              <tr key={n.id} aria-current={n.id === chosen.value ? "true" : undefined}>
                <th scope="row">
                  <button
                    type="button"
                    class="link"
                    aria-label={say("choose", { name: n.name })}
                    onClick={() => choose(n.id)}
                  >
                    {n.name}
                  </button>
                </th>
                <td class="left">
                  <code>{n.kernel}</code>
                </td>
                <td>{n.launches.length}</td>
                <td>
                  {ms !== null && (
                    <>
                      <span class="time-bar" aria-hidden="true">
                        <span style={{ width: `${(100 * ms) / longest}%` }} />
                      </span>{" "}
                      {short(ms)}
                    </>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

function Detail() {
  const n = node.value;
  if (!n) return null;
  return (
    <Card title={`${n.name} · ${n.kernel}`} id="kernel">
      <dl class="ends">
        <dt>{say("from")}</dt>
        <dd>{n.inputs.join(", ")}</dd>
        <dt>{say("to")}</dt>
        <dd>{n.outputs.join(", ")}</dd>
      </dl>
      <Editor />
      <h3>{say("ladder")}</h3>
      <p class="soft">
        {say("ladderIntro", { op: n.op })} <strong>{say(`how${n.how}`)}</strong>
      </p>
      <ol class="ladder" id="ladder">
        {n.rungs.map((r) => (
          <li key={r.name} class={r.state}>
            <code>{r.name}</code> {say(`rung${r.state}`)}
            {r.ms !== null && ` (${say("trial", { ms: short(r.ms) })})`}
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** A small net's steps are one kernel: then the list below says what it is made of. */
function Whole() {
  const code = whole.value;
  if (code === null || adapter.value?.kind !== "webgpu") return null;
  return (
    <details class="whole" id="whole">
      <summary>{say("whole", { lines: code.split("\n").length })}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <pre tabIndex={0}>{code}</pre>
    </details>
  );
}

/** The WGSL that trains this net: read it, time it, change it, and see what the X-ray says. */
export function KernelsRoom() {
  useEffect(opened, []);
  return (
    <>
      <Card
        title={say("title")}
        id="kernels"
        actions={
          <button
            type="button"
            id="time"
            disabled={timing.value || Boolean(adapter.value?.missing)}
            title={say("timeHow")}
            onClick={time}
          >
            {say(timing.value ? "timing" : "time")}
          </button>
        }
      >
        <p class="soft">{say("intro")}</p>
        <Whole />
        <NodeTable />
        {timings.value.size > 0 && <p class="soft">{say("timeHow")}</p>}
      </Card>
      <Detail />
    </>
  );
}
