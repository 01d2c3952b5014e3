import { ops } from "../../src/ops/all.ts";
import { conformanceTests, isProduct } from "../shared/conformance.ts";
import { thorough } from "../shared/thorough.ts";

/** Blocks of a batch of products are those of one, and take a software adapter's compiler seconds each. */
const blocks = /^batchedMatmul\/(block(64|128)|slim)/;

// Those of products: matmul.test.ts.
conformanceTests(
  ops
    .filter((op) => !isProduct(op))
    .map((op) => (thorough ? op : { ...op, kernels: op.kernels.filter((k) => !blocks.test(k.name)) })),
  { all: thorough },
);
