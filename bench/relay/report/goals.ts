/** What relays are to reach. */
import type { Goal } from "../../report/goals.ts";

export const RELAY_GOALS: readonly Goal[] = [
  { figure: "rate5hopVs1hop", is: "at least", bound: 0.9, what: "round trips/s at 5 hops, to those at 1" },
  { figure: "drawnVsWarm", is: "at least", bound: 10, what: "drawn for that, to what lay ready" },
  { figure: "coldMsPerHop", is: "at most", bound: 5, what: "first key of a pair whose pool is dry, 5 hops: ms a hop" },
  {
    figure: "relayBytesPerSPerHop",
    is: "at least",
    bound: 2_000_000,
    what: "relay ahead of need: bytes/s of key a hop",
  },
  { figure: "otpBitsPerKeyBitPerHop", is: "at most", bound: 1.02, what: "bits a key bit and hop, ahead of need" },
  { figure: "otpBitsPerKeyBitPerHop_single", is: "at most", bound: 2.1, what: "bits a key bit and hop, single keys" },
];
