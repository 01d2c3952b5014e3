import { Panel } from "../data/panel.tsx";
import { codeOpen, helpOpen } from "../state/dialogs.ts";
import { language, switchLanguage } from "../state/language.ts";
import { saved, unsaved } from "../state/saved.ts";
import { hiddenParts, problem, room } from "../state/store.ts";
import { nextTheme, theme } from "../state/theme.ts";
import { rooms } from "../state/url.ts";
import { TrainRoom } from "../train/train-room.tsx";
import "./keys.ts";
import { lazy } from "./lazy.tsx";
import { Status } from "./status.tsx";
import { say } from "./strings.ts";
import { Transport } from "./transport.tsx";

/** The room that the page opens with comes with it; the others when they are opened. */
const roomOf = {
  train: TrainRoom,
  gradients: lazy(async () => (await import("../gradients/gradients-room.tsx")).GradientsRoom),
  backprop: lazy(async () => (await import("../backprop/backprop-room.tsx")).BackpropRoom),
  benchmark: lazy(async () => (await import("../benchmark/bench-room.tsx")).BenchRoom),
  kernels: lazy(async () => (await import("../kernels/kernels-room.tsx")).KernelsRoom),
};
const SavedNotice = lazy(async () => (await import("../saved/saved-notice.tsx")).SavedNotice);
const Help = lazy(async () => (await import("./help.tsx")).Help);
const Code = lazy(async () => (await import("../code/code-dialog.tsx")).CodeDialog);

const themeSigns = { auto: "◐", light: "☀", dark: "☾" } as const;

function Top() {
  const hidden = hiddenParts.value;
  return (
    <header class="top">
      <h1>
        <span class="mark" aria-hidden="true">
          ∂
        </span>
        Chainrule <small>{say("tagline")}</small>
      </h1>
      {!hidden.includes("rooms") && (
        <nav aria-label={say("rooms")}>
          {rooms.map((name) => (
            <button
              key={name}
              type="button"
              id={`room-${name}`}
              aria-current={room.value === name ? "page" : undefined}
              onClick={() => {
                room.value = name;
              }}
            >
              {say(name)}
            </button>
          ))}
        </nav>
      )}
      <div class="tools">
        {!hidden.includes("code") && (
          <button
            type="button"
            class="quiet"
            id="code"
            onClick={() => {
              codeOpen.value = true;
            }}
          >
            {"</>"} <span class="wide">{say("code")}</span>
          </button>
        )}
        <button
          type="button"
          class="quiet"
          id="language"
          lang={language.value === "en" ? "zh-Hans" : "en"}
          aria-label={say("switchLanguage")}
          onClick={() =>
            switchLanguage().catch((error: unknown) => {
              problem.value = say("failedLoad", { reason: String(error) });
            })
          }
        >
          {say("otherLanguage")}
        </button>
        <button
          type="button"
          class="quiet"
          id="theme"
          aria-label={say(`theme${theme.value}`)}
          title={say(`theme${theme.value}`)}
          onClick={nextTheme}
        >
          {themeSigns[theme.value]}
        </button>
        <button
          type="button"
          class="quiet"
          id="keys"
          aria-label={say("help")}
          title={say("help")}
          onClick={() => {
            helpOpen.value = true;
          }}
        >
          ?
        </button>
      </div>
    </header>
  );
}

export function App() {
  const Room = roomOf[room.value];
  return (
    <>
      <Top />
      <Transport />
      <Status />
      {problem.value && (
        <p class="problem" role="alert" id="problem">
          {problem.value}
        </p>
      )}
      {(saved.value || unsaved.value) && <SavedNotice />}
      <main class={room.value}>
        {room.value !== "benchmark" && <Panel />}
        <div class="room" id="room">
          <Room />
        </div>
      </main>
      {helpOpen.value && <Help />}
      {codeOpen.value && <Code />}
    </>
  );
}
