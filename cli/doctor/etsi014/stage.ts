/** What the cases of ETSI GS QKD 014 work with: two KMEs, the SAEs that call them, and what else was given. */
import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../../shared/limits.ts";
import { type Exchange, NotRun, type Stage } from "../case.ts";
import { type Answer, type Call, exchange, type Identity, type Recording } from "../exchange.ts";
import { Redactor } from "../redact.ts";
import { Transcript } from "../transcript.ts";
import { type Figures, figuresOf, type Key, keysOf } from "./expect.ts";

/** An SAE, and the KME that serves it. */
export interface Party {
  readonly sae: string;
  /** Its KME's URL; asked for with each call, as a restart may change it. */
  readonly kme: string;
  readonly identity: Required<Identity>;
}

/** What a run is given. A is the master, at KME 1; B its slave, at KME 2; C and D have no part in what those two do. */
export interface Given {
  /** PEM of the authority that the KMEs' certificates are of. */
  readonly ca: string;
  readonly A: Party;
  readonly B: Party;
  readonly C?: Party;
  readonly D?: Party;
  /** A certificate of the SAEs' authority for an SAE that no KME knows; and one of A that has expired. */
  readonly unregistered?: Required<Identity>;
  readonly expired?: Required<Identity>;
  /** A certificate that names A and is of an authority that the KMEs do not trust; made where there is none. */
  readonly foreign?: Required<Identity>;
  /** ID of an SAE that has to be URL-encoded. */
  readonly oddSae?: string;
  /** An `extension_mandatory` that the KME supports, and cannot meet between A and B. */
  readonly unmet?: readonly unknown[];
  /** Ends KME 2 and starts it again; broken off by the signal. */
  readonly restart?: (signal: AbortSignal) => Promise<void>;
  /** How long a key is kept for its slave. */
  readonly lifetimeMs?: number;
  /** The pair's pool may be run empty. */
  readonly mayDrain: boolean;
  /** No new key comes to the pair's pool meanwhile. */
  readonly isPaused: boolean;
  /** How long the pair may take to have the keys that a case wants. */
  readonly waitMs: number;
  /** How long KME 2 may take to know a key that KME 1 has given out. */
  readonly syncMs: number;
}

/** need -> whether it is met, and what to give. */
const NEEDS = {
  third: { isMet: ({ C }) => C !== undefined, give: "--cert-c and --key-c: a third SAE that the KMEs know" },
  fourth: { isMet: ({ D }) => D !== undefined, give: "--cert-d and --key-d: a fourth SAE that the KMEs know" },
  unregistered: {
    isMet: (given) => given.unregistered !== undefined,
    give: "--unregistered-cert and --unregistered-key: of the right authority, for an SAE that no KME knows (or --ca-key)",
  },
  expired: {
    isMet: (given) => given.expired !== undefined,
    give: "--expired-cert and --expired-key: of the right authority, and expired (or --ca-key)",
  },
  odd: { isMet: (given) => given.oddSae !== undefined, give: "--odd-sae: an SAE's ID that has to be URL-encoded" },
  unmet: {
    isMet: (given) => given.unmet !== undefined,
    give: "--unmet: an extension_mandatory list (JSON) that the KME supports and cannot meet",
  },
  restart: { isMet: (given) => given.restart !== undefined, give: "--restart-command: what restarts KME 2" },
  lifetime: { isMet: (given) => given.lifetimeMs !== undefined, give: "--key-lifetime: seconds that a key is kept" },
  drain: { isMet: (given) => given.mayDrain, give: "--drain: the pair's pool may be run empty" },
  paused: { isMet: (given) => given.isPaused, give: "--paused: while no new key comes to the pair's pool" },
} as const satisfies { readonly [name: string]: { readonly isMet: (given: Given) => boolean; readonly give: string } };
export type Need = keyof typeof NEEDS;

const POLL_MS = 200;

export class Etsi014Stage implements Stage {
  readonly given: Given;
  readonly #redactor: Redactor;
  readonly #transcript: Transcript;
  #signal = new AbortController().signal;
  /** Of this case, one an SAE and KME. */
  #agents = new Map<string, Agent>();

  constructor(given: Given) {
    this.given = given;
    const parties = [given.A, given.B, given.C, given.D].flatMap((party) => party?.sae ?? []);
    this.#redactor = new Redactor([...parties, given.oddSae ?? ""]);
    this.#transcript = new Transcript(this.#redactor);
  }

  lacks(need: string): string | null {
    const { isMet, give } = NEEDS[need as Need];
    return isMet(this.given) ? null : give;
  }

