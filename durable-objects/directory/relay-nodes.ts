/** TrustedNode objects, and what they have to know of the network. */
import { type OwnRelayView, relayView, type RelayView, type RelayViewCall } from "../../shared/network/relay-view.ts";
import type { DirectoryParts } from "./changes.ts";
import type { Watchers } from "./watchers.ts";

export class RelayNodes {
  readonly watchers: Watchers;
  readonly #parts: DirectoryParts;
  /** Of the present sequence; one for all, who ask for it one after the other. */
  #view: RelayView | null = null;

  constructor(parts: DirectoryParts, watchers: Watchers) {
    this.#parts = parts;
    this.watchers = watchers;
  }

  /** @returns what a node asked for, which will be told of every change from then on as long as it is hosted here */
  viewOf({ node, knownSequence }: RelayViewCall): OwnRelayView | { readonly unchanged: true } {
    const network = this.#parts.store.view();
    if (this.#view?.sequence !== network.sequence) this.#view = relayView(network);
    const view = this.#view;
    const isHosted = view.nodes.some(({ id, remote }) => id === node && remote === null);
    if (isHosted) this.watchers.saw(node, view.sequence);
    else this.watchers.forget(node);
    return view.sequence === knownSequence ? { unchanged: true } : { ...view, isHosted };
  }
}
