import { ops } from "../../src/ops/all.ts";
import { conformanceTests } from "../shared/conformance.ts";

conformanceTests(ops);
