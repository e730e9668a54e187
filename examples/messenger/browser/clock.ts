import { steadyClock } from "../core/steady-clock.ts";

/** The page's time, in milliseconds since 1970: of all that waits, and of what is shown. */
export const now = steadyClock({ wall: Date.now, running: () => performance.now() });
