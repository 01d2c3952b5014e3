import { css, diverging } from "../../draw/colours.ts";
import { short } from "../../draw/format.ts";
import { dark } from "../../state/theme.ts";

/** One number of a map: the place of its value in the map's flat list. */
export interface MapCell<Map extends string = string> {
  readonly map: Map;
  readonly index: number;
}

export const keyOf = ({ map, index }: MapCell): string => `${map} ${index}`;
/** Of a zero of the padding. */
export const beyondKey = (row: number, column: number): string => `beyond ${row} ${column}`;

/** Ground of a number, by its size among its like. */
export const ground = (v: number, most: number): { background: string } => {
  void dark.value;
  return { background: css(diverging((0.45 * v) / (most || 1))) };
};

/** A number in a narrow cell: two digits, and no zero before the point. */
export const brief = (v: number): string => short(v, 2).replace(/^(−?)0\./, "$1.");

/** Arrows go from cell to cell of a map; its other cells are left out when tabbing. */
export function walk(event: KeyboardEvent): void {
  const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!by) return;
  event.stopPropagation();
  event.preventDefault();
  const button = event.target as HTMLElement;
  const table = button.closest("table")!;
  const [row, column] = [Number(button.dataset.row) + by[0]!, Number(button.dataset.column) + by[1]!];
  table.querySelector<HTMLElement>(`[data-row="${row}"][data-column="${column}"]`)?.focus();
}

/** What a cell shows, and how it is marked. */
interface CellProps {
  readonly id: string;
  readonly row: number;
  readonly column: number;
  /** Null while it has not been found. */
  readonly value: number | null;
  /** The largest of its map, by size. */
  readonly most: number;
  readonly label: string;
  readonly class: string;
  /** Whether tabbing stops here. */
  readonly reached: boolean;
  onLook(on: boolean): void;
  onClick?: (() => void) | undefined;
}

/** A number of a map, which tells of itself under the pointer and the keyboard. */
export function Cell({ value, most, ...props }: CellProps) {
  const look = (on: boolean) => () => props.onLook(on);
  return (
    <button
      type="button"
      class={props.class}
      data-row={props.row}
      data-column={props.column}
      data-cell={props.id}
      tabIndex={props.reached ? 0 : -1}
      aria-label={props.label}
      style={value !== null && Number.isFinite(value) ? ground(value, most) : undefined}
      onPointerEnter={look(true)}
      onPointerLeave={look(false)}
      onFocus={look(true)}
      onBlur={look(false)}
      onClick={props.onClick}
    >
      {value === null ? "" : brief(value)}
    </button>
  );
}

/** Brings into sight what a picture is about, and of what it is made of as much as there is room for. */
export function follow(stage: Element): void {
  const box = (e: Element) => e.getBoundingClientRect();
  const about = stage.querySelector(".about");
  if (!about) return;
  const all = [about, ...stage.querySelectorAll(".lit")].map(box);
  const left = Math.min(...all.map((b) => b.left));
  const right = Math.max(...all.map((b) => b.right));
  const view = box(stage);
  const margin = 12;
  if (left >= view.left && right <= view.right) return;
  const fits = right - left + 2 * margin <= view.width;
  const toRight = fits || box(about).right === right;
  stage.scrollLeft += toRight ? right + margin - view.right : left - margin - view.left;
}
