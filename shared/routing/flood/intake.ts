/** What becomes of advertisements that a neighbour has sent. */
import type { NodeId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import type { Advertisement } from "../types.ts";
import type { FloodAlarms } from "./alarms.ts";
import { type Database, type Word, wordOf } from "./database.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Neighbours } from "./neighbours.ts";
import type { OwnAdvertisement } from "./own.ts";
import type { Trust } from "./trust.ts";
import type { AdvertisementRefusal, FloodNetwork, FloodNode, Refused, Taken } from "./types.ts";
import { readAdvertisement } from "./wire.ts";

export interface IntakeParts {
  readonly self: NodeId;
  readonly database: Database;
  readonly neighbours: Neighbours;
  readonly trust: Trust;
  readonly alarms: FloodAlarms;
  readonly own: OwnAdvertisement;
  /** It counts from now on. */
  readonly hold: (word: Word, from: NodeId, nowMs: number) => void;
}

type Verdict = "news" | "known" | AdvertisementRefusal;

export class Intake {
  readonly #parts: IntakeParts;
  /** As it is now. */
  network: FloodNetwork = { nodes: new Map(), neighbours: new Set() };

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  async takeAll(values: readonly unknown[], neighbour: Neighbour, nowMs: number): Promise<Taken> {
    const refused: Refused[] = [];
    let news = 0;
    for (const value of values) {
      if (this.#isKnown(value, neighbour)) continue;
      const advertisement = readAdvertisement(value);
      if (advertisement === null) {
        refused.push({ node: null, reason: "malformed" });
        continue;
      }
      const verdict = await this.#take(advertisement, neighbour, nowMs);
      if (verdict === "news") news += 1;
      else if (verdict !== "known") refused.push({ node: advertisement.node, reason: verdict });
    }
    return { news, refused };
  }

  /** Most of what comes was there before: told without a look at all of it. */
  #isKnown(value: unknown, neighbour: Neighbour): boolean {
    const { node, sequence, signature } = (value ?? {}) as Partial<Advertisement>;
    const held = node === undefined ? undefined : this.#parts.database.get(node)?.advertisement;
    if (held === undefined || typeof sequence !== "number") return false;
    const isSame = sequence === held.sequence && signature !== null && signature === held.signature;
    if (isSame) neighbour.settle(held.node);
    return isSame || sequence < held.sequence;
  }

  async #take(advertisement: Advertisement, neighbour: Neighbour, nowMs: number): Promise<Verdict> {
    const { node } = advertisement;
    if (!this.network.nodes.has(node)) return "unknown-node";
    const { text, bytes } = wordOf(advertisement);
    if (bytes > LIMITS.floodAdvertisementBytes) return "oversized";
    const before = this.#parts.database.standingOf(advertisement, text, nowMs);
    if (before === "same") neighbour.settle(node);
    if (before === "same" || before === "older") return "known";
    if (before === "too-old") return "too-old";
    const doubt = await this.#doubt(advertisement, text, neighbour, nowMs);
    if (doubt !== null) return doubt;
    // Others may have come while the signature was looked at.
    const standing = this.#parts.database.standingOf(advertisement, text, nowMs);
    if (standing === "too-old") return "too-old";
    if (standing === "same" || standing === "older") return "known";
    if (node === this.#parts.self) return this.#heardOfSelf(advertisement, nowMs);
    if (standing === "conflict" && !this.#yields(advertisement, text, neighbour, nowMs)) return "known";
    if (!this.#parts.database.hasRoom(node, bytes)) {
      this.#parts.alarms.raise("advertisement-no-room", node, `${bytes} bytes`);
      return "full";
    }
    this.#parts.alarms.clear("advertisement-no-room", node);
    this.#parts.hold({ advertisement, text, bytes }, neighbour.node, nowMs);
    return "news";
  }

  async #doubt(
    advertisement: Advertisement,
    text: string,
    neighbour: Neighbour,
    nowMs: number,
  ): Promise<AdvertisementRefusal | null> {
    if (!neighbour.mayForge(nowMs)) return "too-many-forgeries";
    const network = this.network;
    const doubt = await this.#parts.trust.doubt(advertisement, text, neighbour.node, network);
    if (doubt === "bad-signature") {
      neighbour.takes("floodForgeries", nowMs);
      this.#parts.alarms.raise("advertisement-forged", neighbour.node, `of ${advertisement.node}`, nowMs);
    }
    // What was looked at by keys that have been changed since does not count.
    const [then, now] = [network, this.network].map(({ nodes }) => nodes.get(advertisement.node));
    if (now === undefined) return "unknown-node";
    return doubt === null && hasChanged(then, now) ? "bad-signature" : doubt;
  }

  /** Of two with one sequence the same one stays everywhere: otherwise neighbours would tell each other both for ever. */
  #yields(advertisement: Advertisement, text: string, neighbour: Neighbour, nowMs: number): boolean {
    const { node, sequence } = advertisement;
    const detail = `sequence ${sequence}; the other came from ${neighbour.node}`;
    this.#parts.alarms.raise("advertisement-conflict", node, detail, nowMs);
    const isYielding = text > (this.#parts.database.get(node)?.text ?? "");
    if (!isYielding) this.#parts.neighbours.tellAgain(neighbour, node);
    return isYielding;
  }

  /** This node knows what it says: a word that it has not said is answered with a newer one. */
  #heardOfSelf({ sequence }: Advertisement, nowMs: number): Verdict {
    const detail = `sequence ${sequence} is not of this node as it runs`;
    const hasSpoken = this.#parts.database.get(this.#parts.self) !== undefined;
    if (hasSpoken) this.#parts.alarms.raise("advertisement-conflict", this.#parts.self, detail, nowMs);
    this.#parts.own.jumpAbove(sequence);
    return "known";
  }
}

/** Of a node that was there before: what was believed by its old keys, or for its old deployment, does not count. */
export const hasChanged = (old: FloodNode | undefined, now: FloodNode): boolean =>
  old !== undefined && (old.keys !== now.keys || old.isHosted !== now.isHosted);
