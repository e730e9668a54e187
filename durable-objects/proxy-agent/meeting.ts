/**
 * The two ends of an SA: it counts as installed when both have installed it, with a key of the same session. Until then,
 * and after, what fails at one end is undone at the other.
 */
import type { NodeId } from "../../shared/ids.ts";
import type { MadeKey } from "../../shared/ipsec/errand.ts";
import type { ProxyAgentRpc, SettledCall } from "../../shared/ipsec/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { agreementOf } from "./agreement.ts";
import type { SadRow } from "./entry-store.ts";
import type { Outcomes } from "./outcomes.ts";
import type { ProxyParts } from "./parts.ts";
import type { Telling } from "./word-store.ts";

/** Words to the other ends on their way at once. */
const AT_ONCE = 64;
const NOBODY_HEARS = "what becomes of the SA at the other end is not known here";

export class Meeting {
  readonly #parts: ProxyParts;
  readonly #outcomes: Outcomes;
  readonly #peers: (node: NodeId) => Pick<ProxyAgentRpc, "settled">;

  constructor(parts: ProxyParts, outcomes: Outcomes, peers: (node: NodeId) => Pick<ProxyAgentRpc, "settled">) {
    this.#parts = parts;
    this.#outcomes = outcomes;
    this.#peers = peers;
  }

  /** The SA is at this host now. Inside a transaction, as the next one. */
  made(before: SadRow, made: MadeKey, notes: readonly string[]): void {
    const { entries, words, network, nowMs } = this.#parts;
    const row: SadRow = { ...before, made, warnings: [...before.warnings, ...notes] };
    entries.keyed(row, made, nowMs() + LIMITS.ipsecPeerSilentMs, nowMs());
    const peer = row.peer === null ? null : network.peer(row.peer);
    if (peer === null) {
      this.#outcomes.installed(row, [NOBODY_HEARS]);
      return;
    }
    const agreement = agreementOf(row, network);
    const said = words.takeWord(row.sa);
    // That it failed is of an attempt before, where it is not of this session.
    const word = said?.installed === false && said.agreement !== agreement ? null : said;
    if (word !== null && !word.installed) this.#outcomes.failed(row, "peer-failed", PEER_FAILED, GONE_HERE);
    else if (word !== null && word.agreement !== agreement)
      this.#outcomes.failed(row, "keys-differ", DIFFER, GONE_BOTH);
    else {
      words.tell({ sa: row.sa, peer: peer.id, agreement, installed: true }, nowMs());
      if (word !== null) this.#outcomes.installed(row);
    }
  }

  /** The other end's word. @returns agreed: both have it, with one key; false: not so; null: not known yet */
  heard({ from, sa, agreement, installed }: SettledCall): boolean | null {
    const { db, entries, network, words, nowMs } = this.#parts;
    return db.transaction(() => {
      const row = entries.ofSa(sa);
      if (row === null || row.peer !== from || row.state === "deleting" || row.rekey !== null) return null;
      if (row.state === "queued") {
        if (agreement !== null) words.heard(sa, { agreement, installed }, nowMs());
        return null;
      }
      const own = agreementOf(row, network);
      if (row.state === "failed") {
        // It has not heard of that, or not of this attempt.
        if (installed) words.tell({ sa, peer: from, agreement: own, installed: false }, nowMs());
        return null;
      }
      // Late, of an attempt before this one.
      if (!installed && agreement !== null && own !== agreement) return null;
      // Should it be late all the same, and both have come to have it since, none shall have it.
      const gone = row.state === "installed" ? GONE_BOTH : GONE_HERE;
      if (!installed) this.#outcomes.failed(row, "peer-failed", PEER_FAILED, gone);
      else if (own !== agreement) this.#outcomes.failed(row, "keys-differ", DIFFER, GONE_HERE);
      else if (row.state === "keyed") this.#outcomes.installed(row);
      return installed && own === agreement;
    });
  }

  /** Tells the other ends what they have not heard. */
  async tellDue(): Promise<void> {
    const { words, nowMs } = this.#parts;
    const due = words.due(nowMs(), AT_ONCE);
    for (const telling of due) words.postpone(telling, nowMs() + LIMITS.ipsecTellAgainMs);
    await Promise.all(due.map(async (telling) => await this.#tell(telling)));
  }

  async #tell(telling: Telling): Promise<void> {
    const { node, db, words, changed } = this.#parts;
    const { peer, sa, agreement, installed } = telling;
    try {
      const answer = await this.#peers(peer).settled({ from: node, sa, agreement, installed });
      if (!answer.ok) return;
      db.transaction(() => {
        words.told(telling);
        if (installed) this.#answered(telling, answer.value.agreed);
      });
      changed();
    } catch {
      // It is told again.
    }
  }

  #answered({ sa, agreement }: Telling, agreed: boolean | null): void {
    const { entries, network } = this.#parts;
    const row = entries.ofSa(sa);
    if (agreed === null || row === null || agreementOf(row, network) !== agreement) return;
    if (row.state !== "keyed" && row.state !== "installed") return;
    if (!agreed) this.#outcomes.failed(row, "keys-differ", DIFFER, GONE_HERE);
    else if (row.state === "keyed") this.#outcomes.installed(row);
  }

  /** The other end has not said in time that it has the SA too. Inside a transaction. */
  silent(row: SadRow): void {
    this.#outcomes.failed(row, "peer-silent", `${row.peer ?? "the other end"} has not said that it has it`, GONE_BOTH);
  }
}

const GONE_HERE = { takeBack: true, tell: false } as const;
const GONE_BOTH = { takeBack: true, tell: true } as const;
const PEER_FAILED = "the other end could not install the SA, so it was taken back here";
const DIFFER = "the two ends took part in different sessions, or use the key for different algorithms";
