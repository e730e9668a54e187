/** What a pool says when it cannot serve for now; the client is told when to come again. */
import { type Fault, fault } from "../../shared/errors/errors.ts";
import { err } from "../../shared/result.ts";

const RETRY_SECONDS = 1;
const later = (message: string) =>
  err<Fault>({ ...fault("not-enough-keys", message), retryAfterSeconds: RETRY_SECONDS });

export const busy = () => later("the key pool is busy, try again");
export const notEnoughKeys = () => later("not enough keys available");
