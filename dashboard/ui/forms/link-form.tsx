import { useState } from "preact/hooks";
import type { LinkEntry } from "../../../shared/network/document.ts";
import { newSeed } from "../../browser/random.ts";
import { type LinkDraft, linkDraft, linkEntry, newLinkDraft, pairWithoutLink } from "../../core/drafts.ts";
import { addLink, putLink } from "../../core/edits.ts";
import { Panel } from "../parts/panel.tsx";
import { useSurroundings } from "../surroundings.ts";
import { LinkFields } from "./link-fields.tsx";
import { useChecked } from "./use-checked.ts";

interface Props {
  /** Null: a new one. */
  readonly link: LinkEntry | null;
  /** Applied, or given up. */
  readonly onDone: () => void;
}

export function LinkForm({ link, onDone }: Props) {
  const { view, network } = useSurroundings();
  const [draft, setDraft] = useState<LinkDraft>(() =>
    link === null
      ? newLinkDraft(pairWithoutLink(view.nodes, network.document?.links ?? []), newSeed())
      : linkDraft(link, newSeed()),
  );
  const { faults, check } = useChecked(
    ({ links }) => `/links/${links.findLastIndex(({ id }) => id === draft.id.trim())}`,
  );
  const set =
    <Name extends keyof LinkDraft>(name: Name) =>
    (value: LinkDraft[Name]): void =>
      setDraft((before) => withName({ ...before, [name]: value }, before, link === null));
  const submit = (event: Event): void => {
    event.preventDefault();
    const entry = linkEntry(draft, link);
    check(link === null ? addLink(entry) : putLink(entry, `Change link ${link.id}`), onDone);
  };
  return (
    <Panel title={link === null ? "Add a link" : "Edit the link"} class="form-panel">
      <form onSubmit={submit} noValidate>
        <div class="fields">
          <LinkFields draft={draft} faults={faults.fields} isNew={link === null} set={set} />
        </div>
        <FormEnd others={faults.others} onCancel={onDone} />
      </form>
    </Panel>
  );
}

/** A new link is called after its nodes, until somebody gives it a name. */
function withName(next: LinkDraft, before: LinkDraft, isNew: boolean): LinkDraft {
  const isNamed = before.id !== `${before.a}-${before.b}` || next.id !== before.id;
  return !isNew || isNamed ? next : { ...next, id: `${next.a}-${next.b}` };
}

export const FormEnd = ({
  others,
  onCancel,
}: {
  readonly others: readonly string[];
  readonly onCancel: () => void;
}) => (
  <>
    <div role="alert">
      {others.map((message) => (
        <p key={message} class="fault">
          {message}
        </p>
      ))}
    </div>
    <div class="row">
      <button class="primary" type="submit">
        Review the change
      </button>
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </div>
  </>
);
