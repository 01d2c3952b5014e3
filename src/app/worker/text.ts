/** All that a run on a text asks of the worker beside what every run does: one file to fetch. */
export { takeText } from "./text-data.ts";
export { allTokens, look, write } from "./text-look.ts";
export { tokenStory } from "./token-story.ts";
