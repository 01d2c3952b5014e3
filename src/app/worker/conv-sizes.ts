/** Places along a side of the small net's input, of its kernels and of its pooling windows; its classes. */
export const SIDE = 6;
export const KERNEL = 3;
export const POOL = 2;
export const CLASSES = 3;
