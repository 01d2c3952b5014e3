import { ops } from "../../src/ops/all.ts";
import { chipConformanceTests } from "../shared/on-chip.ts";

chipConformanceTests(ops);
