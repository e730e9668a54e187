/** What a pool says when it cannot serve for now; the client is told when to come again. */
import { type Fault, fault } from "../../shared/errors/errors.ts";
import { err } from "../../shared/result.ts";

const RETRY_SECONDS = 1;
const later = (message: string) =>
  err<Fault>({ ...fault("not-enough-keys", message), retryAfterSeconds: RETRY_SECONDS });

export const busy = () => later("the key pool is busy, try again");
export const notEnoughKeys = () => later("not enough keys available");

const unavailable = (message: string) => err<Fault>({ ...fault("unavailable", message), retryAfterSeconds: RETRY_SECONDS });

export const logUnavailable = () => unavailable("the audit log does not answer, try again");
export const notLeased = () => unavailable("the key pool waits for its lease, try again");
export const rolledBack = () =>
  unavailable("the key pool's storage was put back from a copy: what it holds is being voided");
