/** True for adapters that compute on the CPU: right, but no measure of speed. */
export function isSoftware(description: string): boolean {
  return /swiftshader|llvmpipe|lavapipe|basic render|warp/i.test(description);
}
