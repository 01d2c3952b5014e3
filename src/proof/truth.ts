import { cast, type NdArray } from "../core/ndarray.ts";
import type { AnyOp, DeviceKind } from "../graph/op.ts";
import { proofOf } from "./proof-of.ts";

/** The f64 truth of an op on f32 inputs, with the bound that a right f32 result keeps `on` a device. Inputs are left unchanged. */
export async function truth(
  op: AnyOp,
  inputs: readonly NdArray[],
  attrs: unknown,
  on: DeviceKind = "webgpu",
): Promise<{ outputs: readonly NdArray[]; bounds: readonly (NdArray | null)[] }> {
  const exact = (): NdArray[] =>
    inputs.map((x) => (x.dtype === "f32" || x.dtype === "f16" ? cast(x, "f64") : { ...x, data: x.data.slice() }));
  const outputs = op.reference(exact(), attrs);
  const nothing = inputs.map(() => null);
  const { bound } = await proofOf(op);
  return { outputs, bounds: (await bound?.(exact(), nothing, outputs, attrs, on)) ?? outputs.map(() => null) };
}
