import { ops } from "../../src/ops/index.ts";
import { chipConformanceTests } from "../shared/on-chip.ts";

chipConformanceTests(ops);
