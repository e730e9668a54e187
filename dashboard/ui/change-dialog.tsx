import { useEffect, useRef, useState } from "preact/hooks";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { applyChange, type Consequences, type Draft, drawUp } from "../browser/change.ts";
import { type EntryChange, entryChanges } from "../core/changes.ts";
import type { Edit } from "../core/edits.ts";
import { bits, count, duration } from "../core/figures.ts";
import { Scrolling } from "./parts/panel.tsx";
import { useSurroundings } from "./surroundings.ts";

interface Props {
  readonly edit: Edit;
  readonly onApplied: () => void;
  /** Applied or not. */
  readonly onClose: () => void;
}

/** What an edit would change and what that costs; then it is applied, or not. */
export function ChangeDialog({ edit, onApplied, onClose }: Props) {
  const { api } = useSurroundings();
  const dialog = useRef<HTMLDialogElement>(null);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [fault, setFault] = useState<readonly string[]>([]);
  const look = async (): Promise<void> => {
    setDraft(null);
    const drawn = await drawUp(api, edit);
    if (drawn.ok) setDraft(drawn.value);
    else setFault(drawn.problems);
  };
  useEffect(() => {
    dialog.current?.showModal();
    void look();
  }, []);
  const apply = async (): Promise<void> => {
    if (draft === null) return;
    setIsBusy(true);
    const applied = await applyChange(api, draft);
    setIsBusy(false);
    if (applied.ok) {
      onApplied();
      return onClose();
    }
    setFault(applied.problems);
    return applied.isOutdated ? await look() : undefined;
  };
  const changes = draft === null ? [] : changesOf(draft);
  return (
    <dialog ref={dialog} class="change" aria-labelledby="change-title" onClose={onClose}>
      <h2 id="change-title">{edit.title}</h2>
      <div role="alert">
        {fault.map((message) => (
          <p key={message} class="fault">
            {message}
          </p>
        ))}
      </div>
      {draft === null && fault.length === 0 && <p class="waiting">Looking at what would change …</p>}
      {draft !== null && (
        <div class="change-body">
          <p class="quiet">
            Version {draft.version} of the network document would become version {draft.version + 1}:
          </p>
          {changes.length === 0 ? (
            <p class="nothing">Nothing would change.</p>
          ) : (
            changes.map((change) => <Entry key={`${change.section}/${change.id}`} change={change} />)
          )}
          <Costs consequences={draft.consequences} />
        </div>
      )}
      <div class="row end">
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button
          class="primary"
          type="button"
          disabled={draft === null || changes.length === 0 || isBusy}
          onClick={() => void apply()}
        >
          {isBusy ? "Applying …" : "Apply"}
        </button>
      </div>
    </dialog>
  );
}

const changesOf = ({ before, after }: { readonly before: NetworkDocument; readonly after: NetworkDocument }) =>
  entryChanges(before, after);

const SIGN = { added: "+", removed: "−", changed: "~", moved: "→" } as const;

function Entry({ change: { kind, section, id, members } }: { readonly change: EntryChange }) {
  return (
    <section class={`entry-change ${kind}`}>
      <h3>
        <span class="sign" aria-hidden="true">
          {SIGN[kind]}
        </span>
        {kind} in {section}: <code>{id}</code>
      </h3>
      <Scrolling name={`Members of ${id}`}>
        <dl>
          {members.map(({ member, before, after }) => (
            <div key={member}>
              <dt>{member}</dt>
              <dd>
                {before !== null && <del>{before}</del>}
                {after !== null && <ins>{after}</ins>}
              </dd>
            </div>
          ))}
        </dl>
      </Scrolling>
    </section>
  );
}

function Costs({ consequences }: { readonly consequences: Consequences }) {
  const { drain_s: drainS, complete } = consequences;
  const keys = consequences.pending_keys.filter((each) => each.keys > 0);
  const material = consequences.unused_material.filter((each) => each.available_bits > 0);
  if (keys.length === 0 && material.length === 0 && complete) return <p class="costs">No key is lost by it.</p>;
  return (
    <ul class="costs">
      {material.map(({ link, available_bits: available }) => (
        <li key={link}>
          {bits(available)} of unused key of link {link} are given up
        </li>
      ))}
      {keys.map(({ kind, id, keys: pending }) => (
        <li key={`${kind} ${id}`}>
          {count(pending)} pending {pending === 1 ? "key" : "keys"} of {kind} {id} may be fetched for {duration(drainS)}{" "}
          more, then voided
        </li>
      ))}
      {!complete && <li>Not every pool could be asked: it may be more.</li>}
    </ul>
  );
}
