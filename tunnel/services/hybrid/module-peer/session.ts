/** A session with a module, once both applications have come: its KSID, and secrets from its KEM sources. */
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { Source } from "../../../../shared/hybrid/types.ts";
import { messageOf } from "../../../log.ts";
import type { Exchange, Exchanged, KemLine } from "./exchange.ts";
import { failed, type ModuleCode } from "./failure.ts";

export interface ModuleSession {
  readonly ksid: Ksid;
  /** Optional KEM sources whose connection did not come about: the module has left them out too. */
  readonly dropped: readonly Source[];
  /**
   * One exchange of every KEM source, in the URI's order: the n-th that succeeds here is the n-th at the module. One that
   * ended with `timeout` is gone on with by the next call.
   */
  secrets(signal: AbortSignal): Promise<Exchanged>;
  close(): void;
}

export const NOT_WANTED = "nobody wants the key any more";

/** After these the two ends would not know any more which exchange they are at. */
const FINAL: ReadonlySet<ModuleCode> = new Set(["peer-gone", "kem-failed"]);

interface Parts {
  readonly ksid: Ksid;
  readonly dropped: readonly Source[];
  readonly lines: readonly KemLine[];
  readonly exchange: Exchange;
  readonly patienceMs: number;
  readonly onClose: () => void;
}

export class OpenModuleSession implements ModuleSession {
  readonly #parts: Parts;
  #over: string | null = null;
  /** One exchange at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get ksid(): Ksid {
    return this.#parts.ksid;
  }

  get dropped(): readonly Source[] {
    return this.#parts.dropped;
  }

  secrets(signal: AbortSignal): Promise<Exchanged> {
    const done = this.#turn.then(() => this.#next(signal));
    this.#turn = done;
    return done;
  }

  close(): void {
    this.end("this end has closed it");
  }

  end(reason: string): void {
    if (this.#over !== null) return;
    this.#over = reason;
    const { lines, exchange, onClose } = this.#parts;
    for (const { connection } of lines) connection.leave(reason);
    exchange.wipe();
    onClose();
  }

  async #next(signal: AbortSignal): Promise<Exchanged> {
    if (this.#over !== null) return failed("peer-gone", this.#over);
    if (signal.aborted) return failed("aborted", NOT_WANTED);
    const { exchange, patienceMs } = this.#parts;
    const within = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    const exchanged = await exchange
      .next(within)
      .catch((thrown: unknown): Exchanged => failed("kem-failed", messageOf(thrown)));
    // It may have begun one after its end.
    if (this.#over !== null) exchange.wipe();
    if (exchanged.ok) return exchanged;
    if (exchanged.error.code === "timeout" && signal.aborted) return failed("aborted", NOT_WANTED);
    if (!FINAL.has(exchanged.error.code)) return exchanged;
    this.end(exchanged.error.detail);
    return exchanged;
  }
}
