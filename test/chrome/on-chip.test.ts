import { ops } from "../../src/ops/all.ts";
import { chipConformanceTests, forms } from "../shared/on-chip.ts";
import { thorough } from "./thorough.ts";

/** Of the forms, what a CPU's adapter takes, unless all are asked for. */
chipConformanceTests(ops, thorough ? forms : forms.filter(({ memory }) => memory === "storage"));
