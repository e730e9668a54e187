/** What a request is called in answers and logs. */
import { LIMITS } from "../limits.ts";

export const REQUEST_ID_HEADER = "X-Request-Id";

/** What of the client's own can stand in a header and a log as it is. */
const FORM = new RegExp(`^[A-Za-z0-9._~:@+=-]{1,${LIMITS.requestIdChars}}$`);

/** @param sent the client's; it counts if it is one */
export const requestIdOf = (sent: string | null | undefined, makeNew: () => string): string =>
  typeof sent === "string" && FORM.test(sent) ? sent : makeNew();
