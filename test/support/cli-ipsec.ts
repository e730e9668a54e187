/** What a stand-in for the edge tells of nodes with an IPsec host. */
import { type CliEdge, useCliEdge } from "./cli-edge.ts";

export const INSTANT = "2026-01-01T00:00:00.000Z";
export const SA = "out/10.0.0.11/in/10.0.0.20_1000";
export const POLICY = "out/10.0.0.11/in/10.0.0.20";
export const A = { prefixes: ["10.0.0.11/32"] };
export const B = { prefixes: ["10.0.0.20"] };
export const KEYED = { sources: ["ML-KEM-512"], dropped: ["QKD"], spi: 1000, rekey: INSTANT };

export const ipsecPathOf = (node: string, rest = "ipsec-entries"): string => `/api/v1/nodes/${node}/ipsec/${rest}`;

export const entryOf = (kind: string | null, name: string | null, state: string, more: object = {}): object => ({
  kind,
  name,
  state,
  ...more,
});

export const batchOf = (entries: readonly object[], more: object = {}): object => ({
  STATUS: "OK",
  batch: "b-1",
  done: true,
  entries,
  ...more,
});

/** Of a host that has nothing, and where nothing has happened. */
export const ipsecStatus = (node: string, more: object = {}): object => ({
  node,
  entries: [],
  settings: [],
  rekeys: [],
  notifications: [],
  alarms: [],
  ...more,
});

/** `ipsec` null: no IPsec host. */
type NodeWith = readonly [id: string, ipsec: object | null, more?: object];

/** A network document, as far as it concerns IPsec. */
export const networkWith = (...nodes: NodeWith[]): object => ({
  version: 1,
  nodes: nodes.map(([id, ipsec, more]) => ({ id, ...(ipsec === null ? {} : { ipsec }), ...more })),
});

interface IpsecEdge extends CliEdge {
  readonly says: (what: string, json: object, code?: number) => void;
  /** The network that it tells of. */
  readonly networkOf: (...nodes: NodeWith[]) => void;
}

/** The stand-in itself, with short words for what it says. */
export function useIpsecEdge(): IpsecEdge {
  const edge = useCliEdge();
  const says: IpsecEdge["says"] = (what, json, code = 200) => {
    edge.replies[what] = [{ status: code, json }];
  };
  const networkOf: IpsecEdge["networkOf"] = (...nodes) => says("GET /api/v1/network", networkWith(...nodes));
  return { ...edge, says, networkOf };
}
