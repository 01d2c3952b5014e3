import { cpuOps, ops } from "../../src/ops/all.ts";
import { wasmConformanceTests } from "../shared/wasm-conformance.ts";

wasmConformanceTests([...ops, ...cpuOps]);
