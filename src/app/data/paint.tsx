import { painting } from "../state/paint.ts";

/** Turns the plane of the Train room into a canvas for points, and back. */
export function PaintButton(props: { label: string }) {
  return (
    <button
      type="button"
      id="paint"
      aria-pressed={painting.value}
      onClick={() => {
        painting.value = !painting.value;
      }}
    >
      {props.label}
    </button>
  );
}
