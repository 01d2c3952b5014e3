import { helpOpen } from "../state/dialogs.ts";
import { Dialog } from "./dialog.tsx";
import { say } from "./help-strings.ts";

/** What each key does. */
export function Help() {
  const keys = [
    [say("space"), say("keySpace")],
    ["→", say("keyRight")],
    ["⇧ →", say("keyShiftRight")],
    ["R", say("keyR")],
    ["1 – 5", say("keyRooms")],
    ["?", say("keyHelp")],
    ["Esc", say("keyEsc")],
  ];
  return (
    <Dialog
      title={say("help")}
      id="help"
      onClose={() => {
        helpOpen.value = false;
      }}
    >
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
