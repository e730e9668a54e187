/**
 * Numbers of events by source: each one more than the last, unless the log notes (`audit.gap`, `audit.conflict`) what it
 * lacks or has twice. Bounded by the sources of a log.
 */
import type { AuditRecord } from "./event.ts";

export class SourceNumbers {
  readonly #last = new Map<string, number>();
  /** The number before a source's first record here; undefined: any. */
  readonly #first: number | undefined;
  /** Whose numbers are used again just now: the log has said so. */
  #conflicting: string | null = null;

  /** @param of.fromFirst the log's first record is among those to come */
  constructor({ fromFirst }: { readonly fromFirst: boolean }) {
    this.#first = fromFirst ? 0 : undefined;
  }

  /** Records in their order. @returns why this one is out of it, or null */
  flawOf({ source, seq, act, detail, index }: AuditRecord): string | null {
    const last = this.#last.get(source) ?? this.#first;
    if (act === "audit.gap" && typeof detail["toSeq"] === "number") {
      this.#last.set(source, detail["toSeq"]);
      return null;
    }
    if (act === "audit.conflict") {
      this.#conflicting = source;
      if (typeof detail["storedSeq"] === "number") this.#last.set(source, detail["storedSeq"]);
      return null;
    }
    if (last === undefined || seq === last + 1) {
      this.#last.set(source, seq);
      if (this.#conflicting === source) this.#conflicting = null;
      return null;
    }
    if (seq <= last && this.#conflicting === source) return null;
    return `record ${index} is event ${seq} of ${source}, whose event ${last + 1} is due`;
  }
}
