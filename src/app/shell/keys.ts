import { helpOpen } from "../state/dialogs.ts";
import { rewind, room, takeSteps, togglePlay } from "../state/store.ts";
import { rooms } from "../state/url.ts";

/** A room's own use of a key comes before everyone's; true where it took it. */
export const roomKeys: { take: ((event: KeyboardEvent) => boolean) | null } = { take: null };

/** Steps that shift and the arrow take. */
const MANY = 100;

function act(event: KeyboardEvent): boolean {
  if (roomKeys.take?.(event)) return true;
  const number = Number(event.key);
  if (event.key === " ") togglePlay();
  else if (event.key === "ArrowRight") takeSteps(event.shiftKey ? MANY : 1);
  else if (event.key === "r" || event.key === "R") rewind();
  else if (event.key === "?") helpOpen.value = true;
  else if (number >= 1 && number <= rooms.length) room.value = rooms[number - 1]!;
  else return false;
  return true;
}

/** Keys drive the page unless they are meant for a field, a button or a dialog. */
addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest("dialog")) return;
  if (/^(INPUT|SELECT|TEXTAREA|SUMMARY)$/.test(target.tagName) || (target.tagName === "BUTTON" && event.key === " "))
    return;
  if (act(event)) event.preventDefault();
});
