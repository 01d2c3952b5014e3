import { useRef } from "preact/hooks";
import { adapter } from "../state/store.ts";
import { edited, launch, node, original, outcome, recompile, restore, working } from "./state.ts";
import { say } from "./strings.ts";

/** What came of the last edit, in a line; errors a line each. */
function Result() {
  const o = outcome.value;
  if (!o) return <p class="soft">{edited.value === null ? say("unchanged") : ""}</p>;
  if (o.kind === "errors") {
    return (
      <div class="result bad" id="kernel-errors" role="alert">
        <p>{say("errors")}</p>
        <ul>
          {o.errors.map((e, i) => (
            <li key={i}>{say("line", { line: e.line, message: e.message })}</li>
          ))}
        </ul>
      </div>
    );
  }
  return (
    <p class={`result ${o.kind === "wrong" ? "bad" : "good"}`} id="kernel-result" role="status">
      {o.kind === "wrong" ? `✗ ${say("wrong", { tensor: o.tensor })}` : `✓ ${say(o.kind)}`}
    </p>
  );
}

/** The source of one dispatch, to read and to change. */
export function Editor() {
  const gutter = useRef<HTMLPreElement>(null);
  const n = node.value;
  if (!n) return null;
  const code = edited.value ?? original.value;
  const o = outcome.value;
  const wrong = new Set(o?.kind === "errors" ? o.errors.map((e) => e.line) : []);
  const lines = code.split("\n").length;
  const without = Boolean(adapter.value?.missing);
  return (
    <>
      <div class="buttons launches">
        {n.launches.map((l, i) => (
          <button
            key={i}
            type="button"
            class="small"
            aria-pressed={launch.value === i}
            onClick={() => {
              launch.value = i;
              restore();
            }}
          >
            {say("launch", { i: i + 1, n: n.launches.length, groups: l.workgroups.join(" × ") })}
          </button>
        ))}
      </div>
      <div class="editor">
        <pre ref={gutter} class="gutter" aria-hidden="true">
          {Array.from({ length: lines }, (_, i) => (
            <span key={i} class={wrong.has(i + 1) ? "wrong" : ""}>
              {i + 1}
            </span>
          ))}
        </pre>
        <textarea
          id="source"
          aria-label={say("source")}
          spellcheck={false}
          wrap="off"
          rows={Math.min(34, lines + 1)}
          value={code}
          onInput={(e) => {
            edited.value = e.currentTarget.value;
            outcome.value = null;
          }}
          onScroll={(e) => {
            if (gutter.current) gutter.current.scrollTop = e.currentTarget.scrollTop;
          }}
        />
      </div>
      <div class="buttons">
        <button type="button" class="primary" id="recompile" disabled={working.value || without} onClick={recompile}>
          {say(working.value ? "working" : "recompile")}
        </button>
        <button type="button" id="restore" disabled={edited.value === null} onClick={restore}>
          {say("restore")}
        </button>
        {without && <span class="soft">{say("noGpu")}</span>}
      </div>
      <Result />
    </>
  );
}
