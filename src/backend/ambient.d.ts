/**
 * Names of the platform that the library's declarations mention. Where the DOM's types (TypeScript 6) or @webgpu/types
 * are there, these add nothing to theirs; where neither is, as in a program for Node, a device is a thing that is only
 * handed on.
 */
type GPU = {};
type GPUAdapter = {};
type GPUAdapterInfo = {};
type GPUBindGroupLayout = {};
type GPUBuffer = {};
type GPUComputePassEncoder = {};
type GPUComputePipeline = {};
type GPUDevice = {};
declare namespace WebAssembly {
  type Module = {};
}
