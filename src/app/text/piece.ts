import { say } from "./strings.ts";

/** A token as it is shown: what cannot be seen has a name. */
export const shownAs = (text: string): string =>
  text === " " ? say("space") : text === "\n" ? say("newline") : text.trim() === "" ? JSON.stringify(text) : text;
