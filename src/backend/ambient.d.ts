// biome-ignore-all lint/suspicious/noEmptyInterface: an interface may be declared twice and a type may not
/**
 * Names of the platform that the library's declarations mention. Where the DOM's types (TypeScript 6 and 7), @webgpu/types or
 * Node's are there, these add nothing to theirs; where none is, a device or a signal is a thing that is only handed on.
 */
interface AbortSignal {}
interface ErrorOptions {}
interface GPU {}
interface GPUAdapter {}
interface GPUAdapterInfo {}
interface GPUBindGroupLayout {}
interface GPUBuffer {}
interface GPUCommandEncoder {}
interface GPUComputePassEncoder {}
interface GPUComputePipeline {}
interface GPUDevice {}
declare namespace WebAssembly {
  interface Memory {}
  interface Module {}
}
