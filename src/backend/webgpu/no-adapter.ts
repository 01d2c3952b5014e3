/** Words for people without an adapter, loaded for them alone. `gpu` is false where the browser has no WebGPU at all. */
export const noAdapter = (gpu: boolean): string =>
  gpu
    ? "WebGPU is here but gives no adapter: turn on hardware acceleration or update the graphics driver; after a crash of the GPU process restart the browser"
    : "this browser has no WebGPU: use Chrome or Edge 113 or later (or Safari 26, Firefox 141), over https or on localhost";
