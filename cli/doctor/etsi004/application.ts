/**
 * An application as the cases of ETSI GS QKD 004 see it, whatever binding it speaks: the three calls, and what a binding can
 * say of them. What it cannot say has a reason.
 */
import type { ProfileName } from "../../../shared/etsi004/profiles.ts";
import { NO_WISHES, type Qos } from "../../../shared/etsi004/qos.ts";
import type { StatusName } from "../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import type { Reach } from "./reach.ts";

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
export const CALL_NAMES: Readonly<Record<Call, string>> = {
  open: "OPEN_CONNECT",
  "get-key": "GET_KEY",
  close: "CLOSE",
};

/** How a binding tells what became of a call. */
export interface Said {
  /** Its status, or what stands for one: `HTTP 404`. */
  readonly code: string;
  /** Words that belong to it. */
  readonly text?: string;
}

/** Who asks, in whose name and where. */
export interface Party {
  /** Which of the applications it is: where both ends pass the same two URIs, the first one's is the source. */
  readonly end: "a" | "b" | "c" | "d";
  /** SAE ID: `source` and `destination` are made of it. */
  readonly sae: string;
  /** What stands for its node in URIs: a node's name or UUID. */
  readonly node: string;
  /** In place of what bindings make of these. */
  readonly address?: string;
  /** What its streams ask for unless a case says otherwise. */
  readonly qos?: Partial<Qos>;
  readonly reach: Reach;
}

export interface OpenWish {
  /** Allocated where absent, or made of the two URIs. */
  readonly ksid?: Ksid;
  readonly qos?: Partial<Qos>;
  /** Which of their streams the two applications mean, where the binding has no KSID to tell it by. */
  readonly label?: string;
}

export interface Opened {
  readonly said: Said;
  readonly ksid: Ksid | null;
  readonly qos: Qos | null;
}

export interface KeyWish {
  readonly index?: number;
  readonly metadataSize?: number;
}

export interface Got {
  readonly said: Said;
  readonly index: number | null;
  /** Hex, so that two can be compared; empty where there is none. No report holds it. */
  readonly key: string;
  readonly metadata: string | null;
  readonly neededSize: number | null;
}

export const NO_KEY = { index: null, key: "", metadata: null, neededSize: null } as const;

export interface Application {
  open(wish: OpenWish): Promise<Opened>;
  getKey(ksid: Ksid, wish?: KeyWish): Promise<Got>;
  close(ksid: Ksid): Promise<Said>;
  /** Lets go of its connections. */
  end(): void;
}

export interface Binding {
  readonly name: string;
  /** As which the engine here treats it. */
  readonly profile: ProfileName;
  readonly can: ReadonlySet<Capability>;
  /** Why it cannot do the others. */
  readonly reasons: Partial<Readonly<Record<Capability, string>>>;
  connect(self: Party, peer: Party): Promise<Application>;
  /** How it tells a status: one of these; none where it has no way to. */
  says(call: Call, status: StatusName): readonly Said[];
}

/** All but what there is a reason for. */
export const allBut = (reasons: Binding["reasons"]): Pick<Binding, "can" | "reasons"> => ({
  can: new Set(CAPABILITIES.filter((capability) => reasons[capability] === undefined)),
  reasons,
});

/** What is asked for where a case wishes for this. */
export const qosWish = ({ qos: usual }: Party, wish: Partial<Qos> = {}): Qos => ({
  ...NO_WISHES,
  chunkBytes: 32,
  timeoutMs: 20_000,
  ...usual,
  ...wish,
});

export const saidCode = (code: string | number): Said => ({ code: String(code) });
