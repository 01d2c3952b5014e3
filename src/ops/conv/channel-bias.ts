import {
  addChannelBias as addCode,
  channelBiasParams,
  sumChannels as sumChannelsCode,
  sumChannelsParams,
} from "../../../shaders/conv/channel-bias.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { index } from "../../graph/chip.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { elementwise } from "../shared/chip.ts";
import { flatLaunch, flatWindows, inFours, input, output } from "../shared/dispatch-plan.ts";
import { slicedSums } from "../shared/lane-sums.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";
import { type Channels, channelSumsPlan } from "./channel-sums.ts";
import { imageChunks } from "./images.ts";
import { summed } from "./terms.ts";

function channelsOf({ shape }: Pick<TensorSpec, "shape">): Channels {
  return { n: shape[0]!, c: shape[1]!, places: sizeOf(shape.slice(2)) };
}

/** y = x [n, c, ...] + b [c], the same number for all places of a channel. */
export const addChannelBias: Op<null> = {
  name: "addChannelBias",
  infer(inputs) {
    const [x, b] = inputs;
    if (inputs.length !== 2 || x!.shape.length < 2 || b!.shape.length !== 1 || b!.shape[0] !== x!.shape[1]) {
      wrongShapes(addChannelBias, inputs, "x [n, c, ...] and b [c]");
    }
    return [{ shape: x!.shape, dtype: "f32" }];
  },
  reference([x, b]) {
    const { c, places } = channelsOf(x!);
    const y = floatLike(x!, x!.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = x!.data[i]! + b!.data[Math.floor(i / places) % c]!;
    return [y];
  },
  wasm([x], [y]) {
    const { n, c, places } = channelsOf(x!);
    return flatCall("addChannelBias", [input(0), input(1), output(0), n * c, places, c], y!);
  },
  gradient: (g, { inputs: [, b] }, [dy]) => [dy!, g.one(sumChannels, [dy!], null, `d ${b!.name}`)],
  kernels: [
    {
      name: "addChannelBias/flat",
      plan([x], _outputs, _attrs, caps) {
        const { c, places: elements } = channelsOf(x!);
        const [four, places] = inFours(elements);
        const unit = elements / places;
        return flatWindows(sizeOf(x!.shape), caps, (window, count, start) => {
          const size = count / unit;
          const params = channelBiasParams.pack({ size, c, places, start: start / unit });
          return flatLaunch(addCode(four), params, [window(input(0)), input(1), window(output(0))], size, caps);
        });
      },
    },
  ],
  onChip(w, [x, b], [y]) {
    const { c, places } = channelsOf(x!);
    elementwise(w, y!, (i) => `${x!.at(i)} + ${b!.at(index.rest(index.over(i, places), c))}`);
  },
};

/** Elements of a slice of a channel at least, and workgroups that are enough for any device. */
const SLICE = 2048;
const ENOUGH_WORKGROUPS = 512;

/** db [c] = sums over the images and places of dy [n, c, ...]: the gradient of a channel's bias. */
export const sumChannels: Op<null> = {
  name: "sumChannels",
  infer(inputs) {
    const [dy] = inputs;
    if (inputs.length !== 1 || dy!.shape.length < 2) wrongShapes(sumChannels, inputs, "dy [n, c, ...]");
    return [{ shape: [dy!.shape[1]!], dtype: "f32" }];
  },
  reference([dy]) {
    const { c, places } = channelsOf(dy!);
    const add = (sums: Float64Array): void => {
      for (let i = 0; i < dy!.data.length; i++) sums[Math.floor(i / places) % c]! += dy!.data[i]!;
    };
    return [summed(dy!, [c], add)];
  },
  wasm([dy]) {
    const { n, c, places } = channelsOf(dy!);
    return flatCall("sumChannels", [input(0), output(0), n, c, places], dy!);
  },
  gradient: "none",
  kernels: [
    {
      name: "sumChannels/workgroup",
      plan([dy], _outputs, _attrs, caps) {
        const { n, c, places: elements } = channelsOf(dy!);
        if (4 * n * c * elements > caps.maxStorageBufferBindingSize) return null;
        const [four, places] = inFours(elements);
        const count = n * places;
        const params = (slices: number) =>
          sumChannelsParams.pack({ rows: c, count, places, slice: Math.ceil(count / slices) });
        const slices = Math.min((n * elements) / SLICE, ENOUGH_WORKGROUPS / c);
        return slicedSums(sumChannelsCode(four), params, c, slices, c, [input(0)], caps);
      },
    },
    {
      name: "sumChannels/planes",
      suits: (_inputs, _attrs, { onCpu }) => onCpu,
      plan([dy], _outputs, _attrs, caps) {
        const sizes = channelsOf(dy!);
        const chunks = imageChunks(sumChannels, sizes.n, { x: 0, y: sizes.c * sizes.places }, caps);
        return channelSumsPlan(sizes, chunks, input(0), output(0), caps);
      },
    },
  ],
  onChip(w, [dy], [db]) {
    const { n, c, places } = channelsOf(dy!);
    w.each(c, (channel) => {
      w.add("var sum = 0.0;");
      w.loop(0, n, (image) => {
        const at = w.name(index.times(index.plus(index.times(image, c), channel), places));
        w.loop(0, places, (place) => w.add(`sum += ${dy!.at(index.plus(at, place))};`));
      });
      w.add(`${db!.at(channel)} = sum;`);
    });
  },
};
