/**
 * Who is calling: decided here, once a request, from a client certificate, a bearer token, or a site agent's word for
 * an SAE behind it. What the caller may then do is `allows` in shared/auth/policy.ts.
 *
 * Cookies are looked at where operators act, and nowhere else. Two proofs that disagree are none.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { ACCESS_SCOPES, allows, STARTER_OPERATOR, type Grant } from "../../shared/auth/policy.ts";
import { principalName, type AuthenticatedBy } from "../../shared/auth/principal.ts";
import type { Standing } from "../../shared/auth/standing.ts";
import type { SessionHolder } from "../../shared/auth/session.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { clientOfKmsToken } from "../../shared/open-qkd-network/token.ts";
import type { ShownCertificate } from "../../shared/monitor/alarm-rpc.ts";
import type { TokenHolder } from "../../shared/open-qkd-network/types.ts";
import { siteOfAccessToken } from "../../shared/tunnel/access-token.ts";
import type { AccessHolder } from "../../shared/tunnel/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import {
  certificateOwners,
  nodeId,
  revocationKey,
  saeId,
  siteServesSae,
  type Lookup,
  type Owner,
} from "../../shared/network/lookup.ts";
import { nodesOfSae } from "../../shared/network/pairs.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import {
  directoryCache,
  snapshotSourceOf,
  type Background,
  type DirectoryCache,
  type SnapshotSource,
} from "../clients/directory.ts";
import { sessionsOf, sessionWords } from "../clients/operator-sessions.ts";
import { monitorOf } from "../clients/monitor.ts";
import { shownCertificates } from "../clients/shown-certificates.ts";
import { issuerOf, kmsTokenWords } from "../clients/token-issuer.ts";
import { accessWords, hubOf } from "../clients/tunnel-hub.ts";
import type { Env } from "../env.ts";
import { type Assertion, readAssertion } from "./assertion.ts";
import { readBearer } from "./bearer.ts";
import { isCertificateMeant } from "./browsers.ts";
import { tlsClientCertificate, type ClientCertificate, type TlsClientAuth } from "./client-certificate.ts";
import type { Incoming } from "./incoming.ts";
import { ofKmsToken } from "./kms-token.ts";
import { ofNetworkToken } from "./network-token.ts";
import { granted, type Outcome, refused, unknown } from "./outcome.ts";
import { ofSession, readSession } from "./session.ts";

/** A caller, and the network as it was when it was let in: routes use the same view. */
export interface Authenticated {
  readonly grant: Grant;
  readonly lookup: Lookup;
  /** For who stays longer than the request. */
  readonly standing: () => Standing;
  /** Of who is known by it. */
  readonly session: Session | null;
}

export interface Session {
  /** Secret: the cookie's value. */
  readonly id: string;
  readonly expiresMs: number;
}

/** How a caller is looked up. */
interface Lookout {
  /** How old the copy of the network may be. */
  readonly snapshotAgeMs?: number | undefined;
  /** Whether an operator's session counts here. */
  readonly takesSession?: boolean;
}

/** A request's proofs, taken from it before the network is looked at. */
export interface Proofs {
  readonly certificate: ClientCertificate | null;
  readonly tokenSha256: string | null;
  /** Of the id of an operator's session; null where a token is shown. */
  readonly sessionSha256?: string | null;
  /** Of a token that came with an agent's tunnel: the site whose hub gave it. */
  readonly accessSite?: string | null;
  /** Of a token of the KMS API: the client whose issuer gave it. */
  readonly kmsClient?: string | null;
  /** What an agent says of the SAE behind it. */
  readonly assertion: Assertion | null;
  /** The KME (by node id) whose front the caller came through, if it did. */
  readonly frontNode: string | null;
  /** The caller is on the engine's socket, in nobody's name but that of who started it. */
  readonly starter: boolean;
}

/** What the objects say that gave the token or session shown; nothing of any other. */
interface Words {
  readonly access: AccessHolder | null;
  readonly kms: TokenHolder | null;
  readonly session: SessionHolder | null;
}
const NO_WORDS: Words = { access: null, kms: null, session: null };

/**
 * Authenticates one request.
 *
 * @returns `unauthorised` (401), `forbidden` for a session without the header that goes with it, or `directory-unavailable` (503).
 */
