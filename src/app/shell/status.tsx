import { count, short } from "../draw/format.ts";
import { adapter, recovery, settings } from "../state/store.ts";
import { lazy } from "./lazy.tsx";
import { say } from "./strings.ts";

/** Of a device that was lost, or computes wrongly: seldom. */
const DeviceNews = lazy(async () => (await import("./device-news.tsx")).DeviceNews);
const FaultLine = lazy(async () => (await import("./fault-line.tsx")).FaultLine);

/** Always in sight: what computes, why, what else there is, and what to do about it. No link hides it. */
export function Status() {
  const a = adapter.value;
  const r = recovery.value;
  const rate = (stepMs: number): string => (stepMs > 100 ? short(1000 / stepMs) : count(1000 / stepMs));
  return (
    <section class="status" aria-label={say("status")}>
      <p id="adapter" data-kind={a?.kind}>
        <span class={`dot ${a?.kind ?? ""}`} aria-hidden="true" />
        <b>{a ? a.description : say("opening")}</b>
        {a?.missing && <span id="missing"> {say("noGpu", { reason: a.missing })}</span>}
        {a?.software && (
          <span id="software">
            {" "}
            {say("software")} {say("softwareDo")}
          </span>
        )}
        {a && a.measured.length > 1 && (
          <span id="measured">
            {" "}
            {say("chosen", {
              list: a.measured
                .map((m) =>
                  say(m.compiling ? "compiling" : "rate", {
                    device: m.description,
                    rate: m.estimated ? say("about", { rate: rate(m.stepMs) }) : rate(m.stepMs),
                  }),
                )
                .join("; "),
            })}{" "}
            {say("chosenDo")}
          </span>
        )}
      </p>
      {a && (r || a.wrong.length > 0) && <DeviceNews />}
      {settings.value.fault !== "none" && <FaultLine />}
    </section>
  );
}
