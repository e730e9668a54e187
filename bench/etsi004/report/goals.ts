/** What key streams and the simulation of BB84 are to reach. */
import type { Goal } from "../../report/goals.ts";

export const STREAM_GOALS: readonly Goal[] = [
  { figure: "getKeyVsNoop_c1", is: "at least", bound: 0.4, what: "GET_KEY/s, one at a time, to no-op" },
  { figure: "getKeyVsNoop_c16", is: "at least", bound: 0.4, what: "GET_KEY/s, 16 at once, to no-op" },
  { figure: "binaryP50Ms", is: "at most", bound: 2, what: "GET_KEY, binary over TLS, p50" },
  { figure: "openP50Ms", is: "at most", bound: 5, what: "OPEN_CONNECT, p50" },
  { figure: "bb84DetectionsPerS", is: "at least", bound: 5e6, what: "detections simulated a second, one core" },
  { figure: "postprocBitsPerS", is: "at least", bound: 1e6, what: "sifted bits/s, two processes, 1 ms round trip" },
];
