/** The responder's end of a session: the destination's agent. It answers what the initiator makes, and asks for more. */
import { METHODS } from "../../../../shared/hybrid/methods.ts";
import type { Made, Make, PeerMessage, PeerMessageOf } from "../../../../shared/hybrid/peer/messages.ts";
import type { SourceEntry } from "../../../../shared/hybrid/types.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { err, ok, type Result } from "../../../../shared/result.ts";
import { KEMS } from "../../../../shared/kem/registry.ts";
import { type Agreement, kemSources, qkdSource } from "../agreement.ts";
import type { PeerConnection } from "../channel/types.ts";
import { failed, type HybridFailure, sessionFailed, toPeer } from "../failure.ts";
import { EPOCHS_KEPT, SessionEnd } from "./end.ts";
import { type Combination, EpochMaterial, epochOf, fits, isTriedWithoutQkd, kemEntry, wipe } from "./material.ts";
import { takeQkd } from "./qkd-part.ts";
import { allOrNone, type Surroundings, unlessBusy } from "./session.ts";

type Material = Promise<Result<EpochMaterial, HybridFailure>>;

interface Making {
  readonly make: Make;
  /** The initiator has given it up, and begun some of its chunks anew. */
  isStale: boolean;
}

interface Unconfirmed extends Combination {
  readonly attempt: number;
}

export class ResponderSession extends SessionEnd {
  readonly #epochs = new Map<number, Material>();
  /** Made, and not confirmed by the initiator yet. */
  readonly #unconfirmed = new Map<number, Unconfirmed>();
  readonly #making = new Set<Making>();
  #connection: PeerConnection;

  constructor(around: Surroundings, agreement: Agreement, connection: PeerConnection) {
    super(around, agreement);
    this.#connection = connection;
  }

  /** Also where it is being made: the confirmation may have been lost with a connection. */
  override bring(index: number): null {
    if (!this.chunks.wasMade(index)) this.#connection.send({ type: "want", session: this.ksid, index });
    return null;
  }

  override message(from: PeerConnection, message: PeerMessage): void {
    this.#connection = from;
    switch (message.type) {
      case "make":
        void this.#answer(from, message.make);
        break;
      case "confirm":
        this.#confirmed(from, message);
        break;
      case "failed":
        this.#failed(message);
        break;
      case "close":
        this.chunks.failAll(this.peerClosed());
        break;
      default:
    }
  }

  override disconnected(): void {
    this.chunks.failAll({ code: "peer-gone", detail: "the connection to the other agent is lost" });
  }

  override close(): void {
    this.#connection.send({ type: "close", session: this.ksid });
    this.break({ code: "unknown-stream", detail: "the stream is closed" });
  }

  get nonce(): Uint8Array {
    return this.agreement.responderNonce;
  }

  /** Chunk 0, unless the initiator did not know whose QKD key to take, or it may be left out. */
  async first({ make, peerSae }: PeerMessageOf<"open">): Promise<Result<Made | null, HybridFailure>> {
    if (make === null || (make.qkd !== null && peerSae !== this.own.sae)) return ok(null);
    const made = await this.make(make);
    return made.ok || !isTriedWithoutQkd(this.agreement, made.error) ? made : ok(null);
  }

