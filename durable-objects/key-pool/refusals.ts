/** What a pool says when it cannot serve for now; the client is told when to come again. */
import { fail, type Fault, fault } from "../../shared/errors/errors.ts";
import { err, type Result } from "../../shared/result.ts";

const RETRY_SECONDS = 1;
const later = (message: string) =>
  err<Fault>({ ...fault("not-enough-keys", message), retryAfterSeconds: RETRY_SECONDS });

export const busy = () => later("the key pool is busy, try again");
export const notEnoughKeys = () => later("not enough keys available");

const unavailable = (message: string) =>
  err<Fault>({ ...fault("unavailable", message), retryAfterSeconds: RETRY_SECONDS });

export const logUnavailable = () => unavailable("the audit log does not answer, try again");
export const notLeased = () => unavailable("the key pool waits for its lease, try again");
export const rolledBack = () =>
  unavailable("the key pool's storage was put back from a copy: what it holds is being voided");
export const quotasUnknown = () => unavailable("the quotas of this pair are not known for now, try again");
export const otherHalfSilent = () => unavailable("the other half of this pair does not answer, try again");
export const otherHalfAbstains = () => unavailable("the other half of this pair cannot take part now, try again");
/** As when the link has just gone over there: key may come another way. */
export const otherHalfCloses = () => later("the other half of this pair takes no new keys");
export const otherHalfBehind = () => unavailable("the other half of this pair is too far behind, try again");
export const otherHalfSplit = () =>
  unavailable("the storage of one half of this pair was put back from a copy: no keys are given before it is voided");

/** As a caller of its own would be told of it. */
export const defect = (): Result<never, Fault> =>
  fail("unavailable", "a part of the key management system does not answer, try again");
