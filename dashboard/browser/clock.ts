/** The reader's clock. */
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHORT = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export const timeOf = (instant: string | number): string => TIME.format(new Date(instant));
export const shortTimeOf = (ms: number): string => SHORT.format(ms);
export const dayOf = (instant: string | number): string => DAY.format(new Date(instant));
/** Of the clock to UTC, at present. */
export const offsetS = (): number => -60 * new Date().getTimezoneOffset();
