import { describe, expect, it } from "vitest";
import type { NetworkDocument, NetworkDocumentInput } from "../../shared/network/document.ts";
import type { Drain, Revocation, Snapshot } from "../../shared/network/directory-types.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { clientCert, tlsClientAuth } from "../../test/support/in-workerd-certificates.ts";
import type { Env } from "../env.ts";
import { DirectoryCache } from "../clients/directory.ts";
import { authenticate } from "./authenticate.ts";
import { parseClientCert } from "./client-certificate.ts";

const CERTS = {
  a: await clientCert({ subject: "CN=sae-a,O=x" }),
  /** Told by its SAN; its CN is somebody else's. */
  b: await clientCert({ subject: "O=x", names: [{ type: "url", value: "sae://b" }] }),
  c: await clientCert({ subject: "O=c" }),
  both: await clientCert({ subject: "CN=sae-a", names: [{ type: "url", value: "sae://b" }] }),
  nobody: await clientCert({ subject: "CN=sae-z" }),
  expired: await clientCert({ subject: "CN=sae-a", notBefore: new Date(0), notAfter: new Date(1000) }),
};
const fingerprintOf = (cert: string) => {
  const parsed = parseClientCert(cert);
  return parsed.ok ? parsed.value.fingerprint : "";
};
const token = (name: string, more: object = {}) => ({ type: "token" as const, sha256: tokenSha256(name), ...more });
const certificate = (match: "cn" | "san" | "fingerprint", value: string) => ({
  type: "certificate" as const,
  match,
  value,
});

const INPUT: NetworkDocumentInput = {
  nodes: [{ id: "tn-1", site: "site-1" }, { id: "tn-2" }, { id: "tn-3", credentials: [token("node-token")] }],
  links: [],
  saes: [
    { id: "sae-a", node: "tn-1", credentials: [certificate("cn", "sae-a"), token("a-token")] },
    { id: "sae-b", node: "tn-2", credentials: [certificate("san", "URI:sae://b")] },
    { id: "sae-c", node: "tn-1", credentials: [certificate("fingerprint", fingerprintOf(CERTS.c))] },
  ],
  agents: [
    { id: "agent-1", site: "site-1", credentials: [token("agent-token")] },
    {
      id: "agent-2",
      site: "tn-2",
      credentials: [token("agent-2-token"), token("pusher-token", { scopes: ["blocks.push"] })],
    },
  ],
  controllers: [{ id: "sdn", credentials: [token("sdn-token")] }],
  operators: [
    {
      id: "op",
      credentials: [
        token("op-token"),
        token("old-token", { expires: "2020-01-01T00:00:00Z" }),
        token("new-token", { expires: "2999-01-01T00:00:00Z", scopes: ["network.read"] }),
      ],
    },
  ],
};
const valid = validateNetwork(INPUT);
if (!valid.ok) throw new Error(JSON.stringify(valid.error));
const DOCUMENT: NetworkDocument = valid.value;

interface World {
  mtls?: NonNullable<Env["QKD_MTLS"]>;
  document?: NetworkDocument;
  revocations?: Pick<Revocation, "kind" | "value">[];
  drains?: Drain[];
  bootstrapOpen?: boolean;
  /** What the Directory says when asked again. */
  later?: Partial<Snapshot>;
}
interface Wish {
  tls?: string;
  /** The node whose KME the request came through; `starter`: the engine's own socket. */
  front?: string | null;
  cf?: object;
  headers?: Record<string, string>;
  bearer?: string;
}

/** Who a request comes from: `sae:sae-a mtls`, or the code of the refusal. */
async function who(wish: Wish, world: World = {}): Promise<string> {
  const snapshot: Snapshot = {
    sequence: 1,
    documentVersion: 1,
    document: world.document ?? DOCUMENT,
    revocations: (world.revocations ?? []).map((entry) => ({ ...entry, reason: "", atMs: 0, by: "operator:op" })),
    drains: world.drains ?? [],
    bootstrapOpen: world.bootstrapOpen ?? false,
  };
  let asked = 0;
  const source = {
    snapshot: async () =>
      (asked += 1) === 1 || world.later === undefined ? snapshot : { ...snapshot, sequence: 2, ...world.later },
  };
  const headers = new Headers(wish.headers);
  if (wish.bearer !== undefined) headers.set("Authorization", `Bearer ${wish.bearer}`);
  const tls = wish.tls === undefined ? {} : { tlsClientAuth: tlsClientAuth(wish.tls) };
  const front = wish.front == null ? {} : { qkd: wish.front === "starter" ? { starter: true } : { node: wish.front } };
  const cf = { ...tls, ...front, ...wish.cf } as IncomingRequestCfProperties;
  const request = new Request("https://edge.test/", { headers, cf });
  const env = {
    QKD_MTLS: world.mtls ?? "cloudflare",
    QKD_BOOTSTRAP_SHA256: tokenSha256("bootstrap").toUpperCase(),
  } as unknown as Env;
  const background = { waitUntil: () => undefined };
  const result = await authenticate(request, env, background, {}, new DirectoryCache(), source);
  if (!result.ok) return result.error.code;
  const { principal, scopes, drained } = result.value.grant;
  const node = principal.role === "sae" ? `@${principal.node}` : "";
  return `${principal.role}:${principal.id}${node} ${principal.by}${scopes === null ? "" : ` [${scopes.join()}]`}${drained ? " drained" : ""}`;
}

