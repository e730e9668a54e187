/**
 * One KEM exchange over each of a session's connections, for one key. All or none: a module takes part in an exchange of
 * each source on its own, and leaves out those that fail, so a part of one would be another key than it has.
 */
import { ok, type Result } from "../../../../shared/result.ts";
import type { Encapsulation, KemFault, Kems } from "../../../../shared/kem/kem.ts";
import { type KemName, KEMS } from "../../../../shared/kem/registry.ts";
import { type ModuleConnection, waitFor } from "./connection.ts";
import { failed, type ModuleFailure } from "./failure.ts";
import { Inbox } from "./inbox.ts";

/** A source with its connection. */
export interface KemLine {
  readonly slot: number;
  readonly algorithm: KemName;
  readonly connection: ModuleConnection;
}

export interface SlotSecret {
  readonly slot: number;
  /** Whoever has it wipes it. */
  readonly secret: Uint8Array;
}

export type Exchanged = Result<readonly SlotSecret[], ModuleFailure>;

export interface Exchange {
  /** @param within how long the module is waited for */
  next(within: () => AbortSignal): Promise<Exchanged>;
  /** What is left of an exchange that has not ended. */
  wipe(): void;
}

const late = (side: string): Exchanged =>
  failed("timeout", `the module's application has not asked for key: no ${side}`);

/** A line that is gone before it has said what it had to. */
function brokenLine(lines: readonly KemLine[], isReady: (line: KemLine) => boolean): Exchanged | null {
  const broken = lines.find((line) => line.connection.gone !== null && !isReady(line));
  return broken === undefined ? null : failed("peer-gone", `${broken.algorithm}: ${broken.connection.gone}`);
}

async function whenReady(
  lines: readonly KemLine[],
  isReady: (line: KemLine) => boolean,
  side: string,
  within: AbortSignal,
): Promise<Exchanged | null> {
  const connections = lines.map(({ connection }) => connection);
  const isDone = (): boolean => lines.every(isReady) || brokenLine(lines, isReady) !== null;
  const inTime = await waitFor(isDone, connections, within);
  if (lines.every(isReady)) return null;
  return brokenLine(lines, isReady) ?? (inTime ? null : late(side));
}

/** @returns all of them, or nothing of any. @param wipe of what cannot be used then */
function allOf<T>(
  lines: readonly KemLine[],
  outcomes: readonly Result<T, KemFault>[],
  wipe: (value: T) => void,
): Result<readonly T[], ModuleFailure> {
  const values = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []));
  const at = outcomes.findIndex((outcome) => !outcome.ok);
  const fault = outcomes[at];
  if (fault === undefined || fault.ok) return ok(values);
  for (const value of values) wipe(value);
  return failed("kem-failed", `${lines[at]?.algorithm}: ${fault.error}`);
}

const named = (lines: readonly KemLine[], secrets: readonly Uint8Array[]): Exchanged =>
  ok(lines.map(({ slot }, at) => ({ slot, secret: secrets[at] as Uint8Array })));

/**
 * The client: sends public keys, decapsulates what comes back. An exchange that the module has not answered is not begun
 * anew: its server takes public keys in the order in which they come, whenever its application asks.
 */
export class ClientExchange implements Exchange {
  readonly #lines: readonly KemLine[];
  readonly #kems: Kems;
  /** Of the exchange under way, as the lines are. */
  #secretKeys: readonly Uint8Array[] = [];

  constructor(lines: readonly KemLine[], kems: Kems) {
    this.#lines = lines;
    this.#kems = kems;
    for (const { connection } of lines) connection.expect(null);
  }

  async next(within: () => AbortSignal): Promise<Exchanged> {
    const lines = this.#lines;
    if (this.#secretKeys.length === 0) await this.#begin();
    const failure = await whenReady(lines, ({ connection }) => connection.isReady(), "ciphertext", within());
    if (failure !== null) return failure;
    const ciphertexts = lines.map(({ connection }) => {
      const ciphertext = connection.take();
      connection.expect(null);
      return ciphertext;
    });
    const secretKeys = this.#secretKeys;
    this.#secretKeys = [];
    try {
      const outcomes = await Promise.all(
        lines.map(({ algorithm }, at) =>
          this.#kems.decapsulate(algorithm, ciphertexts[at] as Uint8Array, secretKeys[at] as Uint8Array),
        ),
      );
      const secrets = allOf(lines, outcomes, (secret) => secret.fill(0));
      return secrets.ok ? named(lines, secrets.value) : secrets;
    } finally {
      for (const key of secretKeys) key.fill(0);
    }
  }

  wipe(): void {
    for (const key of this.#secretKeys) key.fill(0);
    this.#secretKeys = [];
  }

  async #begin(): Promise<void> {
    const asked = await Promise.allSettled(this.#lines.map((line) => this.#ask(line)));
    this.#secretKeys = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const failure = asked.find((each) => each.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }

  /** Each as soon as it is made: from then on the module's patience runs. */
  async #ask({ algorithm, connection }: KemLine): Promise<Uint8Array> {
    const { publicKey, secretKey } = await this.#kems.generateKeyPair(algorithm);
    connection.expect(new Inbox(KEMS[algorithm].ciphertextBytes, "one"));
    connection.send(publicKey);
    return secretKey;
  }
}

/** The server: encapsulates to fresh public keys once there is one from each source. */
export class ServerExchange implements Exchange {
  readonly #lines: readonly KemLine[];
  readonly #kems: Kems;
  readonly #freshMs: number;

  constructor(lines: readonly KemLine[], kems: Kems, freshMs: number) {
    this.#lines = lines;
    this.#kems = kems;
    this.#freshMs = freshMs;
  }

  async next(within: () => AbortSignal): Promise<Exchanged> {
    const lines = this.#lines;
    const isReady = ({ connection }: KemLine): boolean => connection.isReady(this.#freshMs);
    const patience = within();
    const failure = await whenReady(lines, isReady, "public key", patience);
    if (failure !== null) return failure;
    const publicKeys = lines.map(({ connection }) => connection.take());
    const outcomes = await Promise.all(
      lines.map(({ algorithm }, at) => this.#kems.encapsulate(algorithm, publicKeys[at] as Uint8Array)),
    );
    const made = allOf(lines, outcomes, wipeEncapsulation);
    if (!made.ok) return made;
    const sent = await Promise.all(
      lines.map(({ connection }, at) => connection.write((made.value[at] as Encapsulation).ciphertext, patience)),
    );
    if (sent.every(Boolean))
      return named(
        lines,
        made.value.map(({ sharedSecret }) => sharedSecret),
      );
    for (const encapsulation of made.value) wipeEncapsulation(encapsulation);
    return failed("peer-gone", "it did not take all ciphertexts");
  }

  wipe(): void {
    // Nothing is kept from one exchange to the next.
  }
}

const wipeEncapsulation = ({ sharedSecret }: Encapsulation): void => void sharedSecret.fill(0);
