/** For tests: IPsec hosts in memory, and the entries that are put into them. */
import { copyOf } from "../../shared/bytes/copy.ts";
import type { ErrandLine, KeyWish, Operation } from "../../shared/ipsec/errand.ts";
import type { SadEntry, SpdEntry } from "../../shared/ipsec/model.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { NetconfFailure } from "../../tunnel/services/netconf/failure.ts";
import { failure } from "../../tunnel/services/netconf/failure.ts";
import type { Change, NetconfHost, SubscriptionEvent } from "../../tunnel/services/netconf/netconf-host.ts";

const refusal = (tag: string, index?: number): NetconfFailure =>
  failure("refused", `the host answered ${tag}`, {
    error: { tag, path: null, message: null },
    ...(index === undefined ? {} : { index }),
  });

/** All or nothing, as a host with a candidate has it. */
export class MemoryHost implements Pick<NetconfHost, "installAll" | "subscribe"> {
  /** XML by name. */
  readonly entries = new Map<string, string>();
  /** Names of each edit. */
  readonly edits: string[][] = [];
  /** All that it was ever given, as it was given. */
  readonly given: Uint8Array[] = [];
  /** Names that it does not like; and does it say which of an edit it was? */
  readonly faulty = new Set<string>();
  tellsWhich = false;
  /** What happens to the connection, once for each edit; null: nothing. */
  trouble: () => NetconfFailure | null = () => null;
  #listener: (event: SubscriptionEvent) => void = () => undefined;

  installAll(changes: readonly Change[]): Promise<Result<null, NetconfFailure>> {
    this.edits.push(changes.map(({ entry }) => entry.name));
    this.given.push(...changes.map(({ config }) => config));
    const texts = changes.map(({ config }) => new TextDecoder().decode(copyOf(config)));
    return Promise.resolve().then(() => this.#install(changes, texts));
  }

  subscribe(listener: (event: SubscriptionEvent) => void) {
    this.#listener = listener;
    listener({ type: "subscribed" });
    return { close: () => (this.#listener = () => undefined) };
  }

  tell(event: SubscriptionEvent): void {
    this.#listener(event);
  }

  #install(changes: readonly Change[], texts: readonly string[]): Result<null, NetconfFailure> {
    const trouble = this.trouble();
    if (trouble !== null) return err(trouble);
    for (const [index, { entry, operation }] of changes.entries()) {
      const isThere = this.entries.has(entry.name);
      const tag =
        operation === "create" && isThere ? "data-exists" : this.faulty.has(entry.name) ? "invalid-value" : null;
      if (tag !== null) return err(refusal(tag, this.tellsWhich ? index : undefined));
    }
    for (const [index, { entry, operation }] of changes.entries()) {
      if (operation === "remove") this.entries.delete(entry.name);
      else this.entries.set(entry.name, texts[index] ?? "");
    }
    return ok(null);
  }
}

const SELECTOR = { "local-prefix": "10.0.0.11/32", "remote-prefix": "10.0.0.20/32" };

export const sadEntry = (spi: number, name = `out/10.0.0.11/in/10.0.0.20_${spi}`): SadEntry => ({
  name,
  reqid: "1",
  "ipsec-sa-config": {
    spi,
    "traffic-selector": SELECTOR,
    "esp-sa": { encryption: { "encryption-algorithm": 20 } },
  },
});

export const spdEntry = (name: string): SpdEntry => ({
  name,
  direction: "outbound",
  "ipsec-policy-config": { "traffic-selector": SELECTOR, "processing-info": { action: "bypass" } },
});

/** AES-256-GCM with its salt. */
export const GCM_256 = { encryptionBytes: 32, saltBytes: 4, integrityBytes: 0, thrice: false } as const;
export const GCM_256_BYTES = 36;

export const createSad = (spi: number, key: KeyWish): Operation => ({
  do: "create-sad",
  entry: sadEntry(spi),
  key,
  layout: GCM_256,
});

/** As `yang:hex-string` has it; null where there is none. */
export const keyIn = (xml: string | undefined): string | null =>
  /<key>([0-9a-f:]*)<\/key>/.exec(xml ?? "")?.[1] ?? null;

/** Of an errand's lines, by index. */
export function resultsOf(lines: readonly ErrandLine[]) {
  const results: (Extract<ErrandLine, { readonly index: number }>["result"] | undefined)[] = [];
  for (const line of lines) if ("index" in line) results[line.index] = line.result;
  return results;
}