describe("nobody", () => {
  it.each<[string, Wish]>([
    ["shows nothing", {}],
    ["shows a cookie", { headers: { Cookie: "token=op-token" } }],
    ["shows another scheme", { headers: { Authorization: "Basic b3A6b3A=" } }],
    ["shows an unknown token", { bearer: "x" }],
    ["shows a stored hash", { bearer: tokenSha256("op-token") }],
    [
      "writes the platform's data into headers",
      {
        headers: { "CF-TLS-Client-Auth": "x", "MF-CF-Blob": JSON.stringify({ tlsClientAuth: tlsClientAuth(CERTS.a) }) },
      },
    ],
    ["asserts an SAE without being an agent", { headers: { "Client-Cert": CERTS.a, "QKD-Node": "tn-1" } }],
    [
      "shows a certificate nobody vouches for",
      { cf: { tlsClientAuth: tlsClientAuth(CERTS.a, { certVerified: "FAILED" }) } },
    ],
  ])("%s", async (_, wish) => {
    expect(await who(wish)).toBe("unauthorised");
  });
});

it("knows who started the engine by its socket alone, and only where there is one", async () => {
  expect(await who({ front: "starter" }, { mtls: "front" })).toBe("operator:starter starter");
  for (const mtls of ["off", "cloudflare"] as const) {
    expect(await who({ front: "starter" }, { mtls })).toBe("unauthorised");
  }
  expect(await who({ front: "starter", bearer: "op-token" }, { mtls: "front" })).toBe("unauthorised");
});

describe("mutual TLS", () => {
  it.each([
    [CERTS.a, "sae:sae-a@tn-1 mtls"],
    [CERTS.b, "sae:sae-b@tn-2 mtls"],
    [CERTS.c, "sae:sae-c@tn-1 mtls"],
    [CERTS.both, "unauthorised"],
    [CERTS.nobody, "unauthorised"],
    [CERTS.expired, "unauthorised"],
  ])("maps a certificate by the names configured (%#)", async (tls, expected) => {
    expect(await who({ tls })).toBe(expected);
  });

  it("is believed only where the platform speaks", async () => {
    expect(await who({ tls: CERTS.a, front: "tn-1" }, { mtls: "off" })).toBe("unauthorised");
    expect(await who({ tls: CERTS.a, front: "tn-1" }, { mtls: "front" })).toBe("sae:sae-a@tn-1 mtls");
  });

  it("ties an SAE to its own KME", async () => {
    expect(await who({ tls: CERTS.b, front: "tn-1" }, { mtls: "front" })).toBe("unauthorised");
    expect(await who({ tls: CERTS.b, front: "tn-2" }, { mtls: "front" })).toBe("sae:sae-b@tn-2 mtls");
    expect(await who({ tls: CERTS.b }, { mtls: "front" })).toBe("unauthorised");
    expect(await who({ bearer: "a-token", front: "tn-2" }, { mtls: "front" })).toBe("unauthorised");
    expect(await who({ bearer: "a-token", front: "tn-1" }, { mtls: "front" })).toBe("sae:sae-a@tn-1 token");
  });
});

describe("bearer tokens", () => {
  it.each([
    ["op-token", "operator:op token"],
    ["new-token", "operator:op token [network.read]"],
    ["old-token", "unauthorised"],
    ["a-token", "sae:sae-a@tn-1 token"],
    ["agent-token", "agent:agent-1 token"],
    ["sdn-token", "controller:sdn token"],
    ["node-token", "node:tn-3 token"],
  ])("%s", async (bearer, expected) => {
    expect(await who({ bearer })).toBe(expected);
  });

  it("count together with a certificate only if both are of one", async () => {
    expect(await who({ tls: CERTS.a, bearer: "a-token" })).toBe("sae:sae-a@tn-1 token");
    expect(await who({ tls: CERTS.b, bearer: "a-token" })).toBe("unauthorised");
    expect(await who({ tls: CERTS.a, bearer: "op-token" })).toBe("unauthorised");
    expect(await who({ tls: CERTS.nobody, bearer: "a-token" })).toBe("unauthorised");
    expect(await who({ tls: CERTS.a, bearer: "x" })).toBe("unauthorised");
  });

  it("of bootstrap count while it is open", async () => {
    expect(await who({ bearer: "bootstrap" }, { bootstrapOpen: true })).toBe("operator:bootstrap bootstrap");
    expect(await who({ bearer: "bootstrap" })).toBe("unauthorised");
  });
});