export async function authenticate(
  request: Incoming,
  env: Env,
  background: Background,
  { snapshotAgeMs = LIMITS.snapshotMaxAgeMs, takesSession = false }: Lookout = {},
  cache: DirectoryCache = directoryCache,
  directory: SnapshotSource = snapshotSourceOf(env),
): Promise<Result<Authenticated, Fault>> {
  const nowMs = Date.now();
  const shown = readProofs(request, env.QKD_MTLS ?? "off", nowMs);
  if (!shown.ok) return fail("unauthorised", shown.error);
  // Who shows a token means that one, whatever the browser adds.
  const session = takesSession && shown.value.tokenSha256 === null ? readSession(request, env) : ok(null);
  if (!session.ok) return session;
  const sessionSha256 = session.value === null ? null : tokenSha256(session.value);
  const proofs = { ...shown.value, sessionSha256 };
  const view = await cache.lookup(directory, background, snapshotAgeMs);
  if (!view.ok) return view;
  let lookup = view.value;
  let words = await wordsOn(proofs, lookup, env);
  if (!words.ok) return words;
  let outcome = identify(proofs, lookup, nowMs, env.QKD_BOOTSTRAP_SHA256, words.value);
  if (!outcome.ok && outcome.error.unknown) {
    const newer = await cache.afterMiss(directory, lookup);
    if (newer !== null) {
      lookup = newer;
      words = await wordsOn(proofs, lookup, env);
      if (!words.ok) return words;
      outcome = identify(proofs, lookup, nowMs, env.QKD_BOOTSTRAP_SHA256, words.value);
    }
  }
  if (!outcome.ok) return fail("unauthorised", outcome.error.reason);
  const { by } = outcome.value.principal;
  // Browsers show a certificate for any page; who came by a token has been given that.
  if ((by === "mtls" || by === "agent") && !isCertificateMeant(request, by === "agent"))
    return fail("unauthorised", "a page of another host sent the request");
  noteCertificates(request, proofs, outcome.value, { nowMs, env, background });
  const said = words.value;
  const agentOf = (): Outcome => identify({ ...proofs, assertion: null }, lookup, nowMs, undefined, said);
  return ok({
    grant: outcome.value,
    lookup,
    standing: () => standingOf(proofs, lookup, said, agentOf),
    session: sessionOf(by, session.value, said),
  });
}

/** The caller's certificate, and that of the front it came through: somebody may have to be told that one ends. */
function noteCertificates(
  request: Incoming,
  { certificate, assertion, frontNode }: Proofs,
  { principal }: Grant,
  { nowMs, env, background }: { readonly nowMs: number; readonly env: Env; readonly background: Background },
): void {
  const note = (shown: ShownCertificate): void =>
    shownCertificates.note(shown, nowMs, () => monitorOf(env), background);
  const asserted = assertion !== null && "certificate" in assertion ? assertion.certificate : null;
  const { fingerprint, notBeforeMs = null, notAfterMs = null } = asserted ?? certificate ?? {};
  if (fingerprint !== undefined && notBeforeMs !== null && notAfterMs !== null) {
    note({ fingerprint, principal: principalName(principal), notBeforeMs, notAfterMs });
  }
  const own = frontNode === null ? undefined : platformProperties(request).qkd?.own;
  if (own !== undefined) note({ ...own, principal: `KME front of ${frontNode}` });
}

const sessionOf = (by: AuthenticatedBy, id: string | null, { session }: Words): Session | null =>
  by !== "session" || id === null || session === null ? null : { id, expiresMs: session.expiresMs };

/** @param agentOf who shows these proofs, but for what is asserted */
function standingOf(proofs: Proofs, { tokens }: Lookup, { session }: Words, agentOf: () => Outcome): Standing {
  const { certificate, assertion } = proofs;
  const sha256 = proofs.tokenSha256 ?? session?.tokenSha256 ?? null;
  const asserted = assertion !== null && "certificate" in assertion ? assertion.certificate : null;
  const certificates = [certificate, asserted].filter((each) => each !== null);
  const credentials = certificates.map(({ fingerprint }) => revocationKey("certificate", fingerprint));
  const ends = [...certificates.map(({ notAfterMs }) => notAfterMs ?? Infinity), session?.expiresMs ?? Infinity];
  if (sha256 !== null) {
    credentials.push(revocationKey("token", sha256));
    ends.push(Date.parse(tokens.get(sha256)?.expires ?? "") || Infinity);
  }
  const agent = assertion === null ? null : agentOf();
  const speaker = agent?.ok === true ? agent.value.principal : null;
  if (speaker !== null) credentials.push(revocationKey("principal", principalName(speaker)));
  const untilMs = Math.min(...ends);
  return { credentials, agent: speaker?.id ?? null, untilMs: Number.isFinite(untilMs) ? untilMs : null };
}

