import { setFault, settings } from "../state/store.ts";
import { say } from "./fault-strings.ts";

/** Says what is broken on purpose, and mends it. */
export function FaultLine() {
  const { fault } = settings.value;
  if (fault === "none") return null;
  return (
    <p class="fault" id="fault">
      <span>{say("faultOn", { fault: say(`fault${fault}`) })}</span>
      <button type="button" onClick={() => setFault("none")}>
        {say("faultOff")}
      </button>
    </p>
  );
}
