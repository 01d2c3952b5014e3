import { ops } from "../../src/ops/index.ts";
import { wasmConformanceTests } from "../shared/wasm-conformance.ts";

wasmConformanceTests(ops);