/** Who holds the token or session shown, says the object that gave it; only those of sites and clients that there are are asked. */
async function wordsOn(proofs: Proofs, lookup: Lookup, env: Env): Promise<Result<Words, Fault>> {
  const { tokenSha256: sha256, sessionSha256 = null, accessSite: site = null, kmsClient: client = null } = proofs;
  try {
    if (sessionSha256 !== null) {
      const session = await sessionWords.holder(sessionSha256, async (id) => await sessionsOf(env).holderOf(id));
      return ok({ ...NO_WORDS, session });
    }
    if (sha256 === null) return ok(NO_WORDS);
    if (site !== null && lookup.sites.has(site)) {
      const access = await accessWords.holder(sha256, async (token) => await hubOf(env, site).accessOf(token));
      return ok({ ...NO_WORDS, access });
    }
    if (client !== null && lookup.kmsClientsById.has(client)) {
      const kms = await kmsTokenWords.holder(sha256, async (token) => await issuerOf(env, client).holderOf(token));
      return ok({ ...NO_WORDS, kms });
    }
    return ok(NO_WORDS);
  } catch {
    return fail("unavailable", "the part that gave this token or session does not answer");
  }
}

/** Takes the proofs from a request. The error says which of them is malformed. */
function readProofs(request: Incoming, mtls: NonNullable<Env["QKD_MTLS"]>, nowMs: number): Result<Proofs, string> {
  // With "off", anybody who reaches the port could have written request.cf.
  const cf = mtls === "off" ? {} : platformProperties(request);
  const certificate = tlsClientCertificate(cf.tlsClientAuth, nowMs);
  if (!certificate.ok) return certificate;
  const front = mtls === "front" ? cf.qkd : undefined;
  const frontNode = front?.node ?? null;
  if (mtls === "front" && certificate.value !== null && frontNode === null)
    return err("the front does not say which KME it is");

  const bearer = readBearer(request);
  if (!bearer.ok) return bearer;
  const token = bearer.value;

  const assertion = readAssertion(request.headers, nowMs);
  if (!assertion.ok) return assertion;
  return ok({
    certificate: certificate.value,
    tokenSha256: token === null ? null : tokenSha256(token),
    accessSite: token === null ? null : siteOfAccessToken(token),
    kmsClient: token === null ? null : clientOfKmsToken(token),
    assertion: assertion.value,
    frontNode,
    starter: front?.starter === true,
  });
}

/** Decides who shows these proofs, by this view of the network. */
function identify(
  proofs: Proofs,
  lookup: Lookup,
  nowMs: number,
  bootstrapSha256?: string,
  words: Words = NO_WORDS,
): Outcome {
  const grants: Grant[] = [];
  if (proofs.certificate !== null) {
    const byCertificate = ofCertificate(proofs.certificate, lookup, nowMs, "mtls");
    if (!byCertificate.ok) return byCertificate;
    grants.push(byCertificate.value);
  }
  if (proofs.tokenSha256 !== null) {
    const byToken = ofAnyToken(proofs, proofs.tokenSha256, lookup, nowMs, words, bootstrapSha256);
    if (!byToken.ok) return byToken;
    grants.push(byToken.value);
  }
  if (typeof proofs.sessionSha256 === "string") {
    const bySession = ofSession(words.session, lookup, nowMs);
    if (!bySession.ok) return bySession;
    grants.push(bySession.value);
  }
  if (proofs.starter) grants.push({ principal: STARTER_OPERATOR, scopes: null, drained: false });
  const grant = grants.at(-1);
  if (grant === undefined) return refused("no credentials");
  if (new Set(grants.map(({ principal }) => principalName(principal))).size > 1) {
    return refused("proofs of different principals");
  }
  // Of two that agree the token counts, which came last: it may be limited in scope, the certificate is not.
  if (proofs.assertion !== null) return ofAssertion(proofs.assertion, grant, lookup, nowMs);
  return atKme(grant, proofs.frontNode, lookup, nowMs);
}

