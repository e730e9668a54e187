/**
 * Where a responder's application and the initiator's `open` meet: whichever comes first waits for the other, those with
 * the same two texts in the order in which they came.
 */
import { LIMITS } from "../../../../shared/limits.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import type { PeerMessageOf } from "../../../../shared/hybrid/peer/messages.ts";
import type { Wish } from "../agreement.ts";
import type { PeerConnection } from "../channel/types.ts";
import { failed, type HybridFailure } from "../failure.ts";

export interface Arrival {
  readonly connection: PeerConnection;
  readonly open: PeerMessageOf<"open">;
}

type Outcome = Result<Arrival, HybridFailure>;

interface Waiting {
  readonly texts: string;
  /** Node, name and name, node: of one pair of applications, as far as can be told. */
  readonly pair: string;
  /** Somebody of that pair came with other texts. */
  sawOther: boolean;
}

interface Here extends Waiting {
  readonly isFrom: (site: string) => boolean;
  readonly resolve: (outcome: Outcome) => void;
}

interface There extends Waiting {
  readonly arrival: Arrival;
  /** Of its public keys. */
  readonly bytes: number;
  readonly timer: NodeJS.Timeout;
}

interface Texts {
  readonly source: string;
  readonly destination: string;
}
const textsOf = ({ source, destination }: Texts): string => JSON.stringify([source, destination]);
const withoutQuery = (uri: string): string => uri.split("?")[0]?.toLowerCase() ?? "";
const pairOf = ({ source, destination }: Texts): string =>
  textsOf({ source: withoutQuery(source), destination: withoutQuery(destination) });

const bytesOf = ({ open: { make } }: Arrival): number =>
  make?.publicKeys?.reduce((sum, { length }) => sum + length, 0) ?? 0;

const siteOf = ({ arrival }: There): string => arrival.connection.site;

const CROWDED: HybridFailure = { code: "busy", detail: "as many applications wait as may" };

const nobody = ({ sawOther }: Waiting, who: string): Result<never, HybridFailure> =>
  sawOther
    ? failed("uris-differ", "the other end came with another source or destination: both have to pass the same texts")
    : failed("peer-not-come", `${who} has not come in time`);

export class Rendezvous {
  readonly #here = new Set<Here>();
  readonly #there = new Set<There>();
  #thereBytes = 0;
  /** Tells an initiator that nobody has come. */
  readonly #refuse: (arrival: Arrival, failure: HybridFailure) => void;

  constructor(refuse: (arrival: Arrival, failure: HybridFailure) => void) {
    this.#refuse = refuse;
  }

  get waiting(): number {
    return this.#here.size + this.#there.size;
  }

  /** An application of this end. */
  async come(
    wish: Pick<Wish, "source" | "destination" | "timeoutMs">,
    isFrom: (site: string) => boolean,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const [texts, pair] = [textsOf(wish), pairOf(wish)];
    for (const there of this.#there) {
      if (there.texts !== texts || !isFrom(there.arrival.connection.site)) continue;
      this.#forget(there);
      return ok(there.arrival);
    }
    if (this.#here.size >= LIMITS.hybridWaiting) return err(CROWDED);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const others = [...this.#there].filter(({ arrival }) => isFrom(arrival.connection.site));
    const here: Here = { texts, pair, isFrom, resolve, sawOther: seesOthers(others, pair) };
    this.#here.add(here);
    const giveUp = (): void => resolve(nobody(here, "the initiator's application"));
    const timer = setTimeout(giveUp, wish.timeoutMs);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    const outcome = await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    this.#here.delete(here);
    return outcome;
  }

  /** An initiator's `open`. */
  arrive(arrival: Arrival): void {
    const [texts, pair] = [textsOf(arrival.open), pairOf(arrival.open)];
    for (const here of this.#here) {
      if (here.texts !== texts || !here.isFrom(arrival.connection.site)) continue;
      this.#here.delete(here);
      here.resolve(ok(arrival));
      return;
    }
    const bytes = bytesOf(arrival);
    if (!this.#makeRoom(arrival.connection.site, bytes)) {
      this.#refuse(arrival, CROWDED);
      return;
    }
    const timeoutMs = Math.min(arrival.open.timeoutMs, LIMITS.streamTimeoutMs);
    // Of another site's applications nobody learns here whether they wait.
    const others = [...this.#here].filter(({ isFrom }) => isFrom(arrival.connection.site));
    const there: There = {
      texts,
      pair,
      arrival,
      bytes,
      sawOther: seesOthers(others, pair),
      timer: setTimeout(() => {
        this.#forget(there);
        const outcome = nobody(there, "the responder's application");
        if (!outcome.ok) this.#refuse(arrival, outcome.error);
      }, timeoutMs),
    };
    this.#there.add(there);
    this.#thereBytes += bytes;
  }

  /** What came over this connection has nobody to answer to. */
  disconnected(connection: PeerConnection): void {
    for (const there of this.#there) if (there.arrival.connection === connection) this.#forget(there);
  }

  /** The initiator's application has given up. */
  withdrawn(connection: PeerConnection, session: string): void {
    for (const there of this.#there) {
      if (there.arrival.connection === connection && there.arrival.open.session === session) this.#forget(there);
    }
  }

  close(): void {
    for (const there of this.#there) this.#forget(there);
    for (const here of this.#here) here.resolve(failed("peer-not-come", "the agent ends"));
  }

  /** No site's agent takes up all the room: where one has more of it than the newcomer's, its latest gives way. */
  #makeRoom(site: string, bytes: number): boolean {
    for (;;) {
      const isFull = this.#there.size >= LIMITS.hybridWaiting;
      if (!isFull && this.#thereBytes + bytes <= LIMITS.hybridWaitingBytes) return true;
      const share = (there: Pick<There, "bytes">): number => (isFull ? 1 : there.bytes);
      const shares = new Map([[site, share({ bytes })]]);
      for (const there of this.#there) shares.set(siteOf(there), (shares.get(siteOf(there)) ?? 0) + share(there));
      const [largest = site] = [...shares].toSorted(([, one], [, other]) => other - one)[0] ?? [];
      const isLarger = (shares.get(largest) ?? 0) > (shares.get(site) ?? 0);
      const latest = [...this.#there].findLast((there) => siteOf(there) === largest && share(there) > 0);
      if (!isLarger || latest === undefined) return false;
      this.#forget(latest);
      this.#refuse(latest.arrival, CROWDED);
    }
  }

  #forget(there: There): void {
    clearTimeout(there.timer);
    if (this.#there.delete(there)) this.#thereBytes -= there.bytes;
  }
}

/** Both are told later why they have not met. @returns whether there are any */
function seesOthers(waiting: readonly Waiting[], pair: string): boolean {
  const others = waiting.filter((one) => one.pair === pair);
  for (const one of others) one.sawOther = true;
  return others.length > 0;
}