  /** @returns what is answered; chunks wait for the initiator's confirmation */
  async make(make: Make): Promise<Result<Made, HybridFailure>> {
    const { index, count, qkd } = make;
    if (this.broken !== null) return err(this.broken);
    if (epochOf(this.agreement, index) !== epochOf(this.agreement, index + count - 1)) {
      return failed("source-unavailable", "chunks of two exchanges of KEM keys at once");
    }
    if (qkd !== null && qkdSource(this.agreement) === undefined) {
      return failed("source-unavailable", "QKD is no source of this stream");
    }
    if (this.#isUsed(make)) return failed("index-used", `chunk ${index} was made before, or is made anew`);
    if (this.#making.size >= LIMITS.hybridChunksHeld) return failed("busy", "as many chunks are made as may be");
    for (const other of this.#making) if (overlap(other.make, make)) other.isStale = true;
    const making = { make, isStale: false };
    this.#making.add(making);
    const made = await this.#combined(making);
    this.#making.delete(making);
    return made;
  }

  async #combined(making: Making): Promise<Result<Made, HybridFailure>> {
    const { attempt, index, count, publicKeys, qkd } = making.make;
    const epoch = epochOf(this.agreement, index);
    if (publicKeys !== null) this.#beginEpoch(epoch, publicKeys);
    const material = await (this.#epochs.get(epoch) ?? failed("source-unavailable", "no KEM keys for these chunks"));
    if (!material.ok) return material;
    const part = await takeQkd(this.around, this.agreement, count, qkd, AbortSignal.timeout(LIMITS.hybridExchangeMs));
    if (!part.ok) return part;
    const done = this.combineAll(material.value, making.make, part.value);
    if (!done.ok) return done;
    const combined = done.value;
    // Much may have happened while key was fetched: an index that was confirmed stays the key it is.
    const isOver = this.broken !== null || making.isStale || this.#isUsed(making.make);
    if (isOver) {
      wipe(combined, null);
      return err(this.broken ?? { code: "index-used", detail: `chunk ${index} has been begun anew` });
    }
    combined.forEach((one, at) => this.#hold(index + at, { ...one, attempt }));
    const ciphertexts = publicKeys === null ? null : this.#ciphertexts(material.value.entries);
    const tags = combined.map(({ chunk }) => chunk.tag).filter((tag) => tag !== null);
    return ok({ attempt, index, count, ciphertexts, tags: tags.length === count ? tags : null });
  }

  async #answer(from: PeerConnection, make: Make): Promise<void> {
    const made = await this.make(make);
    if (made.ok) from.send({ type: "made", session: this.ksid, made: made.value });
    else {
      const { attempt, index, count } = make;
      this.around.log("warn", "hybrid chunks not made", { ksid: this.ksid, index, count, ...made.error });
      from.send({ type: "failed", session: this.ksid, attempt, index, count, ...toPeer(made.error) });
      if (isTriedWithoutQkd(this.agreement, made.error) || made.error.code === "index-used") return;
      for (let each = index; each < index + count; each++) this.chunks.fail(each, made.error);
    }
  }

  #confirmed(from: PeerConnection, { index, count, tags }: PeerMessageOf<"confirm">): void {
    for (let at = 0; at < count; at++) {
      const one = this.#unconfirmed.get(index + at);
      if (one === undefined) continue;
      if (!fits(tags?.[at], one.expected)) {
        const failure = { code: "not-confirmed", detail: "the two ends have not made the same key" } as const;
        from.send(sessionFailed(this.ksid, failure));
        this.break(failure);
        return;
      }
      this.#unconfirmed.delete(index + at);
      this.chunks.put(index + at, one.chunk);
      this.reports.dropped(one.dropped);
    }
    if (METHODS[this.agreement.method].chunksPerEpoch === 1) this.#forget(epochOf(this.agreement, index));
  }

  #failed({ index, count, code, detail }: PeerMessageOf<"failed">): void {
    const failure = { code, detail };
    // What was asked for while the other end closed it finds nobody there. What had come before may be fetched still.
    if (index === null && code === "peer-gone" && this.ended !== null) return;
    if (index === null || code === "not-confirmed") {
      this.break(failure);
      return;
    }
    for (let each = index; each < index + count; each++) {
      this.#drop(each);
      if (!isTriedWithoutQkd(this.agreement, failure)) this.chunks.fail(each, failure);
    }
  }

  /** Was one of these made, or begun later than this? Over a connection that has just been replaced they may come late. */
  #isUsed(make: Make): boolean {
    const isLater = ({ attempt }: Pick<Make, "attempt">): boolean => attempt > make.attempt;
    const held = indicesOf(make).map((index) => this.#unconfirmed.get(index));
    return (
      indicesOf(make).some((index) => this.chunks.wasMade(index)) ||
      held.some((one) => one !== undefined && isLater(one)) ||
      [...this.#making].some((other) => overlap(other.make, make) && isLater(other.make))
    );
  }

  #hold(index: number, one: Unconfirmed): void {
    this.#drop(index);
    this.#unconfirmed.set(index, one);
    const [oldest] = this.#unconfirmed.keys();
    if (this.#unconfirmed.size > LIMITS.hybridChunksHeld && oldest !== undefined) this.#drop(oldest);
  }

  #drop(index: number): void {
    this.#unconfirmed.get(index)?.chunk.key.fill(0);
    this.#unconfirmed.delete(index);
  }

  /** In place of one that the initiator has given up: nothing of it was confirmed, or it would not begin it anew. */
  #beginEpoch(number: number, publicKeys: readonly Uint8Array[]): void {
    this.#forget(number);
    this.#epochs.set(
      number,
      unlessBusy(async () => await encapsulateAll(this.around, this.agreement, publicKeys)),
    );
    for (const old of [...this.#epochs.keys()].slice(0, -EPOCHS_KEPT)) this.#forget(old);
  }

  #forget(number: number): void {
    const material = this.#epochs.get(number);
    this.#epochs.delete(number);
    void material?.then((there) => there.ok && there.value.wipe());
  }

  /** By slot; an empty one where a key could not be used. */
  #ciphertexts(entries: readonly SourceEntry[]): readonly Uint8Array[] {
    return kemSources(this.agreement).map(
      ({ slot }) => entries.find((entry) => entry.slot === slot)?.ciphertext ?? new Uint8Array(),
    );
  }

  protected override dropAll(): void {
    for (const index of this.#unconfirmed.keys()) this.#drop(index);
    for (const number of this.#epochs.keys()) this.#forget(number);
  }
}

const indicesOf = ({ index, count }: Make): readonly number[] => Array.from({ length: count }, (_, at) => index + at);

const overlap = (one: Make, other: Make): boolean =>
  one.index < other.index + other.count && other.index < one.index + one.count;

/** A public key that cannot be used leaves its source out; whether that may be, the combining tells. */
async function encapsulateAll(
  { kems }: Pick<Surroundings, "kems">,
  agreement: Agreement,
  publicKeys: readonly Uint8Array[],
): Material {
  const sources = kemSources(agreement);
  if (publicKeys.length !== sources.length) return failed("source-unavailable", "not as many KEM keys as KEMs");
  const done = await allOrNone(
    sources.map(async (source, at) => {
      const publicKey = publicKeys[at] ?? new Uint8Array();
      // One of another length would only take up room in the queue.
      const isKey = publicKey.length === KEMS[source.algorithm].publicKeyBytes;
      const made = isKey ? await kems.encapsulate(source.algorithm, publicKey) : null;
      return made?.ok === true ? kemEntry(source, publicKey, made.value.ciphertext, made.value.sharedSecret) : null;
    }),
    (entry) => entry?.secret.fill(0),
  );
  return ok(
    new EpochMaterial(
      agreement,
      done.filter((entry) => entry !== null),
    ),
  );
}
