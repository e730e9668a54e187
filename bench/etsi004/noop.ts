/** Key streams that are none: an object is asked for their chunks as for those of any other, and does nothing. Pure. */

const PREFIX = "00000000-0000-4000-8000-";

/** Before the path of a request that goes to such an object without further ado. */
export const BARE_PATH = "/bare";

/** KSID of the `number`th of them; spread over the KeyStream objects as others are. */
export const noopKsid = (number: number): string => PREFIX + number.toString(16).padStart(12, "0");

export const isNoop = (ksid: string): boolean => ksid.startsWith(PREFIX);

export const CHUNK_BYTES = 32;
/** As long as what streams answer in the middle of a measurement. */
export const NOOP_INDEX = 1000;
