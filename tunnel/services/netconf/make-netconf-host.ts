/** An IPsec host behind NETCONF over SSH. */
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import type { NetconfConfig } from "./config.ts";
import { failed, type NetconfFailure } from "./failure.ts";
import { installAll, installEach } from "./install.ts";
import { NetconfLink } from "./link.ts";
import type {
  Change,
  EntryRef,
  NetconfHost,
  NetconfStatus,
  Presence,
  Subscription,
  SubscriptionEvent,
} from "./netconf-host.ts";
import { readEntries } from "./read-back.ts";
import { Subscriptions } from "./subscriptions.ts";

/** Nothing is connected before the first call. */
export const makeNetconfHost = (config: NetconfConfig): NetconfHost => new SshNetconfHost(config);

type Outcome = Result<null, NetconfFailure>;

class SshNetconfHost implements NetconfHost {
  readonly #link: NetconfLink;
  /** For subscriptions to hosts without `:interleave`. */
  readonly #ownLink: NetconfLink;
  readonly #subscriptions: Subscriptions;
  /** One edit after the other: a lock is its session's, whoever asked for it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(config: NetconfConfig) {
    const notify = (xml: string): void => this.#subscriptions.notify(xml);
    this.#link = new NetconfLink(config, notify);
    this.#ownLink = new NetconfLink(config, notify);
    this.#subscriptions = new Subscriptions(this.#link, this.#ownLink);
  }

  async installAll(changes: readonly Change[]): Promise<Outcome> {
    const tooMany = fault(changes);
    if (tooMany !== null) return wiped(changes, tooMany);
    if (changes.length === 0) return ok(null);
    return this.#inTurn(changes, () => installAll(this.#link, changes));
  }

  async installEach(changes: readonly Change[]): Promise<readonly Outcome[]> {
    const tooMany = fault(changes);
    if (tooMany !== null)
      return wiped(
        changes,
        changes.map(() => tooMany),
      );
    return this.#inTurn(changes, () => installEach(this.#link, changes));
  }

  async read(entries: readonly EntryRef[]): Promise<Result<readonly Presence[], NetconfFailure>> {
    if (entries.length > LIMITS.netconfChanges)
      return failed("too-large", `more than ${LIMITS.netconfChanges} entries`);
    if (entries.length === 0) return ok([]);
    const opened = await this.#link.session();
    if (!opened.ok) return opened;
    const read = await readEntries(opened.value, entries);
    // Reading twice does no harm.
    if (read.ok || opened.value.isOpen || this.#link.signal.aborted) return read;
    const again = await this.#link.session();
    return again.ok ? readEntries(again.value, entries) : again;
  }

  subscribe(listener: (event: SubscriptionEvent) => void): Subscription {
    if (this.#subscriptions.size >= LIMITS.netconfSubscriptions) throw new Error("too many subscriptions");
    return this.#subscriptions.add(listener);
  }

  status(): NetconfStatus {
    return this.#link.status();
  }

  async close(): Promise<void> {
    this.#subscriptions.close();
    await Promise.all([this.#link.close(), this.#ownLink.close()]);
  }

  #inTurn<T>(changes: readonly Change[], work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => work()).finally(() => wiped(changes, null));
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function wiped<T>(changes: readonly Change[], answer: T): T {
  for (const { config } of changes) config.fill(0);
  return answer;
}

function fault(changes: readonly Change[]): ReturnType<typeof failed> | null {
  if (changes.length > LIMITS.netconfChanges) return failed("too-large", `more than ${LIMITS.netconfChanges} changes`);
  const isLong = changes.some(({ entry: { name } }) => name.length > LIMITS.netconfEntryNameChars);
  return isLong
    ? failed("too-large", `an entry's name has more than ${LIMITS.netconfEntryNameChars} characters`)
    : null;
}