const asserting = (cert: string, node: string, bearer = "agent-token"): Wish => ({
  bearer,
  headers: { "Client-Cert": cert, "QKD-Node": node },
});

const naming = (sae: string, node: string, bearer = "agent-token"): Wish => ({
  bearer,
  headers: { "QKD-SAE": sae, "QKD-Node": node },
});

describe("a site agent, for an application that shows no certificate", () => {
  it("names an SAE of its site, percent-encoded", async () => {
    expect(await who(naming("sae-a", "tn-1"))).toBe("sae:sae-a@tn-1 agent");
    expect(await who(naming("sae%2Da", "tn-1"))).toBe("sae:sae-a@tn-1 agent");
    expect(await who(naming("sae-b", "tn-2", "agent-2-token"))).toBe("sae:sae-b@tn-2 agent");
  });

  it.each<[string, Wish]>([
    ["an SAE of another site", naming("sae-b", "tn-2")],
    ["an SAE of another site, at a node of its own", naming("sae-b", "tn-1")],
    ["its SAE at another's node", naming("sae-a", "tn-2")],
    ["its SAE at no node", naming("sae-a", "tn-9")],
    ["nobody known", naming("sae-z", "tn-1")],
    ["another role's id", naming("op", "tn-1")],
    ["nobody", naming("", "tn-1")],
    ["what is malformed", naming("sae-a%", "tn-1")],
    ["its SAE without a node", { bearer: "agent-token", headers: { "QKD-SAE": "sae-a" } }],
    [
      "its SAE twice over",
      { bearer: "agent-token", headers: { "QKD-SAE": "sae-a", "Client-Cert": CERTS.a, "QKD-Node": "tn-1" } },
    ],
    ["its SAE with a token for other things", naming("sae-b", "tn-2", "pusher-token")],
    ["its SAE as an operator", naming("sae-a", "tn-1", "op-token")],
    ["its SAE as that SAE", naming("sae-a", "tn-1", "a-token")],
    ["its SAE as a node", naming("sae-a", "tn-3", "node-token")],
    ["its SAE as nobody", { headers: { "QKD-SAE": "sae-a", "QKD-Node": "tn-1" } }],
    ["its SAE by its own certificate", { tls: CERTS.a, headers: { "QKD-SAE": "sae-a", "QKD-Node": "tn-1" } }],
  ])("does not speak for %s", async (_, wish) => {
    expect(await who(wish)).toBe("unauthorised");
  });
});

describe("a site agent", () => {
  it("speaks for SAEs of its site", async () => {
    expect(await who(asserting(CERTS.a, "tn-1"))).toBe("sae:sae-a@tn-1 agent");
    expect(await who(asserting(CERTS.b, "tn-2", "agent-2-token"))).toBe("sae:sae-b@tn-2 agent");
  });

  it.each<[string, Wish]>([
    ["an SAE of another site", asserting(CERTS.b, "tn-2")],
    ["an SAE of another site, at a node of its own", asserting(CERTS.b, "tn-1")],
    ["its SAE at another's node", asserting(CERTS.a, "tn-2")],
    ["its SAE at no node", asserting(CERTS.a, "tn-9")],
    ["nobody known", asserting(CERTS.nobody, "tn-1")],
    ["an expired certificate", asserting(CERTS.expired, "tn-1")],
    ["an ambiguous certificate", asserting(CERTS.both, "tn-1")],
    ["garbage", asserting(":AAAA:", "tn-1")],
    ["a certificate without a node", { bearer: "agent-token", headers: { "Client-Cert": CERTS.a } }],
    ["a node without a certificate", { bearer: "agent-token", headers: { "QKD-Node": "tn-1" } }],
    ["its SAE with a token for other things", asserting(CERTS.b, "tn-2", "pusher-token")],
    ["its SAE as an operator", asserting(CERTS.a, "tn-1", "op-token")],
    ["its SAE as that SAE", asserting(CERTS.a, "tn-1", "a-token")],
  ])("does not speak for %s", async (_, wish) => {
    expect(await who(wish)).toBe("unauthorised");
  });
});

