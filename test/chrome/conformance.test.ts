import { ops } from "../../src/ops/all.ts";
import { conformanceTests } from "../shared/conformance.ts";
import { thorough } from "./thorough.ts";

/** Blocks of 64 and 128, and the large ones of layers, whose parts are here, take seconds to compile. */
const large = /\/block(64|128)(x128)?(-\w+)?$|^conv\w*Layer\w*\/|^linear\w*\/(block32|tall)$/;

const some = ops
  .map((op) => ({ ...op, kernels: op.kernels.filter((k) => !large.test(k.name)) }))
  .filter(({ kernels }) => kernels.length > 0);
if (thorough) conformanceTests(ops);
else conformanceTests(some, { most: 1 });
