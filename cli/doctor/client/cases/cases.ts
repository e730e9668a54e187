/** Part 6 of the list of black-box cases, and T08 of part 1: a client of ETSI GS QKD 014 under test. */
import type { ClientCase } from "../case.ts";
import { CONTAINERS } from "./containers.ts";
import { ASKED_AGAIN, REFUSED } from "./refusals.ts";
import { KEY_IDS, METHODS, TOLERANCE } from "./requests.ts";
import { SERVER_IDENTITY } from "./server-identity.ts";

export const CLIENT_CASES: readonly ClientCase[] = [
  SERVER_IDENTITY,
  REFUSED,
  CONTAINERS,
  METHODS,
  KEY_IDS,
  ASKED_AGAIN,
  TOLERANCE,
];