describe("revocation", () => {
  it.each<[string, Revocation["kind"], string, Wish]>([
    ["a certificate", "certificate", fingerprintOf(CERTS.a), { tls: CERTS.a }],
    ["a token", "token", tokenSha256("op-token"), { bearer: "op-token" }],
    ["a principal, by token", "principal", "sae:sae-a", { bearer: "a-token" }],
    ["a principal, by certificate", "principal", "sae:sae-a", { tls: CERTS.a }],
    [
      "an agent that speaks for others",
      "principal",
      "agent:agent-1",
      { bearer: "agent-token", headers: { "Client-Cert": CERTS.a, "QKD-Node": "tn-1" } },
    ],
    [
      "an SAE an agent speaks for",
      "principal",
      "sae:sae-a",
      { bearer: "agent-token", headers: { "Client-Cert": CERTS.a, "QKD-Node": "tn-1" } },
    ],
    ["an SAE an agent names", "principal", "sae:sae-a", naming("sae-a", "tn-1")],
    ["an agent that names others", "principal", "agent:agent-1", naming("sae-a", "tn-1")],
    [
      "an asserted certificate",
      "certificate",
      fingerprintOf(CERTS.a),
      { bearer: "agent-token", headers: { "Client-Cert": CERTS.a, "QKD-Node": "tn-1" } },
    ],
  ])("shuts out %s", async (_, kind, value, wish) => {
    expect(await who(wish)).not.toBe("unauthorised");
    expect(await who(wish, { revocations: [{ kind, value }] })).toBe("unauthorised");
  });
});

describe("drains", () => {
  const removed = { ...DOCUMENT, saes: DOCUMENT.saes.filter(({ id }) => id !== "sae-a") };
  const moved = {
    ...DOCUMENT,
    saes: DOCUMENT.saes.map((sae) => (sae.id === "sae-a" ? { ...sae, node: "tn-2" } : sae)),
  };
  const drain = (untilMs: number): Drain => ({ kind: "sae", sae: DOCUMENT.saes[0]!, pairs: [], untilMs });
  const running = [drain(Date.now() + 60_000)];
  const over = [drain(Date.now() - 1)];

  const at = async (front: string, drains: Drain[]) =>
    await who({ tls: CERTS.a, front }, { mtls: "front", document: moved, drains });

  it("let a removed SAE in as draining, until they end", async () => {
    expect(await who({ tls: CERTS.a }, { document: removed, drains: running })).toBe("sae:sae-a@tn-1 mtls drained");
    expect(await who({ bearer: "a-token" }, { document: removed, drains: running })).toBe(
      "sae:sae-a@tn-1 token drained",
    );
    expect(await who({ tls: CERTS.a }, { document: removed, drains: over })).toBe("unauthorised");
    expect(await who({ tls: CERTS.a }, { document: removed })).toBe("unauthorised");
  });

  it("let a moved SAE in at its new KME, and as draining at the old one", async () => {
    expect(await at("tn-2", running)).toBe("sae:sae-a@tn-2 mtls");
    expect(await at("tn-1", running)).toBe("sae:sae-a@tn-2 mtls drained");
    expect(await at("tn-3", running)).toBe("unauthorised");
    expect(await at("tn-1", over)).toBe("unauthorised");
  });

  it("let an agent name a moved SAE at its new node, at the old one as draining, and no removed one", async () => {
    const moving = { document: moved, drains: running };
    expect(await who(naming("sae-a", "tn-2", "agent-2-token"), moving)).toBe("sae:sae-a@tn-2 agent");
    expect(await who(naming("sae-a", "tn-1"), moving)).toBe("sae:sae-a@tn-2 agent drained");
    expect(await who(naming("sae-a", "tn-1"), { document: moved, drains: over })).toBe("unauthorised");
    expect(await who(naming("sae-a", "tn-1"), { document: removed, drains: running })).toBe("unauthorised");
  });

  it("give way to a document that gives the credential to another", async () => {
    const saes = removed.saes.map((sae) =>
      sae.id === "sae-c" ? { ...sae, credentials: DOCUMENT.saes[0]!.credentials } : sae,
    );
    expect(await who({ tls: CERTS.a }, { document: { ...removed, saes }, drains: running })).toBe(
      "sae:sae-c@tn-1 mtls",
    );
  });
});

describe("the network seen", () => {
  const nobody = { ...DOCUMENT, saes: [] };

  it("is asked for anew when somebody is not known", async () => {
    expect(await who({ tls: CERTS.a }, { document: nobody, later: { document: DOCUMENT } })).toBe(
      "sae:sae-a@tn-1 mtls",
    );
    expect(await who({ bearer: "a-token" }, { document: nobody, later: { document: DOCUMENT } })).toBe(
      "sae:sae-a@tn-1 token",
    );
    expect(await who({ bearer: "bootstrap" }, { later: { bootstrapOpen: true } })).toBe("operator:bootstrap bootstrap");
  });
});
