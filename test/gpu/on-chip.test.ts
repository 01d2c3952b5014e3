import { ops } from "../../src/ops/all.ts";
import { chipConformanceTests } from "../shared/on-chip.ts";
import { times } from "../shared/thorough.ts";

chipConformanceTests(ops, times(2, Number.POSITIVE_INFINITY));
