/** What can be wrong with the key managers of `broken-004.ts`: a fault each, and the cases that have to find it, by binding. */

interface Found {
  readonly fails: readonly string[];
  /** Of what is only recommended. */
  readonly notes: readonly string[];
}

export interface Fault {
  readonly binary?: Found;
  readonly "json-tcp"?: Found;
}

const idsIn = (text: string): readonly string[] => (text === "" ? [] : text.split(" "));
/** @param notes what the case table calls recommended */
const found = (fails: string, notes = ""): Found => ({ fails: idsIn(fails), notes: idsIn(notes) });

export const FAULTS = {
  // The key
  "gives-b-other-bytes": { binary: found("004-03"), "json-tcp": found("004-03") },
  "repeats-chunks": { binary: found("004-03 004-25"), "json-tcp": found("004-03 004-25") },
  "mixes-streams": { binary: found("004-27"), "json-tcp": found("004-27") },
  "gives-other-bytes-again": { binary: found("004-18"), "json-tcp": found("004-18") },
  "gives-part-of-a-chunk": { binary: found("004-16"), "json-tcp": found("004-16") },
  "gives-old-key-again": { binary: found("004-21"), "json-tcp": found("004-21") },
  "gives-any-index": { binary: found("004-17 B-05"), "json-tcp": found("004-17") },
  "keeps-chunks-for-ever": { binary: found("004-22") },
  "gives-key-to-one-alone": { binary: found("004-07") },
  "gives-key-to-anybody": { binary: found("004-28") },
  // OPEN_CONNECT
  "makes-other-ksids": { binary: found("004-01 004-30 B-01") },
  "repeats-ksids": { binary: found("004-27 004-30") },
  "lets-anybody-join": { binary: found("004-06") },
  "takes-the-joiners-qos": { binary: found("004-02") },
  "waits-in-vain-with-4": { binary: found("004-08") },
  "hangs-up-on-who-waits": { binary: found("004-05 004-08 004-21") },
  "opens-for-one-alone": { "json-tcp": found("004-08", "J-08") },
  "promises-any-rate": { binary: found("004-09") },
  "offers-what-it-refuses": { binary: found("004-09") },
  "takes-any-type": { binary: found("004-12") },
  "takes-any-chunk": { binary: found("004-26", "B-11"), "json-tcp": found("004-26") },
  "opens-without-a-link": { binary: found("004-23"), "json-tcp": found("004-23") },
  "takes-timeout-0": { binary: found("", "B-10") },
  // Metadata
  "always-has-metadata": { binary: found("004-11 004-13 B-04") },
  "wants-metadata": { binary: found("004-13 B-04") },
  "loses-what-is-too-large": { binary: found("004-14 B-03") },
  "tells-age-by-the-clock": { binary: found("004-15") },
  "has-no-json": { binary: found("004-15 B-02") },
  // CLOSE
  "forgets-with-the-first-close": {
    binary: found("004-19 004-21 B-06", "004-29"),
    "json-tcp": found("004-19 004-21 J-03 J-10", "004-29"),
  },
  "goes-on-after-close": { binary: found("004-20"), "json-tcp": found("004-20") },
  "says-other-words": {
    binary: found("", "004-20 004-24 004-28 004-29 B-07"),
    "json-tcp": found("", "004-20 004-24 004-28 004-29"),
  },
  // Octets
  "wants-whole-frames": { binary: found("B-12") },
  "hangs-up-on-several-at-once": { binary: found("B-12"), "json-tcp": found("J-10") },
  "breaks-by-what-is-no-frame": { binary: found("B-13 B-14 B-15") },
  "answers-what-is-no-frame": { binary: found("B-13") },
  "breaks-with-a-client": { binary: found("B-15") },
  "reads-beyond-the-end": { binary: found("B-14") },
  "signs-octets": { "json-tcp": found("J-02 J-09 J-10", "J-06") },
  "ignores-the-unknown": { "json-tcp": found("", "J-04 J-05") },
  "hangs-up-on-what-is-missing": { "json-tcp": found("", "J-07") },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof FAULTS;
