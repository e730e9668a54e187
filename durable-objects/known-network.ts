/** The network as the Directory last told an object of it, in the view that concerns the object. */
import type { Fault } from "../shared/errors/errors.ts";
import { LIMITS } from "../shared/limits.ts";
import { err, ok, type Result } from "../shared/result.ts";
import { within } from "./within.ts";

export const DIRECTORY_UNREACHABLE: Fault = {
  code: "directory-unavailable",
  message: "the directory cannot be reached",
  retryAfterSeconds: 1,
};

/** @param knownSequence of the view that there is; -1: none */
type Ask<View> = (knownSequence: number) => Promise<View | { readonly unchanged: true }>;

export class KnownNetwork<View extends { readonly sequence: number }> {
  readonly #ask: Ask<View>;
  #view: View | null = null;
  #asking: Promise<boolean> | undefined;

  constructor(ask: Ask<View>) {
    this.#ask = ask;
  }

  /** @throws Error before the Directory has been asked */
  get view(): View {
    if (this.#view === null) throw new Error("the network is not known yet");
    return this.#view;
  }

  get isKnown(): boolean {
    return this.#view !== null;
  }

  /** @returns the view as of a version or later; `directory-unavailable` */
  async atLeast(sequence: number): Promise<Result<View, Fault>> {
    const isKnown = this.#view !== null && this.#view.sequence >= sequence;
    if (!isKnown && !(await this.refresh())) return err(DIRECTORY_UNREACHABLE);
    return this.view.sequence >= sequence ? ok(this.view) : err(DIRECTORY_UNREACHABLE);
  }

  /** One question at a time. @returns whether the Directory answered */
  async refresh(): Promise<boolean> {
    this.#asking ??= this.#asked().finally(() => {
      this.#asking = undefined;
    });
    return await this.#asking;
  }

  async #asked(): Promise<boolean> {
    try {
      // What comes too late may be older than what another question is answered with.
      const told = await within(LIMITS.directoryPatienceMs, this.#ask(this.#view?.sequence ?? -1));
      if (told === undefined) return false;
      if (!("unchanged" in told)) this.adopt(told);
      return true;
    } catch {
      return false;
    }
  }

  protected adopt(view: View): void {
    this.#view = view;
  }
}
