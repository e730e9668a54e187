/** The calls of one case, as its report shows them: redacted, and no more of them than anybody reads. */
import { LIMITS } from "../../shared/limits.ts";
import type { Exchange } from "./case.ts";
import type { Redactor } from "./redact.ts";

export class Transcript {
  readonly #redactor: Redactor;
  #first: Exchange[] = [];
  #last: Exchange[] = [];
  #left = 0;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  begin(): void {
    this.#first = [];
    this.#last = [];
    this.#left = 0;
  }

  /** Both texts as they went over the wire. */
  add(who: string, sent: string, received: string): void {
    const half = LIMITS.doctorExchanges / 2;
    const exchange = { who, sent: this.#shown(sent), received: this.#shown(received) };
    if (this.#first.length < half) {
      this.#first.push(exchange);
      return;
    }
    this.#last.push(exchange);
    if (this.#last.length <= half) return;
    this.#last.shift();
    this.#left++;
  }

  exchanges(): readonly Exchange[] {
    const gap = this.#left === 0 ? [] : [{ who: `(${this.#left} more)`, sent: "", received: "" }];
    return [...this.#first, ...gap, ...this.#last];
  }

  /** Cut after keys are out of it: half a key would be taken for something else. */
  #shown(text: string): string {
    // Texts of megabytes, as some cases send them, are looked at only as far as they can be shown.
    const shown = this.#redactor.text(text.slice(0, 16 * LIMITS.doctorShownChars));
    const more =
      Math.max(0, shown.length - LIMITS.doctorShownChars) + Math.max(0, text.length - 16 * LIMITS.doctorShownChars);
    return more === 0 ? shown : `${shown.slice(0, LIMITS.doctorShownChars)}... (${more} characters more)`;
  }
}
