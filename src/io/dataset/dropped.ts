/** What the page asks of dropped files that hold arrays: one file to load when the first of them comes. */

export { dataFormat } from "./format.ts";
export { yNames } from "./label-file.ts";
export { loadDataSplit } from "./load.ts";
