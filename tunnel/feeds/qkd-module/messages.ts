/** What the agent and the thread of a module tell each other. Types only. */
import type { FinishedBlock } from "../../../shared/qkd-module/memory.ts";
import type { ModuleSettings } from "../../../shared/qkd-module/settings.ts";
import type { ModuleNews, ModuleRole } from "../../../shared/qkd-module/status.ts";
import type { LogFields, LogLevel } from "../../log.ts";
import type { ChannelConfig } from "./channel.ts";

/** What a thread is started with. */
export interface ThreadData {
  readonly link: string;
  readonly role: ModuleRole;
  readonly settings: ModuleSettings;
  readonly channel: ChannelConfig;
  /** Of the feed. */
  readonly folder: string;
  readonly spoolKey: Uint8Array;
}

export type ToThread =
  /** Said once, in answer to `public-key`. */
  | { readonly kind: "begin"; readonly peerPublicKey: Uint8Array | "as-told" }
  | { readonly kind: "full"; readonly full: boolean }
  | { readonly kind: "put-away"; readonly id: string };

export type FromThread =
  | { readonly kind: "public-key"; readonly publicKey: string }
  | { readonly kind: "news"; readonly news: ModuleNews }
  | { readonly kind: "finished"; readonly block: FinishedBlock }
  | { readonly kind: "figures"; readonly figures: LogFields }
  | { readonly kind: "log"; readonly level: LogLevel; readonly event: string; readonly fields: LogFields }
  /** The last word of a thread that cannot go on; `code` is the system's. */
  | { readonly kind: "failed"; readonly code: string | null; readonly reason: string };
