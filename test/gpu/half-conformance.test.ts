import { halfOps } from "../../src/ops/half/ops.ts";
import { conformanceTests } from "../shared/conformance.ts";
import { thorough } from "../shared/thorough.ts";

/**
 * The kernels of the forward product but those of the largest blocks, and of the forward convolution. The others differ from
 * those in how they read and end, which the quicker ones show;
 * the large tiles take a software adapter's compiler seconds each, and are for CHAINRULE_SWEEP=all.
 */
const large =
  /^half(Linear.*|TransposeMatmul)\/(block64|block128|tall$)|^halfMatmul\/(block128|block64x128)|^halfConv\w+\/(gather|gather-quads|strip|planes)$/;
/** Of sequences those of a CPU's adapter, which is what this one is: the others differ from them as they do in f32. */
const others =
  /^half(Attention|AttentionGradient)\/(row|block)$|^half(Lstm|Gru|Rnn|RnnRelu)\w*\/(steps|steps-local|steps-few)$/;
const all = process.env.CHAINRULE_SWEEP === "all";

conformanceTests(
  halfOps.map((op) =>
    all ? op : { ...op, kernels: op.kernels.filter((k) => !large.test(k.name) && !others.test(k.name)) },
  ),
  { all: thorough },
);
