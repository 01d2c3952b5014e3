import { count, short } from "../draw/format.ts";
import { adapter, recovery } from "../state/store.ts";
import { CopyButton } from "./copy-button.tsx";
import { say } from "./device-strings.ts";

/** What became of a device that was lost, and which kernels it computes wrongly. */
export function DeviceNews() {
  const a = adapter.value;
  const r = recovery.value;
  return (
    <>
      {r && (
        <p id="recovery" role="status">
          {say(`recovery${r.kind}`, {
            step: count(r.step),
            from: "from" in r ? count(r.from) : "",
            seconds: "ms" in r ? short(r.ms / 1000) : "",
            message: "message" in r ? r.message : "",
          })}
        </p>
      )}
      {a && a.wrong.length > 0 && (
        <p class="fault" id="wrong-kernels">
          <span>{say("wrongKernels", { list: a.wrong.map((w) => w.kernel).join(", ") })}</span>
          <CopyButton
            id="copy-wrong"
            label={say("copyReport")}
            text={() => `${a.description}\n${a.wrong.map((w) => `${w.kernel}: ${w.reason}`).join("\n")}`}
          />
        </p>
      )}
    </>
  );
}
