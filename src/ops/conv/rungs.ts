import type { DeviceAbility, DeviceCaps, KernelPlan } from "../../graph/op.ts";
import { furtherRungs } from "../shared/further-rungs.ts";
import type { ConvDims } from "./geometry.ts";
import type { ConvProduct } from "./product-plan.ts";

/** One way to compute a convolution or its input gradient. */
export interface ProductRung {
  readonly name: string;
  readonly needs?: DeviceAbility;
  plan(product: ConvProduct, caps: DeviceCaps): KernelPlan | null;
  suits(product: ConvProduct, caps: DeviceCaps): boolean;
}

/** One way to compute the gradient of w, and with `sums` that of a bias. */
export interface WeightRung {
  readonly name: string;
  readonly needs?: DeviceAbility;
  readonly suits: (dims: ConvDims, caps: DeviceCaps) => boolean;
  readonly plan: (op: { readonly name: string }, dims: ConvDims, sums: boolean, caps: DeviceCaps) => KernelPlan | null;
}

/** Of every op that is a convolution or an input gradient, and of every one that gives w's gradient. */
export const convRungs = furtherRungs<ProductRung>();
export const weightRungs = furtherRungs<WeightRung>();
