import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { passesAgreeWithReference } from "../shared/passes.ts";

passesAgreeWithReference(() => wasmBackend({ threads: 2 }));
