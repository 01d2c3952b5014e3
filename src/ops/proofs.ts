import { ChainruleError } from "../core/errors.ts";
import type { FamilyProof, Op, Proof, ProofOf } from "../graph/op.ts";
import * as attention from "./attention/attention-proof.ts";
import * as rotary from "./attention/rotary-proof.ts";
import * as augment from "./augment/augment-proof.ts";
import * as channelBias from "./conv/channel-bias-proof.ts";
import * as conv from "./conv/conv-proof.ts";
import * as convLayers from "./conv/layer-proof.ts";
import * as activation from "./elementwise/activation-proof.ts";
import * as addActivation from "./elementwise/add-activation-proof.ts";
import * as add from "./elementwise/add-proof.ts";
import * as dropout from "./elementwise/dropout-proof.ts";
import * as geluSlope from "./elementwise/gelu-slope-proof.ts";
import * as maxout from "./elementwise/maxout-proof.ts";
import * as multiply from "./elementwise/multiply-proof.ts";
import * as prelu from "./elementwise/prelu-proof.ts";
import * as scaledColumns from "./elementwise/scaled-columns-proof.ts";
import * as embedding from "./embedding/embedding-proof.ts";
import * as halved from "./half/halved-proof.ts";
import * as lossScale from "./half/loss-scale-proof.ts";
import * as scaledControl from "./half/scaled-control-proof.ts";
import * as scaledPenalty from "./half/scaled-penalty-proof.ts";
import * as toHalf from "./half/to-half-proof.ts";
import * as accuracy from "./loss/accuracy-proof.ts";
import * as classWeightSums from "./loss/class-weight-sums-proof.ts";
import * as crossEntropy from "./loss/cross-entropy-proof.ts";
import * as elementwiseLoss from "./loss/elementwise-loss-proof.ts";
import * as headLoss from "./loss/head-loss-proof.ts";
import * as weightedCrossEntropy from "./loss/weighted-cross-entropy-proof.ts";
import * as batched from "./matmul/batched-proof.ts";
import * as bias from "./matmul/bias-proof.ts";
import * as linear from "./matmul/linear-proof.ts";
import * as matmul from "./matmul/matmul-proof.ts";
import * as outerProduct from "./matmul/outer-product-proof.ts";
import * as batchNorm from "./norm/batch-norm-proof.ts";
import * as groupNorm from "./norm/group-norm-proof.ts";
import * as layerNorm from "./norm/layer-norm-proof.ts";
import * as logSoftmax from "./norm/log-softmax-proof.ts";
import * as rmsNorm from "./norm/rms-norm-proof.ts";
import * as softmax from "./norm/softmax-proof.ts";
import * as avgPool from "./pool/avg-pool-proof.ts";
import * as maxPool from "./pool/max-pool-proof.ts";
import * as recurrent from "./recurrent/recurrent-proof.ts";
import * as steps from "./recurrent/steps-proof.ts";
import * as concat from "./shape/concat-proof.ts";
import * as pad from "./shape/pad-proof.ts";
import * as permute from "./shape/permute-proof.ts";
import * as reshape from "./shape/reshape-proof.ts";
import * as upsample from "./shape/upsample-proof.ts";
import type { Composition } from "./shared/composed.ts";
import { composedProof } from "./shared/composed-proof.ts";
import * as views from "./shared/views-proof.ts";
import * as accumulate from "./step/accumulate-proof.ts";
import * as batch from "./step/batch-proof.ts";
import * as control from "./step/control-proof.ts";
import * as gradientStats from "./step/gradient-stats-proof.ts";
import * as movingAverage from "./step/moving-average-proof.ts";
import * as optimizer from "./step/optimizer-proof.ts";
import * as penalty from "./step/penalty-proof.ts";
import * as record from "./step/record-proof.ts";
import * as attentionStep from "./text/attention-step-proof.ts";
import * as recurrentStep from "./text/recurrent-step-proof.ts";
import * as tokenWindows from "./text/token-windows-proof.ts";

// biome-ignore lint/suspicious/noExplicitAny: the table holds proofs of ops of every attribute type
type Any = any;
type Made = Proof<Any> | Promise<Proof<Any>>;
/** A proof under its op's name, of a composition its cases alone; or, under a family's, what makes one. */
type Entry = Proof<Any> | ((of: Any, proofOf: ProofOf) => Made);

const table: Readonly<Record<string, Entry>> = {
  ...attention,
  ...rotary,
  ...augment,
  ...channelBias,
  ...conv,
  ...convLayers,
  ...activation,
  ...add,
  ...addActivation,
  ...dropout,
  ...geluSlope,
  ...embedding,
  ...halved,
  ...lossScale,
  ...scaledControl,
  ...scaledPenalty,
  ...toHalf,
  ...accuracy,
  ...classWeightSums,
  ...crossEntropy,
  ...elementwiseLoss,
  ...headLoss,
  ...weightedCrossEntropy,
  ...batched,
  ...bias,
  ...linear,
  ...matmul,
  ...outerProduct,
  ...batchNorm,
  ...groupNorm,
  ...layerNorm,
  ...rmsNorm,
  ...softmax,
  ...avgPool,
  ...maxPool,
  ...recurrent,
  ...attentionStep,
  ...recurrentStep,
  ...steps,
  ...concat,
  ...pad,
  ...permute,
  ...reshape,
  ...upsample,
  ...maxout,
  ...multiply,
  ...prelu,
  ...scaledColumns,
  ...logSoftmax,
  ...views,
  ...accumulate,
  ...batch,
  ...control,
  ...gradientStats,
  ...movingAverage,
  ...optimizer,
  ...penalty,
  ...record,
  ...tokenWindows,
  async composedProof(c: Composition<Any>, proofOf) {
    const { cases } = await find(c.cases ?? { family: c.name, of: null }, proofOf);
    return composedProof(c, proofOf, cases);
  },
};

function find({ family, of }: FamilyProof, proofOf: ProofOf): Made {
  const entry = Object.hasOwn(table, family) ? table[family]! : null;
  if (!entry)
    throw new ChainruleError("model", `there is no proof of ${family}: an op of your own needs one in its record`);
  return typeof entry === "function" ? entry(of, proofOf) : entry;
}

/**
 * The proof of an op: how far a right result may be off, and the inputs that checks run on. Throws ChainruleError "model"
 * where it neither carries one nor stands in the table.
 */
export const proofOf: ProofOf = async <A>({ name, proof }: Op<A>): Promise<Proof<A>> =>
  proof && "cases" in proof ? proof : find(proof ?? { family: name, of: null }, proofOf);
