import { ops } from "../../src/ops/all.ts";
import { conformanceTests, isProduct } from "../shared/conformance.ts";

// Those of products: matmul.test.ts.
conformanceTests(ops.filter((op) => !isProduct(op)));
