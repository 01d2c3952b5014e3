/** Rows that go through the net at once where nothing is trained. */
export const EVAL_BATCH = 256;
