export function KernelsRoom() {
  return null;
}
