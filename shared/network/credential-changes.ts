/** Which credentials come and go with a new network document, for the audit log: of passwords only that they changed. */
import type { AuditEvent } from "../audit/event.ts";
import { canonicalJson } from "../audit/canonical-json.ts";
import type { Credential, NetworkDocument } from "./document.ts";

/** Lists of principals, and what they are called (`principalName`). */
const ROLES = {
  nodes: "node",
  saes: "sae",
  agents: "agent",
  controllers: "controller",
  operators: "operator",
  kms_peers: "kms",
  legacy_nodes: "legacy",
  kms_clients: "kms-client",
  kms_users: "kms-user",
} as const;

/** Told one by one; of more than these it is told how many. */
const EVENTS = 200;

type Change = Pick<AuditEvent, "act" | "detail">;

/** Removed before added. A token that is to do more, or for longer, counts as removed and added. */
export function credentialChanges(before: NetworkDocument, after: NetworkDocument): readonly Change[] {
  const [old, present] = [credentialsOf(before), credentialsOf(after)];
  const changes = [
    ...[...old].flatMap(([key, detail]) => (present.has(key) ? [] : [{ act: "credential.remove", detail }])),
    ...[...present].flatMap(([key, detail]) => (old.has(key) ? [] : [{ act: "credential.add", detail }])),
  ];
  const leftOut = changes.length - EVENTS;
  if (leftOut <= 0) return changes;
  return [...changes.slice(0, EVENTS), { act: "credential.more", detail: { left_out: leftOut } }];
}

/** What the log is told of each, by all that it is. */
function credentialsOf(document: NetworkDocument): Map<string, AuditEvent["detail"]> {
  const found = new Map<string, AuditEvent["detail"]>();
  for (const [list, role] of Object.entries(ROLES)) {
    for (const entry of document[list as keyof typeof ROLES] ?? []) {
      const principal = `${role}:${entry.id}`;
      const credentials = "credentials" in entry ? (entry.credentials ?? []) : [];
      for (const credential of credentials) {
        found.set(canonicalJson([principal, credential]), { principal, ...toldOf(credential) });
      }
      const hash = "password" in entry ? entry.password : "secret" in entry ? entry.secret : null;
      if (hash !== null) found.set(canonicalJson([principal, hash]), { principal, kind: "password" });
    }
  }
  return found;
}

function toldOf(credential: Credential): AuditEvent["detail"] {
  if (credential.type === "certificate") {
    return { kind: "certificate", match: credential.match, value: credential.value };
  }
  const { sha256, expires, scopes } = credential;
  return {
    kind: "token",
    value: sha256,
    ...(expires !== undefined && { expires }),
    ...(scopes !== undefined && { scopes: scopes.join(" ") }),
  };
}
