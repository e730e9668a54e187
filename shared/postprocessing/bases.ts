/** Bit values of a basis. The key is made of detections in X; those in Z, all of them published, test the channel. */
export const KEY_BASIS = 0;
export const TEST_BASIS = 1;
export type Basis = typeof KEY_BASIS | typeof TEST_BASIS;
