import { useState } from "preact/hooks";
import { tokenSha256 } from "../../../shared/auth/token.ts";
import type { Credential, SaeEntry } from "../../../shared/network/document.ts";
import { newToken } from "../../browser/random.ts";
import { type SaeDraft, saeDraft, saeEntry } from "../../core/drafts.ts";
import { addSae, putSae } from "../../core/edits.ts";
import { useSurroundings } from "../surroundings.ts";
import { Choice, Field, Text } from "./field.tsx";
import { FormEnd } from "./link-form.tsx";
import { useChecked } from "./use-checked.ts";

const MATCHES = { cn: "subject CN", san: "subject alternative name", fingerprint: "SHA-256 fingerprint" } as const;

/** What the page alone knows: it is gone once it is not shown any more. */
export interface MadeToken {
  readonly sae: string;
  readonly token: string;
}

interface Props {
  readonly node: string;
  /** Null: a new one. */
  readonly sae: SaeEntry | null;
  readonly onApplied: (made: MadeToken | null) => void;
  readonly onCancel: () => void;
}

export function SaeForm({ node, sae, onApplied, onCancel }: Props) {
  const { view } = useSurroundings();
  const hosted = view.nodes.filter((each) => each.hosted).map(({ id }) => id);
  const [draft, setDraft] = useState<SaeDraft>(() => saeDraft(node, sae));
  const [token, setToken] = useState<string | null>(null);
  const { faults, check } = useChecked(({ saes }) => `/saes/${saes.findLastIndex(({ id }) => id === draft.id.trim())}`);
  const { fields, others } = faults;
  const setCredentials = (credentials: readonly Credential[]): void =>
    setDraft((before) => ({ ...before, credentials }));
  const submit = (event: Event): void => {
    event.preventDefault();
    const entry = saeEntry(draft);
    const isToken = (each: Credential): boolean => each.type === "token" && each.sha256 === tokenSha256(token ?? "");
    const made = token !== null && entry.credentials.some(isToken) ? { sae: entry.id, token } : null;
    check(sae === null ? addSae(entry) : putSae(entry, `Change SAE ${sae.id}`), () => onApplied(made));
  };
  const makeToken = (): void => {
    const made = newToken();
    setToken(made);
    setCredentials([...draft.credentials, { type: "token", sha256: tokenSha256(made) }]);
  };
  return (
    <form class="inner-form" aria-label={sae === null ? "Add an SAE" : `Edit ${sae.id}`} onSubmit={submit} noValidate>
      <div class="fields">
        <Field label="SAE ID" fault={fields["id"]}>
          <Text value={draft.id} disabled={sae !== null} onValue={(id) => setDraft((before) => ({ ...before, id }))} />
        </Field>
        <Field label="Node" fault={fields["node"]} hint="An SAE that moves is drained where it was">
          <Choice
            value={draft.node}
            options={hosted}
            onValue={(to) => setDraft((before) => ({ ...before, node: to }))}
          />
        </Field>
        <Field label="Addresses" fault={fields["addresses"]} hint="For ETSI GS QKD 004, one a line; may be empty">
          <textarea
            rows={2}
            value={draft.addresses}
            onInput={({ currentTarget }) => setDraft((before) => ({ ...before, addresses: currentTarget.value }))}
          />
        </Field>
      </div>
      <fieldset>
        <legend>Credentials</legend>
        {draft.credentials.map((credential, at) => (
          <CredentialRow
            key={at}
            credential={credential}
            onChange={(next) =>
              setCredentials(draft.credentials.flatMap((each, n) => (n === at ? (next ?? []) : each)))
            }
          />
        ))}
        {fields["credentials"] !== undefined && <p class="fault">{fields["credentials"]}</p>}
        <div class="row">
          <button
            type="button"
            onClick={() =>
              setCredentials([...draft.credentials, { type: "certificate", match: "cn", value: draft.id }])
            }
          >
            Add a certificate
          </button>
          <button type="button" disabled={token !== null} onClick={makeToken}>
            Make a token
          </button>
        </div>
        {token !== null && (
          <p class="notice">
            The new token, shown here only; the document holds its SHA-256: <code class="secret">{token}</code>
          </p>
        )}
      </fieldset>
      <FormEnd others={others} onCancel={onCancel} />
    </form>
  );
}

interface RowProps {
  readonly credential: Credential;
  /** Null: away with it. */
  readonly onChange: (next: Credential | null) => void;
}

function CredentialRow({ credential, onChange }: RowProps) {
  return (
    <div class="row credential">
      {credential.type === "token" ? (
        <span class="grow">
          token <code>{credential.sha256.slice(0, 12)}…</code>
        </span>
      ) : (
        <>
          <Choice
            aria-label="What of the certificate"
            value={credential.match}
            options={["cn", "san", "fingerprint"]}
            names={MATCHES}
            onValue={(match) => onChange({ ...credential, match })}
          />
          <input
            type="text"
            class="grow"
            aria-label="Its value"
            autocomplete="off"
            spellcheck={false}
            value={credential.value}
            onInput={({ currentTarget }) => onChange({ ...credential, value: currentTarget.value })}
          />
        </>
      )}
      <button type="button" onClick={() => onChange(null)}>
        Remove
      </button>
    </div>
  );
}
