/** From a request for a WebSocket to the word on it: who is it, and is it so? */
import * as v from "valibot";
import { parseJson } from "../../shared/bytes/json.ts";
import { LIMITS } from "../../shared/limits.ts";
import { addressOf } from "../../shared/tunnel/hello.ts";
import {
  type Claims,
  type Hello,
  HelloSchema,
  type PublicKeys,
  type RefusalCode,
} from "../../shared/tunnel/messages.ts";
import type { TunnelHubRpc, TunnelView } from "../../shared/tunnel/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { HubNetwork } from "./network.ts";
import { Nonces } from "./nonces.ts";
import type { HubParts } from "./parts.ts";
import type { Refusals } from "./refusals.ts";
import { isSigned } from "./signatures.ts";
import { subjectOf } from "./who.ts";

/** Somebody who has proved to be whom it claims, and the network as it was then. */
export interface Proven {
  readonly claims: Claims;
  readonly view: TunnelView;
}

/** A hello that is being looked at. */
interface Judged {
  readonly claims: Claims;
  /** Its instance was expelled meanwhile. */
  isExpelled: boolean;
}

export class Door {
  readonly #parts: HubParts;
  readonly #refusals: Refusals;
  readonly #network: HubNetwork;
  readonly #hubOf: (site: string) => Pick<TunnelHubRpc, "keysOf">;
  readonly #nonces: Nonces;
  readonly #judged = new Set<Judged>();

  constructor(
    parts: HubParts,
    refusals: Refusals,
    network: HubNetwork,
    hubOf: (site: string) => Pick<TunnelHubRpc, "keysOf">,
  ) {
    this.#parts = parts;
    this.#refusals = refusals;
    this.#network = network;
    this.#hubOf = hubOf;
    this.#nonces = new Nonces(parts.nowMs);
  }

  /** Somebody may be in in a moment: then every change of the network has to be heard of. */
  get isInUse(): boolean {
    return this.#judged.size > 0;
  }

  nonce(): string {
    return this.#nonces.issue();
  }

  /** An instance of a site is not to be trusted any more: whatever its hello that is being looked at proves. */
  expel(site: string, instance: string): void {
    for (const judged of this.#judged) {
      if (judged.claims.site === site && judged.claims.instance === instance) judged.isExpelled = true;
    }
  }

  /**
   * @param text the hello, as it came
   * @param url that was dialled
   */
  async hear(text: string | null, url: string): Promise<Result<Proven, RefusalCode>> {
    const hello = parse(text);
    if (hello === null) return err("bad-message");
    const { claims } = hello;
    const judgement = this.#nonces.take(hello.nonce) ? await this.#judgeOne(hello, url) : err("stale" as const);
    if (!judgement.ok) {
      this.#refusals.noteUnproven(judgement.error, claims);
      return judgement;
    }
    // The network may have changed since the first look, too.
    const view = this.#network.latest;
    if (view?.agents[claims.agent] === claims.site) return ok({ claims, view });
    this.#refusals.noteProven("revoked", claims);
    return err("revoked");
  }

  /** Strangers of this hub's own site are told at once, so that they take no place from who has enrolled. */
  async #judgeOne(hello: Hello, url: string): Promise<Result<null, RefusalCode>> {
    const { claims } = hello;
    const { site: hub, store } = this.#parts;
    if (claims.site === hub && store.instance(claims.instance) === undefined) return err("not-enrolled");
    const others = [...this.#judged].filter((other) => (other.claims.site === hub) === (claims.site === hub));
    if (others.length >= LIMITS.tunnelJudged) return err("unavailable");
    const judged: Judged = { claims, isExpelled: false };
    this.#judged.add(judged);
    try {
      const judgement = await this.#judge(hello, url);
      return judgement.ok && judged.isExpelled ? err("not-enrolled") : judgement;
    } finally {
      this.#judged.delete(judged);
    }
  }

  async #judge(hello: Hello, url: string): Promise<Result<null, RefusalCode>> {
    const { agent, site, role } = hello.claims;
    const view = await this.#network.now(true);
    if (view === null) return err("unavailable");
    const truth = view.agents[agent];
    if (truth === undefined) return err("revoked");
    if (truth !== site || (role === "owner" && site !== this.#parts.site)) return err("wrong-site");
    const keys = await this.#keysOf(hello.claims);
    if (!keys.ok) return keys;
    if (await isSigned(hello, keys.value, addressOf(url))) return ok(null);
    this.#alarm(hello.claims);
    return err("bad-signature");
  }

  async #keysOf({ agent, site, instance }: Claims): Promise<Result<PublicKeys, RefusalCode>> {
    const { site: hub, store } = this.#parts;
    if (site === hub) {
      const row = store.instance(instance);
      return row?.agent === agent ? ok(row.keys) : err("not-enrolled");
    }
    try {
      const keys = await this.#hubOf(site).keysOf({ agent, instance, hub });
      return keys === null ? err("not-enrolled") : ok(keys);
    } catch {
      return err("unavailable");
    }
  }

  #alarm(claims: Claims): void {
    const { alarms, store, nowMs } = this.#parts;
    const detail = "the signatures of a hello do not hold";
    store.transaction(() => alarms.raise("bad-signature", subjectOf(claims), detail, { nowMs: nowMs() }));
  }
}

function parse(text: string | null): Hello | null {
  if (text === null || text.length > LIMITS.tunnelHelloChars) return null;
  const json = parseJson(text, LIMITS.jsonDepth);
  if (!json.ok) return null;
  const hello = v.safeParse(HelloSchema, json.value);
  return hello.success ? hello.output : null;
}
