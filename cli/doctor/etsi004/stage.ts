/** Two applications that shall have the same key, what else was given, and what the calls of the case at hand were. */
import { setMaxListeners } from "node:events";
import type { Exchange, Stage } from "../case.ts";
import { Redactor } from "../redact.ts";
import { Transcript } from "../transcript.ts";
import type { Binding, Party } from "./application.ts";
import { type Access, Reach } from "./reach.ts";

/** A state of the link between the two applications, or of its pool. */
export const PLACES = ["drained", "cut"] as const;
export type Place = (typeof PLACES)[number];

/** An application, before there is a way to it. */
export type Applicant = Omit<Party, "end" | "reach"> & { readonly access: Access };

export interface Others<P = Party> {
  readonly binding: Binding;
  readonly c: P;
  readonly d: P;
}

/** What a run is about. */
export interface Target {
  readonly a: Applicant;
  readonly b: Applicant;
  /** Two other applications, which may have another binding. */
  readonly others?: Others<Applicant>;
  /** How many KSIDs 004-30 has allocated; a thousand, unless a run has the time for fewer only. */
  readonly ksids?: number;
  /** Bring about a state, do the work in it, and undo it, even where the signal has broken it off. */
  readonly places?: Partial<Readonly<Record<Place, (work: () => Promise<void>, signal: AbortSignal) => Promise<void>>>>;
}

const KSIDS = 1000;

const GIVE: Readonly<Record<string, string>> = {
  others: "two other applications at the same two nodes: give --c and --d",
  drained: "an empty pool: give --drain-command, and --restore-command",
  cut: "a link that is gone: give --cut-command, and --restore-command",
} satisfies Record<Place | "others", string>;

/** For cases that speak to the two by themselves. */
export class WireStage implements Stage {
  readonly parties: { readonly a: Party; readonly b: Party };
  readonly others: Others | null;
  readonly #target: Target;
  readonly #redactor: Redactor;
  readonly #transcript: Transcript;
  #signal = new AbortController().signal;

  constructor(target: Target) {
    this.#target = target;
    this.#redactor = new Redactor(namesIn(target));
    this.#transcript = new Transcript(this.#redactor);
    const { a, b, others } = target;
    this.parties = { a: this.#party("a", a), b: this.#party("b", b) };
    this.others = others === undefined ? null : this.#both(others);
  }

  begin(signal: AbortSignal): void {
    // Each connection of a case listens.
    setMaxListeners(0, signal);
    this.#signal = signal;
    this.#transcript.begin();
  }

  exchanges(): readonly Exchange[] {
    return this.#transcript.exchanges();
  }

  shown(words: string): string {
    return this.#redactor.text(words);
  }

  lacks(need: string): string | null {
    const { others, places = {} } = this.#target;
    const given: Readonly<Record<string, unknown>> = { others, ...places };
    return given[need] === undefined ? (GIVE[need] ?? null) : null;
  }

  get ksids(): number {
    return this.#target.ksids ?? KSIDS;
  }

  async in(place: Place, work: () => Promise<void>): Promise<void> {
    await this.#target.places?.[place]?.(work, this.#signal);
  }

  #both({ binding, c, d }: Others<Applicant>): Others {
    return { binding, c: this.#party("c", c), d: this.#party("d", d) };
  }

  #party(end: Party["end"], { access, ...rest }: Applicant): Party {
    const kept = () => ({ transcript: this.#transcript, redactor: this.#redactor, signal: this.#signal });
    return { ...rest, end, reach: new Reach(rest.sae, access, kept) };
  }
}

/** For cases of any binding. */
export class Stage004 extends WireStage {
  readonly binding: Binding;

  constructor(binding: Binding, target: Target) {
    super(target);
    this.binding = binding;
  }

  override lacks(need: string): string | null {
    const reason = (this.binding.reasons as Readonly<Record<string, string>>)[need];
    return reason === undefined ? super.lacks(need) : `${this.binding.name} has no way to: ${reason}`;
  }
}

/** Names of SAEs and nodes may look like keys. */
const namesIn = ({ a, b, others }: Target): readonly string[] =>
  [a, b, ...(others === undefined ? [] : [others.c, others.d])].flatMap(({ sae, node, address = "" }) => [
    sae,
    node,
    address,
  ]);
