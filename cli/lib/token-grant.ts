/** New tokens, and whose they become in a network document. Pure. */
import { isAction, ROLES_BY_ACTION } from "../../shared/auth/policy.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { CliFailure } from "./failure.ts";
import { didYouMean } from "./suggest.ts";

/** Role -> the member of the document that lists those who have it. */
const LISTS = {
  sae: "saes",
  node: "nodes",
  agent: "agents",
  controller: "controllers",
  operator: "operators",
  kms: "kms_peers",
  legacy: "legacy_nodes",
} as const satisfies Readonly<Record<string, keyof NetworkDocumentInput>>;
type TokenRole = keyof typeof LISTS;
export const TOKEN_ROLES = Object.keys(LISTS) as readonly TokenRole[];

export interface Whose {
  readonly role: TokenRole;
  readonly id: string;
}

export interface TokenCredential {
  readonly type: "token";
  readonly sha256: string;
  readonly expires?: string;
  readonly scopes?: readonly string[];
}

/** `sae:sae-a`. @throws CliFailure naming the role that was meant, perhaps */
export function parseWhose(text: string): Whose {
  const [role = "", ...rest] = text.split(":");
  const id = rest.join(":");
  if (!Object.hasOwn(LISTS, role)) {
    const meant = didYouMean(role, TOKEN_ROLES);
    throw new CliFailure(`no role "${role.slice(0, 40)}" has tokens.${meant}`, `role:id, of ${TOKEN_ROLES.join(", ")}`);
  }
  if (id === "") throw new CliFailure(`"${text.slice(0, 80)}" names nobody`, `for example ${role}:${role}-1`);
  return { role: role as TokenRole, id };
}

/** `keys.enc,keys.dec`. @throws CliFailure for what is no action, or none of this role */
export function parseScopes(text: string, role: TokenRole): readonly string[] {
  const ofRole = Object.entries(ROLES_BY_ACTION).flatMap(([action, roles]) =>
    (roles as readonly string[]).includes(role) ? [action] : [],
  );
  return text.split(",").map((scope) => {
    if (isAction(scope) && ofRole.includes(scope)) return scope;
    throw new CliFailure(
      `"${scope.slice(0, 40)}" is no action of role ${role}.${didYouMean(scope, ofRole)}`,
      `there are: ${ofRole.join(", ")}`,
    );
  });
}

/** The document with one credential more. @throws CliFailure where it does not hold who that is for */
export function withCredential(
  document: NetworkDocumentInput,
  { role, id }: Whose,
  credential: TokenCredential,
): NetworkDocumentInput {
  const list = LISTS[role];
  const entries: readonly { readonly id: string; readonly credentials?: readonly unknown[] | undefined }[] =
    document[list] ?? [];
  if (!entries.some((entry) => entry.id === id)) {
    const known = entries.map((entry) => entry.id);
    throw new CliFailure(`the network document has no ${role} "${id.slice(0, 80)}".${didYouMean(id, known)}`);
  }
  const changed = entries.map((entry) =>
    entry.id === id ? { ...entry, credentials: [...(entry.credentials ?? []), credential] } : entry,
  );
  return { ...document, [list]: changed };
}
