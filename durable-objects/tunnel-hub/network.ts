/** What a hub knows of the network, from the Directory: asked at each hello, and when the Directory says it changed. */
import type { DirectoryRpc } from "../../shared/network/directory-types.ts";
import type { TunnelView } from "../../shared/tunnel/types.ts";

export class HubNetwork {
  readonly #site: string;
  readonly #directory: () => Pick<DirectoryRpc, "tunnelView">;
  #view: TunnelView | null = null;

  constructor(site: string, directory: () => Pick<DirectoryRpc, "tunnelView">) {
    this.#site = site;
    this.#directory = directory;
  }

  /** The newest view there was; null before the first. */
  get latest(): TunnelView | null {
    return this.#view;
  }

  /**
   * As it is now.
   * @param connected whether the hub wants to be told of changes
   * @returns null where the Directory does not answer
   */
  async now(connected: boolean): Promise<TunnelView | null> {
    const known = this.#view;
    try {
      const answer = await this.#directory().tunnelView({
        hub: this.#site,
        knownSequence: known?.sequence ?? -1,
        connected,
      });
      if ("unchanged" in answer) return known;
      // Answers may come in any order.
      if (this.#view === null || answer.sequence >= this.#view.sequence) this.#view = answer;
      return answer;
    } catch {
      return null;
    }
  }
}
