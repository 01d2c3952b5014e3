/** What the page asks of dropped files that hold arrays: one file to load when the first of them comes. */
export { yNames } from "./beside.ts";
export { dataFormat } from "./data-format.ts";
export { loadDataSplit } from "./load-file.ts";
