/** The state that the screen shows, changed as a whole, and those who draw it. */
import { BOUNDS } from "./bounds.ts";
import type { State } from "./state.ts";
import { added, type Entry, found, patched } from "./timeline.ts";

type Kind = "text" | "file";
type OfKind<K extends Kind> = Extract<Entry, { kind: K }>;

export interface ScreenOptions {
  readonly first: State;
  readonly now: () => number;
  readonly randomNumber: () => number;
  /** What the parts of the conversation know themselves: asked with each change. */
  readonly parts: () => Partial<State>;
}

export class Screen {
  readonly #options: ScreenOptions;
  readonly #listeners = new Set<() => void>();
  readonly #rareMs = new Map<string, number>();
  #state: State;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#state = options.first;
  }

  get state(): State {
    return this.#state;
  }

  /** @returns what ends it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  show(change: Partial<State> = {}): void {
    this.#state = { ...this.#state, ...this.#options.parts(), ...change };
    for (const listener of this.#listeners) listener();
  }

  add(entry: Entry): void {
    this.show({ timeline: added(this.#state.timeline, entry) });
  }

  note(text: string, tone: "plain" | "bad" = "plain"): void {
    this.add({ kind: "note", id: this.newId(), atMs: this.#options.now(), text, tone });
  }

  /** Of what others can bring about as often as they like. */
  noteRarely(text: string): void {
    const nowMs = this.#options.now();
    const lastMs = this.#rareMs.get(text) ?? -Infinity;
    if (nowMs - lastMs < BOUNDS.noteAgainMs) return;
    this.#rareMs.set(text, nowMs);
    this.note(text, "bad");
  }

  find<K extends Kind>(kind: K, id: string): OfKind<K> | undefined {
    return found(this.#state.timeline, kind, id);
  }

  patch<K extends Kind>(kind: K, id: string, change: (entry: OfKind<K>) => Partial<OfKind<K>>): void {
    this.show({ timeline: patched(this.#state.timeline, kind, id, change) });
  }

  /** Of an entry, on both screens. */
  newId(): string {
    const half = (): string => this.#options.randomNumber().toString(16).padStart(8, "0");
    return half() + half();
  }
}
