import { halfOps } from "../../src/ops/half-ops.ts";
import { conformanceTests } from "../shared/conformance.ts";

conformanceTests(halfOps);
