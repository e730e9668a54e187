/** Part 4: Get key with key IDs (clauses 5.4, 6.4): what the slave gets, and how often. */
import { LIMITS } from "../../../shared/limits.ts";
import { must, NotRun } from "../case.ts";
import type { Answer } from "../exchange.ts";
import { casesOf, type Etsi014Case } from "./etsi014-case.ts";
import { entriesIn, idsOf, type Key, keysOf, MESSAGES, mustBeError, mustBeSame } from "./expect.ts";
import { type Etsi014Stage, type Party, segment } from "./stage.ts";

/** How often two ask for one key at the same time. */
const RACES = 10;

const one = async (stage: Etsi014Stage): Promise<Key> => (await stage.fresh())[0] as Key;
const get = async (stage: Etsi014Stage, query: string): Promise<Answer> =>
  await stage.call(stage.B, `/${segment(stage.A.sae)}/dec_keys${query}`);
const post = async (stage: Etsi014Stage, body: unknown): Promise<Answer> =>
  await stage.call(stage.B, `/${segment(stage.A.sae)}/dec_keys`, { method: "POST", body });

/** These keys and no others, whichever way they were asked for. */
function mustBeThese(answer: Answer, keys: readonly Key[]): void {
  mustBeSame(keysOf(answer, keys.length), keys);
}

/** By their IDs alone. */
export async function mustGet(stage: Etsi014Stage, keys: readonly Key[], by: Party = stage.B): Promise<void> {
  mustBeThese(await stage.fetch(by, idsOf(keys)), keys);
}

/** After a refusal, which the standard does not say has to leave the keys alone. */
export async function shouldStillGet(stage: Etsi014Stage, keys: readonly Key[], by: Party = stage.B): Promise<void> {
  const answer = await stage.fetch(by, idsOf(keys));
  must(answer.status === 200, `the refusal has cost the key: status ${answer.status} for it alone`, "R");
  mustBeThese(answer, keys);
}

