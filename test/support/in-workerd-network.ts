/** A small network inside workerd, for tests of the Worker: three nodes in a chain, tokens as credentials. */
import { SELF } from "cloudflare:test";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";

export const EDGE = "https://edge.test";
const BOOTSTRAP_TOKEN = "bootstrap-token-of-the-in-workerd-tests";

export const token = (who: string): string => `token-of-${who}-in-the-tests-of-the-worker`;
const credentials = (who: string) => [
  { type: "token" as const, sha256: tokenSha256(token(who)) },
  { type: "certificate" as const, match: "cn" as const, value: who },
];

/** What clients of ETSI 004 may know nodes by. */
export const NODE_UUIDS = {
  n1: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
  n2: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
} as const;

/** sae-a, sae-a2 at n1 - sae-b, sae-b2 at n2 - sae-d at n3; the first link has two shards. */
export const NETWORK: NetworkDocumentInput = {
  nodes: [{ id: "n1", kme_id: "kme-1", uuid: NODE_UUIDS.n1 }, { id: "n2", uuid: NODE_UUIDS.n2 }, { id: "n3" }],
  links: [
    {
      id: "n1-n2",
      nodes: ["n1", "n2"],
      source: "push",
      feed: "one-ended",
      health: "accept",
      key_rate_bps: 0,
      shards: 2,
    },
    { id: "n2-n3", nodes: ["n2", "n3"], source: "push", feed: "one-ended", health: "reject", key_rate_bps: 0 },
  ],
  saes: [
    { id: "sae-a", node: "n1", addresses: ["client://localhost"], credentials: credentials("sae-a") },
    { id: "sae-a2", node: "n1", credentials: credentials("sae-a2") },
    {
      id: "sae-b",
      node: "n2",
      addresses: ["server://localhost", "10.0.0.20:5000"],
      credentials: credentials("sae-b"),
    },
    { id: "sae-b2", node: "n2", credentials: credentials("sae-b2") },
    { id: "sae-d", node: "n3", credentials: credentials("sae-d") },
    { id: "urn:sae/é %2F..", node: "n2", credentials: credentials("odd") },
  ],
  agents: [{ id: "agent-1", site: "n1", credentials: credentials("agent-1") }],
  operators: [{ id: "op", credentials: credentials("op") }],
  policy: { key_ttl_s: 3600, dec_wait_ms: 0, delivery_grace_s: 5 },
};

interface Wish extends RequestInit {
  readonly as?: string | null;
}

/** Call the Worker as somebody (by token), or as nobody. */
export async function call(path: string, wish: Wish = {}): Promise<Response> {
  const { as = null, ...init } = wish;
  const headers = new Headers(init.headers);
  if (as !== null) headers.set("Authorization", `Bearer ${as === "bootstrap" ? BOOTSTRAP_TOKEN : token(as)}`);
  return await SELF.fetch(`${EDGE}${path}`, { ...init, headers });
}

export async function post(
  path: string,
  as: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await call(path, {
    as,
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers,
  });
}

/** Nothing is given twice. */
export const WITHOUT_GRACE: NetworkDocumentInput = { ...NETWORK, policy: { ...NETWORK.policy, delivery_grace_s: 0 } };

/** Keys come over links, or not at all. */
export const withoutRelays = (network: NetworkDocumentInput): NetworkDocumentInput => ({
  ...network,
  policy: { ...network.policy, relay: { enabled: false } },
});

/** Puts the network (version 1) and material of `blocks` x 64 KiB into the first link. */
export async function setUp(blocks = 4, network: NetworkDocumentInput = NETWORK): Promise<void> {
  const put = await call("/api/v1/network", {
    as: "bootstrap",
    method: "PUT",
    headers: { "If-Match": '"0"' },
    body: JSON.stringify(network),
  });
  if (put.status !== 200) throw new Error(`network refused: ${put.status} ${await put.text()}`);
  for (let block = 0; block < blocks; block++) {
    const pushed = await call(`/api/v1/links/n1-n2/blocks/setup.bin:${block * 65536}?node=n1`, {
      as: "op",
      method: "PUT",
      body: crypto.getRandomValues(new Uint8Array(65536)),
    });
    if (pushed.status !== 201) throw new Error(`block refused: ${pushed.status} ${await pushed.text()}`);
  }
}

export interface Container {
  readonly keys: readonly { readonly key_ID: string; readonly key: string }[];
}
/** Of a 200; throws with the error's text otherwise. */
export async function container(response: Response): Promise<Container> {
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return await response.json<Container>();
}
export async function errorOf(response: Response): Promise<{ message: string; details?: Record<string, unknown>[] }> {
  return await response.json();
}