function ofCertificate(certificate: ClientCertificate, lookup: Lookup, nowMs: number, by: AuthenticatedBy): Outcome {
  if (lookup.revoked.has(`certificate:${certificate.fingerprint}`)) return refused("certificate revoked");
  const [owner, other] = certificateOwners(lookup, certificate);
  if (owner === undefined) return unknown("certificate of nobody known");
  if (other !== undefined) return refused("the certificate's names belong to different principals");
  return granted(owner, by, null, lookup, nowMs);
}

/** By its form it is told who gave it. */
function ofAnyToken(
  { accessSite = null, kmsClient = null }: Proofs,
  sha256: string,
  lookup: Lookup,
  nowMs: number,
  { access, kms }: Words,
  bootstrapSha256: string | undefined,
): Outcome {
  if (lookup.revoked.has(`token:${sha256}`)) return refused("token revoked");
  if (accessSite !== null) return ofAccess(access, lookup, nowMs);
  if (kmsClient !== null && !lookup.kmsClientsById.has(kmsClient)) return unknown("KMS token of a client that is gone");
  if (kmsClient !== null) return ofKmsToken(kms, lookup, nowMs);
  return ofNetworkToken(sha256, lookup, nowMs, bootstrapSha256);
}

/** An agent by the token that came with its tunnel, if the network still has it. */
function ofAccess(access: AccessHolder | null, lookup: Lookup, nowMs: number): Outcome {
  if (access === null || access.expiresMs <= nowMs) return refused("access token of no connection");
  const { agent, site } = access;
  if (lookup.agentSites.get(agent) !== site) return unknown("agent of another site, or none");
  const owner: Owner = { subject: { role: "agent", id: agent, site }, drainedUntilMs: null };
  return granted(owner, "token", ACCESS_SCOPES, lookup, nowMs);
}

/** An agent's word: only for SAEs at nodes of its own site. */
function ofAssertion(assertion: Assertion, agent: Grant, lookup: Lookup, nowMs: number): Outcome {
  if (agent.principal.role !== "agent" || !allows(agent, "saes.assert"))
    return refused("not one who may speak for an SAE");
  const sae =
    "sae" in assertion
      ? ofName(assertion.sae, lookup, nowMs)
      : ofCertificate(assertion.certificate, lookup, nowMs, "agent");
  if (!sae.ok) return sae;
  if (sae.value.principal.role !== "sae") return refused("an agent may speak for SAEs only");
  if (!siteServesSae(lookup, agent.principal.site, { node: assertion.node }))
    return refused("not a node of the agent's site");
  return atKme(sae.value, assertion.node, lookup, nowMs);
}

/** An SAE by its id alone: one that has left the network is not believed to drain. */
function ofName(id: string, lookup: Lookup, nowMs: number): Outcome {
  const sae = lookup.saesById.get(id);
  if (sae === undefined) return unknown("the agent names an SAE that nobody knows");
  const subject = { role: "sae", id: saeId(sae.id), node: nodeId(sae.node) } as const;
  return granted({ subject, drainedUntilMs: null }, "agent", null, lookup, nowMs);
}

/**
 * An SAE talks to the KME of its own site (ETSI GS QKD 014 clause 4). At the KME it was moved away from it may still
 * fetch pending keys, until its drain ends.
 */
function atKme(grant: Grant, kmeNode: string | null, lookup: Lookup, nowMs: number): Outcome {
  const { principal } = grant;
  const isOfSite = principal.role === "sae" || principal.role === "kms-user";
  if (kmeNode === null || !isOfSite || principal.node === kmeNode) return ok(grant);
  if (principal.role === "kms-user") return refused("a user of another site");
  if (nodesOfSae(lookup, principal.id, nowMs).includes(nodeId(kmeNode))) return ok({ ...grant, drained: true });
  return refused("an SAE of another KME");
}

/** The gateway of the engine's own front: on the engine's socket, and so whom it says it is. */
export const isGateway = (request: Incoming, env: Env): boolean =>
  env.QKD_MTLS === "front" && platformProperties(request).qkd?.gateway === true;

/** What of `request.cf` is used here; `qkd` is added by a KME front, or by who started the engine. */
interface PlatformProperties {
  readonly tlsClientAuth?: TlsClientAuth;
  readonly qkd?: {
    readonly node?: string;
    readonly starter?: boolean;
    readonly gateway?: boolean;
    readonly own?: Omit<ShownCertificate, "principal">;
  };
}

/** `request.cf` comes from the platform or a KME front, never from the client: taken at its word. */
const platformProperties = (request: Incoming): PlatformProperties => request.cf ?? {};
