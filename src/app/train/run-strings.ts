import { speaker } from "../state/language.ts";

const en = {
  runs: "Kept runs",
  runName: "name of the run",
  drop: "remove {name}",
} as const;

export type RunKey = keyof typeof en;

const zh: Readonly<Record<RunKey, string>> = {
  runs: "保留的运行",
  runName: "这次运行的名称",
  drop: "删除 {name}",
};

export const tables = { en, zh };
export const say = speaker<RunKey>(tables);
