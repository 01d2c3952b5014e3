import { roomKeys } from "../../shell/keys.ts";

/** While a film is open the arrows move it, a picture to and fro. `stop` ends what else it began; the result ends both. */
export function withArrows(move: (by: 1 | -1) => void, stop: () => void): () => void {
  roomKeys.take = (e) => {
    if (e.key !== "ArrowRight" && e.key !== "ArrowLeft") return false;
    move(e.key === "ArrowRight" ? 1 : -1);
    return true;
  };
  return () => {
    roomKeys.take = null;
    stop();
  };
}
