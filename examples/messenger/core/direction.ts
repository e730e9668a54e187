/**
 * Which way a frame goes: 0 from the SAE whose id sorts first, 1 from the other. It is part of nonce and additional data,
 * so that a frame that is sent back to where it came from opens nowhere.
 */
export type Direction = 0 | 1;

export const directionOf = (from: string, to: string): Direction => (from < to ? 0 : 1);
export const opposite = (direction: Direction): Direction => (direction === 0 ? 1 : 0);
