import "./locale.ts";
import { render } from "preact";
import { BenchRoom } from "./bench-room.tsx";
import { Controls } from "./controls.tsx";
import { GradientsRoom } from "./gradients-room.tsx";
import { adapter, curve, problem, reset, room, start, stepOnce, switchLanguage, t, togglePlay } from "./store.ts";
import "./base.css";
import "./rooms.css";
import { TrainRoom } from "./train-room.tsx";
import { rooms } from "./url.ts";

/** Steps a second, short. */
const rate = (stepMs: number): string => Math.round(1000 / stepMs).toLocaleString("en");

/** Always in sight: what computes, why, and what else there is. */
function AdapterLine() {
  const a = adapter.value;
  if (!a) return <p class="adapter soft">{t.value("opening")}</p>;
  const [chosen, ...others] = a.measured;
  return (
    <p class="adapter" id="adapter" data-kind={a.kind}>
      <span class={`dot ${a.kind}`} /> {a.description}
      {chosen && others.length > 0 && (
        <span class="soft" id="measured">
          {` — ${t.value("fastest")}: ${rate(chosen.stepMs)} ${t.value("perSecond")}; `}
          {others.map((m) => `${m.description}: ${m.estimated ? "≈ " : ""}${rate(m.stepMs)}`).join("; ")}
        </span>
      )}
      {a.missing && <span class="soft">{` — ${t.value("noGpu")}: ${a.missing}`}</span>}
      {a.software && <span class="soft">{` — ${t.value("software")}`}</span>}
    </p>
  );
}

function App() {
  return (
    <>
      <header class="top">
        <div>
          <h1>Chainrule</h1>
          <p class="soft">{t.value("tagline")}</p>
        </div>
        <nav aria-label="rooms">
          {rooms.map((name) => (
            <button
              key={name}
              type="button"
              id={`room-${name}`}
              aria-current={room.value === name ? "page" : undefined}
              onClick={() => (room.value = name)}
            >
              {t.value(name)}
            </button>
          ))}
          <button type="button" class="quiet" id="language" onClick={switchLanguage}>
            {t.value("language")}
          </button>
        </nav>
      </header>
      <AdapterLine />
      {problem.value && (
        <p class="problem" role="alert" id="problem">
          {problem.value}
        </p>
      )}
      <main>
        <Controls />
        <div class="room">
          {room.value === "train" && <TrainRoom />}
          {room.value === "gradients" && <GradientsRoom />}
          {room.value === "benchmark" && <BenchRoom />}
        </div>
      </main>
    </>
  );
}

/** Space, arrow and R drive training, unless they are meant for a field or a button. */
addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(target.tagName)) return;
  if (event.key === " ") togglePlay();
  else if (event.key === "ArrowRight") stepOnce();
  else if (event.key === "r" || event.key === "R") reset();
  else return;
  event.preventDefault();
});

/** For tests and the curious: the curve's numbers as they were drawn. */
declare global {
  interface Window {
    chainrule: { curve: typeof curve };
  }
}
window.chainrule = { curve };

start();
render(<App />, document.getElementById("app")!);
