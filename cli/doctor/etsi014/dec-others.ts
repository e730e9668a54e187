/** Part 4: Get key with key IDs (clause 5.4): who does not get a key, and what time and accidents do to one. */
import { setTimeout as sleep } from "node:timers/promises";
import { must } from "../case.ts";
import { open } from "../exchange.ts";
import { mustGet, shouldStillGet } from "./dec-keys.ts";
import { casesOf, type Etsi014Case } from "./etsi014-case.ts";
import { idsOf, keysOf, MESSAGES, mustBeError, mustBeOneOf, mustBeSame, mustBeUnauthorised } from "./expect.ts";
import { type Etsi014Stage, segment } from "./stage.ts";

/** How much longer than its lifetime a key is waited for. */
const GRACE_MS = 250;
const RESTART_MS = 120_000;
const RETRY_MS = 250;
const ABORTED_CALLS = 5;
const LATER_CALLS = 10;
const KEYS_EACH = 20;

export const DEC_OTHERS: readonly Etsi014Case[] = casesOf([
  {
    id: "014-D08",
    level: "M",
    clause: "5.4",
    title: "a third SAE asks for a key of A and B: 401; afterwards B gets it",
    needs: ["third"],
    async run(stage) {
      const keys = await stage.fresh();
      mustBeUnauthorised(await stage.fetch(stage.C, idsOf(keys)));
      await mustGet(stage, keys);
    },
  },
  {
    id: "014-D09",
    level: "M",
    clause: "5.4",
    title: "a third SAE asks for a key of its own and one of A and B: 401 for all (R: its own stays)",
    needs: ["third"],
    async run(stage) {
      const theirs = await stage.fresh();
      const own = await stage.fresh(1, stage.A, stage.C);
      mustBeUnauthorised(await stage.fetch(stage.C, idsOf([...own, ...theirs])));
      await shouldStillGet(stage, own, stage.C);
    },
  },
  {
    id: "014-D10",
    level: "M",
    clause: "5.4",
    title: "the master asks for its own key, with B or itself in the path: 401 or 400, never the key",
    async run(stage) {
      const keys = await stage.fresh();
      for (const path of [stage.B, stage.A]) mustBeOneOf(await stage.dec(stage.A, path, idsOf(keys)), 400, 401);
      await shouldStillGet(stage, keys);
    },
  },
  {
    id: "014-D11",
    level: "R",
    clause: "5.4",
    title: "B asks with another master in the path: 400 or 401, and the key stays",
    needs: ["third"],
    async run(stage) {
      const keys = await stage.fresh();
      mustBeOneOf(await stage.dec(stage.B, stage.C, idsOf(keys)), 400, 401);
      await shouldStillGet(stage, keys);
    },
  },
  {
    id: "014-D18",
    level: "X",
    clause: "",
    title: "a key older than its lifetime: 400 with the mandated message, and back in no pool",
    needs: ["lifetime"],
    timeoutMs: 24 * 3600 * 1000,
    async run(stage, tell) {
      const keys = await stage.fresh();
      await sleep((stage.given.lifetimeMs ?? 0) + GRACE_MS, undefined, { signal: stage.record.signal });
      const before = await stage.stored();
      mustBeError(await stage.dec(stage.B, stage.A, idsOf(keys)), { message: MESSAGES.notFound });
      await sleep(GRACE_MS, undefined, { signal: stage.record.signal });
      const after = await stage.stored();
      if (stage.given.isPaused) must(after === before, `${before} keys stored before, ${after} after`);
      else tell.remark("whether it came back is not known: key may have come in meanwhile (--paused)");
    },
  },
  {
    id: "014-D19",
    level: "X",
    clause: "",
    title: "KME 2 restarts between enc_keys and dec_keys: the key, or 400 or 503; never other bytes",
    needs: ["restart"],
    timeoutMs: 600_000,
    async run(stage, tell) {
      const keys = await stage.fresh(await stage.atMost(3));
      await stage.given.restart?.(stage.record.signal);
      await served(stage);
      const answer = await stage.fetch(stage.B, idsOf(keys));
      if (answer.status === 200) mustBeSame(keysOf(answer, keys.length), keys);
      else mustBeOneOf(answer, 400, 503);
      tell.remark(answer.status === 200 ? "the keys are still there" : "the keys are gone");
      keysOf(await stage.enc(), 1);
    },
  },
  {
    id: "014-D20",
    level: "X",
    clause: "",
    title: "a connection aborted after the headers of enc_keys: its key IDs are not given out again",
    async run(stage) {
      const number = await stage.atMost(KEYS_EACH);
      await stage.awaitKeys(number * (ABORTED_CALLS + LATER_CALLS));
      const aborted: string[] = [];
      for (let call = 0; call < ABORTED_CALLS; call++) aborted.push(...(await abortedIds(stage, number)));
      must(aborted.length > 0, "no answer came that could be aborted");
      const later = new Set<string>();
      for (let call = 0; call < LATER_CALLS; call++) {
        for (const id of idsOf(await stage.fresh(number))) later.add(id.toLowerCase());
      }
      const again = aborted.filter((id) => later.has(id.toLowerCase()));
      must(again.length === 0, `${again.length} of ${aborted.length} key IDs were given out again`);
    },
  },
]);

/** KME 2 answers again. @throws Breach where it does not in time */
async function served(stage: Etsi014Stage): Promise<void> {
  const untilMs = performance.now() + RESTART_MS;
  while (performance.now() < untilMs) {
    const answer = await stage.call(stage.B, `/${segment(stage.A.sae)}/status`).catch(() => null);
    if (answer?.status === 200) return;
    await sleep(RETRY_MS, undefined, { signal: stage.record.signal });
  }
  must(false, `KME 2 does not answer within ${RESTART_MS / 1000} s of its restart`);
}

/** IDs in the first piece of an answer whose connection is then destroyed. */
async function abortedIds(stage: Etsi014Stage, number: number): Promise<readonly string[]> {
  const { A, B, given, record } = stage;
  const path = `/${segment(B.sae)}/enc_keys?number=${number}`;
  const response = await open(`${A.kme}/api/v1/keys${path}`, given.ca, A.identity, {}, record.signal);
  record.transcript.add(A.sae, `GET ${path}`, `HTTP ${response.statusCode ?? 0}, then aborted`);
  // Leaving the loop destroys the connection.
  for await (const chunk of response) return String(chunk).match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi) ?? [];
  return [];
}
