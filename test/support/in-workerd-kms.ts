/** The small network of the Worker's tests, with clients and users of the Open-QKD-Network KMS API. */
import { scryptSync } from "node:crypto";
import { SELF } from "cloudflare:test";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { writePasswordHash } from "../../shared/open-qkd-network/password-hash.ts";
import { EDGE, NETWORK, withoutRelays } from "./in-workerd-network.ts";

/** The cheapest that a document may hold. */
const COST = { log2N: 14, r: 8, p: 1 } as const;

export function hashOf(secret: string): string {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const hash = scryptSync(secret, salt, 32, { N: 2 ** COST.log2N, r: COST.r, p: COST.p });
  return writePasswordHash({ ...COST, salt, hash });
}

const SECRETS = { app: hashOf("app-secret"), ann: hashOf("ann-password"), bob: hashOf("bob-password") };

const SITES = { n1: "A", n2: "B", n3: "C" } as Readonly<Record<string, string>>;
/** At n1 one that calls by ETSI 014 as well, at the others one for the users alone. */
const siteSae = (node: string): string => (node === "n1" ? "sae-a2" : `kms-${node}`);

/** Sites A, B and C at n1, n2 and n3, and n4 that is not served; ann is at A, bob at B, the client itself at A. */
export const KMS_NETWORK: NetworkDocumentInput = withoutRelays({
  ...NETWORK,
  nodes: [
    ...NETWORK.nodes.map((node) => ({ ...node, kms_site_id: SITES[node.id] ?? "", kms_sae: siteSae(node.id) })),
    { id: "n4" },
  ],
  saes: [...NETWORK.saes, ...NETWORK.nodes.map(({ id }) => ({ id: `kms-${id}`, node: id, credentials: [] }))],
  kms_clients: [
    { id: "app", secret: SECRETS.app, grants: ["password", "client_credentials", "refresh_token"], node: "n1" },
    { id: "simple", secret: SECRETS.app, grants: ["password"] },
  ],
  kms_users: [
    { id: "ann", password: SECRETS.ann, node: "n1" },
    { id: "bob", password: SECRETS.bob, node: "n2" },
    { id: "app-only", password: SECRETS.bob, node: "n2", clients: ["app"] },
  ],
});

export const basic = (client: string, secret: string): string => `Basic ${btoa(`${client}:${secret}`)}`;

/** To the token endpoint, by the client's Basic where nothing else is said. */
export const postForm = async (
  path: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Response> =>
  await SELF.fetch(`${EDGE}${path}`, {
    method: "POST",
    body: typeof form === "string" ? form : new URLSearchParams(form).toString(),
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      Authorization: basic("app", "app-secret"),
      ...headers,
    },
  });

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** Of ann or bob, whose passwords are their names and `-password`. */
export async function signIn(username: string, password = `${username}-password`): Promise<Tokens> {
  const answer = await postForm("/uaa/oauth/token", { grant_type: "password", username, password });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return await answer.json<Tokens>();
}

/** A call with an access token. */
export const withToken = async (token: string, path: string, init: RequestInit = {}): Promise<Response> => {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token}`);
  return await SELF.fetch(`${EDGE}${path}`, { ...init, headers });
};
