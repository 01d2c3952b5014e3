/** Steps and widths that the small attention is drawn with. */
export const STEPS = [4, 5] as const;
export const WIDTHS = [3, 4] as const;

/** Whether a step is hidden from the query. */
export const isHidden = (
  { causal, query }: { readonly causal: boolean; readonly query: number },
  step: number,
): boolean => causal && step > query;
