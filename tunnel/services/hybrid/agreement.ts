/** What both ends of a session know alike, and what is particular to this one. */
import type { Source } from "../../../shared/hybrid/types.ts";
import type { MethodName } from "../../../shared/hybrid/methods.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { type KemName, KEMS } from "../../../shared/kem/registry.ts";
import type { Place } from "../../place.ts";
import type { QkdPeer } from "./qkd/types.ts";

/** An application of this agent's: the SAE of the listener it came to, at a node of this site. */
export interface Application {
  readonly sae: string;
  readonly node: string;
  readonly uuid: string;
}

/** What an application asks for, before the other end has come. */
interface Asked {
  readonly source: string;
  readonly destination: string;
  readonly method: MethodName;
  readonly sources: readonly Source[];
  readonly chunkBytes: number;
  readonly timeoutMs: number;
  readonly own: Application;
  readonly role: "initiator" | "responder";
  /** A chunk that its method cannot fill is given as short as it is. */
  readonly allowShort: boolean;
}

/** Of a peer whose site has an agent. */
export interface Wish extends Asked {
  readonly peer: { readonly uuid: string; readonly site: string };
}

/** Of a peer that is a hybridization module. */
export interface ModuleWish extends Asked {
  readonly peer: {
    readonly uuid: string;
    readonly module: Place;
    readonly seedFile: string | null;
    readonly zeroIsNext: boolean;
  };
}

export interface Agreement extends Wish {
  readonly ksid: Ksid;
  readonly peerSae: string;
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
}

/** A KEM source, with the name that a QKD source does not have. */
export type KemSource = Source & { readonly algorithm: KemName };

export const kemSources = ({ sources }: Pick<Wish, "sources">): readonly KemSource[] =>
  sources.filter((source): source is KemSource => source.algorithm !== "QKD");

/** Of one exchange of KEM keys. */
export const publicKeysBytes = (wish: Pick<Wish, "sources">): number =>
  kemSources(wish).reduce((sum, { algorithm }) => sum + KEMS[algorithm].publicKeyBytes, 0);

export const qkdSource = ({ sources }: Pick<Wish, "sources">): Source | undefined =>
  sources.find(({ algorithm }) => algorithm === "QKD");

/** Whose QKD key a session takes: what its initiator allocates. */
export const qkdPeer = ({ own, role, peer }: Wish, peerSae: string): QkdPeer => ({
  own,
  peer: { sae: peerSae, uuid: peer.uuid },
  allocates: role === "initiator" ? "own" : "peer",
});
