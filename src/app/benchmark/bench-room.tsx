export function BenchRoom() {
  return null;
}
