export function BackpropRoom() {
  return null;
}
