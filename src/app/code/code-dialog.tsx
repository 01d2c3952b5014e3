export function CodeDialog() {
  return null;
}
