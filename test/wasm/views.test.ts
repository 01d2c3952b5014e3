import { afterAll, beforeAll, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { expectViews, viewCases } from "../shared/views.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await wasmBackend();
});
afterAll(() => backend.dispose());

test.each(viewCases)("$name", (c) => expectViews(backend, c));
