import { ops } from "../../src/ops/all.ts";
import { conformanceTests } from "../shared/conformance.ts";
import { thorough } from "./thorough.ts";

conformanceTests(ops, thorough ? undefined : 2);
