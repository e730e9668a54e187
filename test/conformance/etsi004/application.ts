/**
 * An application as the cases of part 7 see it, whatever binding it speaks: the three calls of ETSI GS QKD 004, and what a
 * binding can say of them. What it cannot say is in the table of `bindings/`, with the reason.
 */
import type { ProfileName } from "../../../shared/etsi004/profiles.ts";
import { NO_WISHES, type Qos } from "../../../shared/etsi004/qos.ts";
import type { StatusName } from "../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import type { RunningNetwork } from "../../support/run-network.ts";

/** What some bindings have no way to say, or have of others. */
export const CAPABILITIES = [
  /** OPEN_CONNECT and CLOSE of its own. */
  "own-open",
  /** OPEN_CONNECT names a KSID, or has one allocated. */
  "ksid",
  /** The answer of OPEN_CONNECT tells the QoS in force. */
  "qos-told",
  /** Members of QOS beyond the chunk's size and Timeout are honoured. */
  "qos",
  /** OPEN_CONNECT may ask for chunks of 0 bytes. */
  "no-bytes",
  /** OPEN_CONNECT names a Metadata_mimetype. */
  "mimetype",
  /** GET_KEY names an index. */
  "index",
  /** GET_KEY without an index: the next chunk. */
  "next",
  /** GET_KEY answers with metadata. */
  "metadata",
  /** GET_KEY says how much room there is for metadata. */
  "metadata-size",
  /** GET_KEY that gives no key is answered. */
  "refusal",
] as const;
export type Capability = (typeof CAPABILITIES)[number];

export type Call = "open" | "get-key" | "close";

export interface OpenWish {
  /** Allocated where absent, or made of the two URIs. */
  readonly ksid?: Ksid;
  readonly qos?: Partial<Qos>;
  /** Which of their streams the two applications mean, where the binding has no KSID to tell it by. */
  readonly label?: string;
}

export interface Opened {
  /** Status and text as the binding has them. */
  readonly word: string;
  readonly ksid: Ksid | null;
  readonly qos: Qos | null;
}

export interface KeyWish {
  readonly index?: number;
  readonly metadataSize?: number;
}

export interface Got {
  readonly word: string;
  readonly index: number | null;
  /** Hex, so that two can be compared; empty where there is none. No assertion prints it. */
  readonly key: string;
  readonly metadata: string | null;
  readonly neededSize: number | null;
}

export const NO_KEY = { index: null, key: "", metadata: null, neededSize: null } as const;

export interface Application {
  open(wish: OpenWish): Promise<Opened>;
  getKey(ksid: Ksid, wish?: KeyWish): Promise<Got>;
  close(ksid: Ksid): Promise<string>;
}

export interface Party {
  readonly sae: string;
  readonly node: string;
}

/** Whom the agents of tn-1 and tn-2 act for. */
export const A: Party = { sae: "sae-a", node: "tn-1" };
export const B: Party = { sae: "sae-c", node: "tn-2" };
/** Their neighbours. */
export const C: Party = { sae: "sae-a2", node: "tn-1" };
export const D: Party = { sae: "sae-c2", node: "tn-2" };

export interface Binding {
  readonly name: string;
  /** As which the engine treats it. */
  readonly profile: ProfileName;
  readonly can: ReadonlySet<Capability>;
  /** Why it cannot do the others. */
  readonly reasons: Partial<Readonly<Record<Capability, string>>>;
  connect(network: RunningNetwork, self: Party, peer: Party): Promise<Application>;
  /** How it tells a status: one of these words. */
  says(call: Call, status: StatusName): readonly string[];
}

/** All but what there is a reason for. */
export const allBut = (reasons: Binding["reasons"]): Pick<Binding, "can" | "reasons"> => ({
  can: new Set(CAPABILITIES.filter((capability) => reasons[capability] === undefined)),
  reasons,
});

/** What the cases ask for unless they say otherwise. */
export const qosWish = (qos: Partial<Qos> = {}): Qos => ({ ...NO_WISHES, chunkBytes: 32, timeoutMs: 20_000, ...qos });