  begin(signal: AbortSignal): void {
    this.#signal = signal;
    this.#transcript.begin();
    const agents = (this.#agents = new Map<string, Agent>());
    signal.addEventListener("abort", () => agents.forEach((agent) => agent.destroy()), { once: true });
  }

  exchanges(): readonly Exchange[] {
    return this.#transcript.exchanges();
  }

  shown(words: string): string {
    return this.#redactor.text(words);
  }

  get A(): Party {
    return this.given.A;
  }
  get B(): Party {
    return this.given.B;
  }
  /** @throws NotRun where there is none: a case that needs it says so */
  get C(): Party {
    return this.given.C ?? missing("third");
  }
  get D(): Party {
    return this.given.D ?? missing("fourth");
  }

  get record(): Recording {
    return { transcript: this.#transcript, redactor: this.#redactor, signal: this.#signal };
  }

  /** On a connection that the case's calls as this party share. @param path below `/api/v1/keys` */
  async call(party: Party, path: string, call: Call = {}): Promise<Answer> {
    const who = `${party.sae} ${party.kme}`;
    const agent = this.#agents.get(who) ?? new Agent({ keepAlive: true, maxCachedSessions: 0 });
    this.#agents.set(who, agent);
    return await this.callAs(party, { name: party.sae, identity: party.identity }, path, { agent, ...call });
  }

  /** The party's KME, called by somebody else, on a connection of its own. */
  async callAs(
    { kme }: Pick<Party, "kme">,
    caller: { readonly name: string; readonly identity: Identity },
    path: string,
    call: Call = {},
  ): Promise<Answer> {
    return await exchange(`${kme}/api/v1/keys${path}`, this.given.ca, caller, call, this.record);
  }

  async status(from: Party = this.A, to: Party = this.B): Promise<Figures> {
    return figuresOf(await this.statusAnswer(from, to));
  }

  async statusAnswer(from: Party = this.A, to: Party = this.B): Promise<Answer> {
    return await this.call(from, `/${segment(to.sae)}/status`);
  }

  async enc(call: Call & { readonly query?: string } = {}, from: Party = this.A, to: Party = this.B): Promise<Answer> {
    return await this.call(from, `/${segment(to.sae)}/enc_keys${call.query ?? ""}`, call);
  }

  async dec(party: Party, master: Party, ids: readonly string[]): Promise<Answer> {
    const body = { key_IDs: ids.map((key_ID) => ({ key_ID })) };
    return await this.call(party, `/${segment(master.sae)}/dec_keys`, { body });
  }

  /**
   * Keys of the default size. A pair may make them only when it is asked, so that its status says nothing of that: it is
   * asked again while it has not so many. @throws NotRun when it never has
   */
  async fresh(number = 1, from: Party = this.A, to: Party = this.B): Promise<readonly Key[]> {
    const untilMs = performance.now() + this.given.waitMs;
    for (;;) {
      const answer = await this.enc({ body: { number } }, from, to);
      const isShort = answer.status === 503 || (answer.status === 400 && (await this.stored(from, to)) < number);
      if (!isShort) return keysOf(answer, number);
      if (performance.now() >= untilMs)
        throw new NotRun(`${number} keys wanted, none after ${this.given.waitMs / 1000} s`);
      await sleep(POLL_MS, undefined, { signal: this.#signal });
    }
  }

  /** What the slave is given for these IDs, once its KME may be expected to know them. */
  async fetch(party: Party, ids: readonly string[], master: Party = this.A): Promise<Answer> {
    return await this.untilKnown(async () => await this.dec(party, master, ids));
  }

  /** Asks again while KME 2 may not have heard of the keys yet. */
  async untilKnown(ask: () => Promise<Answer>): Promise<Answer> {
    const untilMs = performance.now() + this.given.syncMs;
    for (;;) {
      const answer = await ask();
      if (![400, 404, 503].includes(answer.status) || performance.now() >= untilMs) return answer;
      await sleep(POLL_MS, undefined, { signal: this.#signal });
    }
  }

  /** @throws NotRun when the pair has not so many keys of the default size in time */
  async awaitKeys(number: number, from: Party = this.A, to: Party = this.B): Promise<void> {
    const untilMs = performance.now() + this.given.waitMs;
    for (;;) {
      const { stored_key_count: stored, max_key_count: most } = await this.status(from, to);
      if (stored >= Math.min(number, most)) return;
      if (performance.now() >= untilMs) {
        throw new NotRun(`${number} keys wanted, ${stored} stored after ${this.given.waitMs / 1000} s`);
      }
      await sleep(POLL_MS, undefined, { signal: this.#signal });
    }
  }

  /** So many keys, or as many as one request may ask for. */
  async atMost(number: number): Promise<number> {
    return Math.min(number, (await this.status()).max_key_per_request, LIMITS.doctorManyKeys);
  }

  async stored(from: Party = this.A, to: Party = this.B): Promise<number> {
    return (await this.status(from, to)).stored_key_count;
  }
}

function missing(need: Need): never {
  throw new NotRun(NEEDS[need].give);
}

/** An SAE's ID in a path, encoded once. */
export const segment = encodeURIComponent;
