/** What of an errand is done for one IPsec host, and in which order. */
import type { ErrandLine, KeyWish, MadeKey, Operation, OperationResult } from "../../../shared/ipsec/errand.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { Change } from "../netconf/netconf-host.ts";
import { keyed, type KeyedChange, policy, removal } from "./entry-changes.ts";
import { HeldKeys } from "./held-keys.ts";
import type { Installer } from "./installer.ts";
import { ENDS, type FetchKey, type KeyFailure } from "./keys.ts";
import { failed, ofHost } from "./outcomes.ts";
import { Slots } from "./slots.ts";
import { UnderWay } from "./under-way.ts";

type Of<Do extends Operation["do"]> = Extract<Operation, { readonly do: Do }>;
type Does<Do extends Operation["do"]> = (of: Of<Do>, ended: AbortSignal) => Promise<OperationResult> | OperationResult;
type Keyed = Of<"create-sad" | "hold">;

interface Entry extends KeyedChange {
  readonly made: MadeKey;
}

const isKeyed = (operation: Operation): operation is Keyed => "key" in operation;
const placeOf = (wish: KeyWish): string => `${wish.source} ${wish.destination}`;

/** These take back what was done for the entry before, or is. */
const ENDING: ReadonlySet<Operation["do"]> = new Set(["delete", "forget"]);

function subjectOf(operation: Operation): string {
  const kind = operation.do === "delete" ? operation.kind : operation.do === "create-spd" ? "spd" : "sad";
  return `${kind} ${"entry" in operation ? operation.entry.name : operation.name}`;
}

export interface HostWorkOptions {
  readonly fetchKey: FetchKey;
  readonly installer: Installer;
  readonly nowMs: () => number;
  /** Ends what waits. */
  readonly signal: AbortSignal;
}

/** Of all errands for one host. */
export class HostWork {
  readonly held: HeldKeys;
  readonly #options: HostWorkOptions;
  readonly #slots = new Slots(LIMITS.ipsecKeysAtOnce);
  readonly #underWay = new UnderWay();

  constructor(options: HostWorkOptions) {
    this.#options = options;
    this.held = new HeldKeys(options.nowMs);
  }

  /** All at once, but for deletes, which are last. @param tell called once for each of `operations`, as it is done */
  async do(operations: readonly Operation[], tell: (line: ErrandLine) => void): Promise<void> {
    const numbered = operations.map((operation, index) => ({ operation, index }));
    const one = async ({ operation, index }: (typeof numbered)[number]): Promise<void> =>
      tell({ index, result: await this.#one(operation) });
    const last = numbered.filter(({ operation }) => operation.do === "delete");
    const plain = numbered.filter(({ operation }) => operation.do !== "delete" && !isKeyed(operation));
    await Promise.all([...plain, ...inCommonOrder(numbered)].map(one));
    await Promise.all(last.map(one));
  }

  close(): void {
    this.held.close();
  }

  async #one(operation: Operation): Promise<OperationResult> {
    const subject = subjectOf(operation);
    if (ENDING.has(operation.do)) await this.#underWay.end(subject);
    return await this.#underWay.run(subject, async (ended) => await this.#done(operation, ended));
  }

  async #done(operation: Operation, ended: AbortSignal): Promise<OperationResult> {
    try {
      return await (this.#does[operation.do] as Does<Operation["do"]>)(operation, ended);
    } catch {
      // Its words are nobody's but the programmer's, and could be anything.
      return failed("interrupted", "a defect of the agent");
    }
  }

  readonly #does: { readonly [Do in Operation["do"]]: Does<Do> } = {
    "create-spd": async ({ entry }) => await this.#submit(policy(entry), { notes: [] }),
    "create-sad": async (operation, ended) => {
      const hasCome = this.#options.installer.expect();
      try {
        const entry = await this.#keyed(operation, ended);
        if (!entry.ok) return failed(entry.error.reason, entry.error.message);
        const submitted = this.#submit(entry.value.change, entry.value);
        hasCome();
        return await submitted;
      } finally {
        hasCome();
      }
    },
    hold: async (operation, ended) => {
      const entry = await this.#keyed(operation, ended);
      if (!entry.ok) return failed(entry.error.reason, entry.error.message);
      const { change, made } = entry.value;
      if (this.held.put(operation.entry.name, { change, made })) return done(entry.value);
      change.config.fill(0);
      return failed("too-many", `the agent keeps ${LIMITS.ipsecHeldKeys} keys for this host, and no more`);
    },
    install: async ({ name }) => {
      const held = this.held.take(name);
      if (held === null) return failed("not-held", "it was never made here, was used, or was kept for too long");
      return await this.#submit(held.change, { made: held.made, notes: [] });
    },
    forget: ({ name }) => {
      this.held.forget(name);
      return done({ notes: [] });
    },
    delete: async ({ kind, name }) => {
      if (kind === "sad") this.held.forget(name);
      return await this.#submit(removal({ kind, name }), { notes: [] });
    },
  };

  async #submit(change: Change, told: Told): Promise<OperationResult> {
    const outcome = await this.#options.installer.submit(change);
    return outcome.ok ? done(told) : ofHost(outcome.error);
  }

  async #keyed({ entry, key: wish, layout }: Keyed, ended: AbortSignal): Promise<Result<Entry, KeyFailure>> {
    const { fetchKey, signal } = this.#options;
    const either = AbortSignal.any([signal, ended]);
    const fetched = await this.#slots.run(async () => (either.aborted ? err(ENDS) : await fetchKey(wish, either)));
    if (!fetched.ok) return ended.aborted ? err(DELETED) : fetched;
    const { key, made } = fetched.value;
    try {
      if (ended.aborted) return err(DELETED);
      const laid = keyed(entry, key, layout);
      return laid.ok ? ok({ ...laid.value, made }) : err({ reason: "key-failed", message: laid.error });
    } finally {
      key.fill(0);
    }
  }
}

const DELETED: KeyFailure = { reason: "interrupted", message: "it was deleted before its key was there" };

interface Told {
  readonly made?: MadeKey;
  readonly notes: readonly string[];
}

const done = ({ made, notes }: Told): OperationResult => ({
  ok: true,
  ...(made === undefined ? {} : { key: made }),
  ...(notes.length === 0 ? {} : { notes }),
});

/** Both ends begin with the same ones: no end has all its places taken by what the other comes to last. */
const inCommonOrder = <T extends { readonly operation: Operation }>(numbered: readonly T[]): readonly T[] =>
  numbered
    .flatMap((each) => (isKeyed(each.operation) ? [{ each, place: placeOf(each.operation.key) }] : []))
    .toSorted((one, other) => (one.place < other.place ? -1 : Number(one.place > other.place)))
    .map(({ each }) => each);
