import { ops } from "../../src/ops/all.ts";
import { chipConformanceTests, forms } from "../shared/on-chip.ts";
import { thorough } from "./thorough.ts";

/** Of the forms, what a CPU's adapter takes, and some cases of each op, unless all are asked for. */
if (thorough) chipConformanceTests(ops, Number.POSITIVE_INFINITY);
else
  chipConformanceTests(
    ops,
    2,
    forms.filter(({ memory }) => memory === "storage"),
  );
