/** C03, C04 and C06: how a client asks, and what it takes without knowing it. */
import { randomUUID } from "node:crypto";
import { right } from "../answers.ts";
import type { Ask } from "../ask.ts";
import { clientCase, type Step } from "../case.ts";
import { firstOf, mustHold, mustSucceed, postedBy } from "./judge.ts";

const PLAIN: Ask = { call: "enc_keys", peer: "sae-b", number: 2, sizeBits: 256 };
const NUMBERS = { number: 2, size: 256 };
const EXTENSION = [{ zzz_vendor: "a" }];
const SLAVES = ["sae-c"];
const ODD = "urn:sae/b";

const posted = (what: string, wish: Partial<Ask>, members: Readonly<Record<string, unknown>>): Step => ({
  what,
  ask: { ...PLAIN, ...wish },
  answer: right(),
  judge(attempt, tell) {
    mustHold(postedBy(attempt, tell), { ...NUMBERS, ...members });
    mustSucceed(attempt);
  },
});

export const METHODS = clientCase({
  id: "C03",
  level: "M",
  clause: "5.3, 6.2",
  title: "number and size: GET or POST; extensions or additional slaves: POST, with all that was asked for",
  steps: [
    {
      what: "number and size",
      ask: PLAIN,
      answer: right(),
      judge(attempt, tell) {
        const { method, query } = firstOf(attempt);
        const told = Object.fromEntries(
          Object.keys(NUMBERS).map((name) => [name, Number(query.get(name) ?? Number.NaN)]),
        );
        mustHold(method === "GET" ? told : postedBy(attempt, tell), NUMBERS);
        mustSucceed(attempt);
      },
    },
    posted("extension_mandatory", { mandatory: EXTENSION }, { extension_mandatory: EXTENSION }),
    posted("extension_optional", { optional: EXTENSION }, { extension_optional: EXTENSION }),
    posted("additional slaves", { slaves: SLAVES }, { additional_slave_SAE_IDs: SLAVES }),
  ],
});

const IDS = [randomUUID(), randomUUID()];

export const KEY_IDS = clientCase({
  id: "C04",
  level: "M",
  clause: "5.2 to 5.4, 6.4",
  title: "two key_IDs: POST; an SAE ID with / and : is encoded once",
  steps: [
    {
      what: "two key_IDs",
      ask: { call: "dec_keys", peer: "sae-a", keyIds: IDS },
      answer: right(),
      judge(attempt, tell) {
        const { method, query } = firstOf(attempt);
        const isOneByOne =
          method === "GET" && query.getAll("key_ID").length === 1 && attempt.asked.length === IDS.length;
        if (isOneByOne)
          tell.note("they are fetched one by one: what the one call would refuse as a whole may come in part");
        else mustHold(postedBy(attempt, tell), { key_IDs: IDS.map((key_ID) => ({ key_ID })) });
        mustSucceed(attempt);
      },
    },
    {
      what: `the SAE ID ${ODD}`,
      ask: { call: "enc_keys", peer: ODD },
      answer: right(),
      judge(attempt) {
        firstOf(attempt);
        mustSucceed(attempt);
      },
    },
  ],
});

/** In the container, in each of its keys, and in a Status. */
const UNKNOWN = { zzz_vendor: { a: [1] }, key_ID_extension: { b: 1 }, key_extension: {}, key_container_extension: {} };

const tolerated = (ask: Ask): Step => ({
  what: ask.call,
  ask,
  answer: right(UNKNOWN),
  judge(attempt) {
    firstOf(attempt);
    mustSucceed(attempt);
  },
});

export const TOLERANCE = clientCase({
  id: "C06",
  level: "M",
  clause: "6.1, 6.3",
  title: "unknown members in every object: taken",
  steps: [
    tolerated(PLAIN),
    tolerated({ call: "dec_keys", peer: "sae-a", keyIds: IDS.slice(0, 1) }),
    tolerated({ call: "status", peer: "sae-b" }),
  ],
});
