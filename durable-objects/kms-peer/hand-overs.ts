/** Hand-overs to the peer that are under way: each ends as `relayed`, or is taken back. */
import { parseJson, decodeUtf8 } from "../../shared/bytes/json.ts";
import { readBounded } from "../../shared/bytes/read-bounded.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { Ack } from "../../shared/etsi020/ack.ts";
import { HandOver, readAcks, writeExtKeys, writeVoid } from "../../shared/etsi020/hand-over.ts";
import type { KmsPeerRpc } from "../../shared/etsi020/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { postTo, type SendEnv } from "./send.ts";
import type { PeerStore } from "./store.ts";

interface UnderWay {
  readonly handOver: HandOver;
  /** Something was heard of it. */
  readonly changed: () => void;
}

export class HandOvers {
  readonly #env: SendEnv;
  readonly #peer: string;
  readonly #store: PeerStore;
  readonly #underWay = new Set<UnderWay>();

  constructor(env: SendEnv, peer: string, store: PeerStore) {
    this.#env = env;
    this.#peer = peer;
    this.#store = store;
  }

  heard(acks: readonly Ack[]): void {
    for (const { handOver, changed } of this.#underWay) {
      for (const ack of acks) handOver.heard(ack);
      changed();
    }
  }

  /** @param armed makes sure of an alarm no later than told: should this instance be lost, the keys are taken back */
  async begin(
    { node, reach, handed }: Parameters<KmsPeerRpc["handOver"]>[0],
    armed: (atMs: number) => Promise<void>,
  ): Promise<Result<null, Fault>> {
    if (this.#store.handOvers() >= LIMITS.kmsHandOvers) return notTaken("it has too many keys to acknowledge");
    const base = reach.url.replace(/\/$/u, "");
    const undo = {
      url: `${base}/kmapi/v1/ext_keys/void`,
      via: reach.via,
      body: writeVoid(handed, reach.form, reach.ackUrl),
    };
    const endsMs = Date.now() + 2 * LIMITS.kmsHandOverMs;
    const id = this.#store.begin(undo, node, endsMs);
    await armed(endsMs);
    const { promise, resolve } = Promise.withResolvers<void>();
    const handOver = new HandOver(handed);
    const underWay = { handOver, changed: () => (handOver.outcome === "waiting" ? undefined : resolve()) };
    this.#underWay.add(underWay);
    const timer = setTimeout(resolve, LIMITS.kmsHandOverMs);
    try {
      const letter = { url: `${base}/kmapi/v1/ext_keys`, via: reach.via, body: writeExtKeys(handed, reach.ackUrl) };
      const answer = await this.#ask(letter, reach.ackUrl === null);
      if (!answer.ok) return await this.#undo(id, answer.error.message, armed);
      this.heard(answer.value);
      if (reach.ackUrl !== null && handOver.outcome === "waiting") await promise;
      if (handOver.outcome !== "relayed") return await this.#undo(id, "it has not acknowledged them", armed);
      return this.#store.end(id) ? ok(null) : notTaken("its acknowledgement came too late");
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(underWay);
      handed.bytes.fill(0);
    }
  }

  /** @returns what the answer acknowledges: nothing yet, in asynchronous mode */
  async #ask(letter: Parameters<typeof postTo>[2], isSynchronous: boolean): Promise<Result<readonly Ack[], Fault>> {
    try {
      const response = await postTo(this.#env, this.#peer, letter, LIMITS.kmsHandOverMs);
      if (!response.ok || !isSynchronous || response.body === null) {
        await response.body?.cancel();
        return response.ok && !isSynchronous ? ok([]) : notTaken(`it answered HTTP ${response.status}`);
      }
      const bytes = await readBounded(response.body, LIMITS.extKeysBodyBytes);
      if (typeof bytes === "string") return notTaken(`its answer is ${bytes}`);
      const text = decodeUtf8(bytes);
      const json = text.ok ? parseJson(text.value, LIMITS.jsonDepth) : text;
      const acks = json.ok ? readAcks(json.value) : json;
      return acks.ok ? acks : notTaken("its answer holds no acknowledgements");
    } catch {
      return notTaken("it cannot be reached");
    }
  }

  async #undo(id: number, why: string, armed: (atMs: number) => Promise<void>): Promise<Result<never, Fault>> {
    this.#store.undo({ id }, Date.now(), LIMITS.kmsAckMs);
    await armed(Date.now());
    return notTaken(why);
  }
}

const notTaken = (why: string) =>
  fail("unavailable", `the key management system of the slave has not taken the keys: ${why}`);
