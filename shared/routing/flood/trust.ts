/** Whether an advertisement is the word of the node it names. */
import type { NodeId } from "../../ids.ts";
import type { Advertisement } from "../types.ts";
import type { AdvertisementRefusal, FloodNetwork, FloodPorts, SignedClaim } from "./types.ts";
import { bytesToSign } from "./wire.ts";

type Doubt = Extract<AdvertisementRefusal, "unknown-node" | "unsigned" | "unverifiable" | "bad-signature">;

export class Trust {
  readonly #verify: FloodPorts["verify"];
  /** Signatures that are being looked at, and by whom: two neighbours bring the same news at the same time. */
  readonly #underWay = new Map<string, Promise<boolean>>();

  constructor(verify: FloodPorts["verify"]) {
    this.#verify = verify;
  }

  /**
   * @param text of the advertisement: `textOfAdvertisement`
   * @returns null: none. @throws where signatures cannot be looked at now
   */
  async doubt(advertisement: Advertisement, text: string, from: NodeId, network: FloodNetwork): Promise<Doubt | null> {
    const about = network.nodes.get(advertisement.node);
    if (about === undefined) return "unknown-node";
    // Nodes of one deployment have looked at it, or at where it came from.
    if (about.isHosted && network.nodes.get(from)?.isHosted === true) return null;
    if (advertisement.signature === null) return "unsigned";
    if (about.keys === null) return "unverifiable";
    const { node, signature } = advertisement;
    const isSigned = await this.#isSigned({ node, keys: about.keys, text, signature });
    return isSigned ? null : "bad-signature";
  }

  async #isSigned({ node, keys, text, signature }: Omit<SignedClaim, "bytes"> & { text: string }): Promise<boolean> {
    const key = `${keys} ${signature} ${text}`;
    const other = this.#underWay.get(key);
    if (other !== undefined) return await other;
    const answer = this.#verify({ node, keys, bytes: bytesToSign(text), signature });
    this.#underWay.set(key, answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(key);
    }
  }
}
