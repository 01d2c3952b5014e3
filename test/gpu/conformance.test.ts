import { ops } from "../../src/ops/index.ts";
import { conformanceTests } from "../shared/conformance.ts";

conformanceTests(ops);
