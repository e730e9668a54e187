/** What the hostile peer is told, and what it answers. */
export interface HostileConfig {
  readonly edge: string;
  /** Whose hub it connects to, and what it asks for there. */
  readonly target: { readonly site: string; readonly service: string };
  /** Who it is: an agent of the network, with its one-time token in a file. */
  readonly agent: string;
  readonly site: string;
  readonly tokenFile: string;
  /** Folder for its keys. */
  readonly state: string;
}
export type ToHostile =
  | { readonly type: "connect"; readonly config: HostileConfig }
  | { readonly type: "flood"; readonly forMs: number };
export type FromHostile =
  | { readonly type: "open" }
  | { readonly type: "flooded"; readonly sentBytes: number; readonly closedBy: string | null }
  | { readonly type: "failed"; readonly problem: string };
