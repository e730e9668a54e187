/** C02: key containers that are not what was asked for (clause 6.3). */
import { randomUUID } from "node:crypto";
import { always, container, entry, type Reply } from "../answers.ts";
import type { Ask } from "../ask.ts";
import { clientCase, type Step } from "../case.ts";
import { mustRefuse } from "./judge.ts";

const TWO: Ask = { call: "enc_keys", peer: "sae-b", number: 2, sizeBits: 256 };
const [FIRST, SECOND] = [entry(), entry()];
const WANTED = randomUUID();

const BAD: Readonly<Record<string, Reply>> = {
  "no keys": container([]),
  "fewer than asked for": container([FIRST]),
  "a key that is too short": container([FIRST, entry(SECOND.key_ID, 16)]),
  "a key that is no base64": container([FIRST, { ...SECOND, key: `${"?".repeat(43)}=` }]),
  "one key_ID twice": container([FIRST, { ...SECOND, key_ID: FIRST.key_ID }]),
  "a member keys that is no list": { status: 200, body: { keys: { key_ID: FIRST.key_ID } } },
};

const rejected = (what: string, ask: Ask, reply: Reply): Step => ({
  what,
  ask,
  answer: always(reply),
  judge: mustRefuse,
});

export const CONTAINERS = clientCase({
  id: "C02",
  level: "M",
  clause: "6.3",
  title: "containers with no keys, too few, of the wrong length, not in base64, an ID twice, another ID: rejected",
  isOfRefusals: true,
  steps: [
    ...Object.entries(BAD).map(([what, reply]) => rejected(what, TWO, reply)),
    rejected("dec_keys: another key_ID", { call: "dec_keys", peer: "sae-a", keyIds: [WANTED] }, container([FIRST])),
  ],
});
