import { count } from "../draw/format.ts";
import { engine } from "../state/engine.ts";
import { live } from "../state/runs.ts";
import { dismissUnsaved, saved, unsaved } from "../state/saved.ts";
import { clearRun, enqueue, playing, setRun, startPlaying, take } from "../state/store.ts";
import { say } from "./strings.ts";
import "./saved.css";

/** The buttons are gone when they have done their work; what is used next keeps the focus. */
const focusPlay = (): void => document.getElementById("play")?.focus();

/** The run that was kept takes the place of the one that has begun anew. */
function goOn(): void {
  // A browser may clear what pages keep when the disk is full; a run that somebody returns to is worth asking for more.
  void navigator.storage.persist?.();
  focusPlay();
  enqueue(async () => {
    const wasPlaying = playing.value;
    const { info, progress, evaluations } = await engine.goOn();
    clearRun();
    saved.value = null;
    setRun(info);
    for (const e of evaluations) live.value.evaluations.add(e.step, { ...e, on: info.testRows > 0 ? "test" : "train" });
    take(progress);
    if (wasPlaying) await startPlaying();
  });
}

function discard(): void {
  saved.value = null;
  focusPlay();
  enqueue(() => engine.discardSaved());
}

/** Offers the run that was kept, or says why this one cannot be. */
export function SavedNotice() {
  const reason = unsaved.value;
  const elsewhere = saved.value?.elsewhere;
  return (
    <section class="saved" id="saved" aria-label={say("notice")}>
      {saved.value && (
        <p>
          <span role="status">
            {say("found")} {elsewhere && say("elsewhere", { device: elsewhere })}
          </span>
          <button type="button" class="primary" id="go-on" onClick={goOn}>
            {say("goOn", { step: count(saved.value.step) })}
          </button>
          <button type="button" id="discard" onClick={discard}>
            {say("discard")}
          </button>
        </p>
      )}
      {reason && (
        <p id="unsaved">
          <span role="status">{say("unsaved", { reason })}</span>
          <button
            type="button"
            onClick={() => {
              dismissUnsaved();
              focusPlay();
            }}
          >
            {say("dismiss")}
          </button>
        </p>
      )}
    </section>
  );
}