export const DEC_KEYS: readonly Etsi014Case[] = casesOf([
  {
    id: "014-D01",
    level: "M",
    clause: "5.4, 6.3",
    title: "GET dec_keys at KME 2 with the ID that A was given: one entry, the same ID and bytes",
    async run(stage) {
      const key = await one(stage);
      mustBeThese(await stage.untilKnown(async () => await get(stage, `?key_ID=${key.key_ID}`)), [key]);
    },
  },
  {
    id: "014-D02",
    level: "M",
    clause: "5.4, 6.4",
    title: "POST of one key_ID: the same",
    async run(stage) {
      await mustGet(stage, [await one(stage)]);
    },
  },
  {
    id: "014-D03",
    level: "M",
    clause: "6.4",
    title: "POST of 3 IDs in another order: 3 entries, each with its ID's bytes (R: in the order asked for)",
    async run(stage) {
      const keys = (await stage.fresh(await stage.atMost(3))).toReversed();
      const found = keysOf(await stage.fetch(stage.B, idsOf(keys)), keys.length);
      mustBeSame(found, keys);
      const isOrdered = found.every(({ key_ID }, i) => key_ID.toLowerCase() === keys[i]?.key_ID.toLowerCase());
      must(isOrdered, "they come in another order", "R");
    },
  },
  {
    id: "014-D04",
    level: "R",
    clause: "6.4",
    title: "whole entries of the container fed back as key_IDs: 200",
    async run(stage) {
      const keys = await stage.fresh(await stage.atMost(2));
      mustBeThese(await stage.untilKnown(async () => await post(stage, { key_IDs: keys })), keys);
    },
  },
  {
    id: "014-D05",
    level: "M",
    clause: "6.4",
    title: "an unknown key_ID: 400 with the mandated message",
    async run(stage) {
      mustBeError(await stage.dec(stage.B, stage.A, [crypto.randomUUID()]), { message: MESSAGES.notFound });
    },
  },
  {
    id: "014-D06",
    level: "M",
    clause: "6.4",
    title: "a known and an unknown key_ID: the same 400 (R: the known key stays)",
    async run(stage) {
      const key = await one(stage);
      mustBeError(await stage.dec(stage.B, stage.A, [key.key_ID, crypto.randomUUID()]), { message: MESSAGES.notFound });
      await shouldStillGet(stage, [key]);
    },
  },
  {
    id: "014-D07",
    level: "M",
    clause: "5.4",
    title: "a key_ID a second time: no key (R: the mandated message); two at once: one of them gets it",
    async run(stage) {
      const key = await one(stage);
      await mustGet(stage, [key]);
      const again = await stage.dec(stage.B, stage.A, [key.key_ID]);
      must(again.status !== 200, "it is given out a second time");
      for (let race = 0; race < RACES; race++) await mustGetOnce(stage, await one(stage));
      mustBeError(again, { message: MESSAGES.notFound, level: "R" });
    },
  },
  {
    id: "014-D12",
    level: "R",
    clause: "6.4",
    title: "a malformed UUID, an empty list, none at all, GET without key_ID: 400",
    async run(stage) {
      const bodies = [{ key_IDs: [{ key_ID: "not-a-uuid" }] }, { key_IDs: [] }, {}];
      for (const body of bodies) mustBeError(await post(stage, body));
      for (const query of ["", "?key_ID="]) mustBeError(await get(stage, query));
    },
  },
  {
    id: "014-D13",
    level: "R",
    clause: "6.4",
    title: "the same key_ID twice in one list: 400, or one entry; never two (M)",
    async run(stage) {
      const key = await one(stage);
      const answer = await stage.fetch(stage.B, [key.key_ID, key.key_ID]);
      if (answer.status === 200) {
        must(entriesIn(answer) === 1, `${entriesIn(answer)} entries`, "M");
        mustBeThese(answer, [key]);
      } else mustBeError(answer);
    },
  },
  {
    id: "014-D14",
    level: "R",
    clause: "6.4",
    title: "the UUID in upper case: the same key",
    async run(stage) {
      const key = await one(stage);
      mustBeThese(await stage.fetch(stage.B, [key.key_ID.toUpperCase()]), [key]);
    },
  },
  {
    id: "014-D15",
    level: "R",
    clause: "5.4",
    title: "GET with two key_ID: 400, or both keys",
    async run(stage, tell) {
      const keys = await stage.fresh(await stage.atMost(2));
      const query = `?${idsOf(keys)
        .map((id) => `key_ID=${id}`)
        .join("&")}`;
      const answer = await stage.untilKnown(async () => await get(stage, query));
      tell.remark(answer.status === 200 ? "both are given" : "it is refused");
      if (answer.status === 200) mustBeThese(answer, keys);
      else mustBeError(answer);
    },
  },
  {
    id: "014-D16",
    level: "R",
    clause: "6.4",
    title: "more IDs than max_key_per_request: 400, or all of them; no part (M)",
    async run(stage) {
      const { max_key_per_request: most } = await stage.status();
      if (most > LIMITS.doctorManyKeys) throw new NotRun(`max_key_per_request is ${most}: not tried`);
      const keys = [...(await stage.fresh(most)), await one(stage)];
      const answer = await stage.fetch(stage.B, idsOf(keys));
      if (answer.status === 200) {
        must(entriesIn(answer) === keys.length, `${entriesIn(answer)} entries for ${keys.length} IDs`, "M");
        mustBeThese(answer, keys);
      } else mustBeError(answer);
    },
  },
  {
    id: "014-D17",
    level: "M",
    clause: "5.1, 6.4",
    title: "a body that is no JSON: 400",
    async run(stage) {
      mustBeError(await post(stage, "key_ID=1"));
    },
  },
  {
    id: "014-D21",
    level: "R",
    clause: "6.4",
    title: "key_ID_extension and key_IDs_extension: ignored, 200",
    async run(stage) {
      const key = await one(stage);
      const entry = { key_ID: key.key_ID, key_ID_extension: { zzz: 1 } };
      const body = { key_IDs: [entry], key_IDs_extension: { zzz: 2 } };
      mustBeThese(await stage.untilKnown(async () => await post(stage, body)), [key]);
    },
  },
]);

/** Two requests for one key at the same time: exactly one of them gets it. */
async function mustGetOnce(stage: Etsi014Stage, key: Key): Promise<void> {
  let answers: readonly Answer[] = [];
  await stage.untilKnown(async () => {
    answers = await Promise.all([1, 2].map(async () => await stage.dec(stage.B, stage.A, [key.key_ID])));
    return answers.find(({ status }) => status === 200) ?? (answers[0] as Answer);
  });
  const given = answers.filter(({ status }) => status === 200);
  must(given.length === 1, `${given.length} of two requests at once get the key`, "M");
  mustBeThese(given[0] as Answer, [key]);
}
