import { useState } from "preact/hooks";
import type { NetworkDocument } from "../../../shared/network/document.ts";
import { byName, type FieldFaults, fieldFaults, isPointerFault } from "../../core/faults.ts";
import { validateNetwork } from "../../../shared/network/validate.ts";
import type { Edit } from "../../core/edits.ts";
import { useSurroundings } from "../surroundings.ts";

const NONE: FieldFaults = { fields: {}, others: [] };

/**
 * Looks at a form's edit by the rules that the edge itself has, and proposes it where they find nothing.
 *
 * @param pointerIn where the form's entry stands in the changed document
 */
export function useChecked(pointerIn: (document: NetworkDocument) => string) {
  const { network, propose } = useSurroundings();
  const [faults, setFaults] = useState<FieldFaults>(NONE);
  const check = (edit: Edit, onApplied: () => void): void => {
    if (network.document === null) return;
    const changed = edit.change(network.document);
    const checked = validateNetwork(changed, { previous: network.document });
    if (checked.ok) {
      setFaults(NONE);
      propose(edit, onApplied);
      return;
    }
    const found = (checked.error.details ?? []).filter(isPointerFault);
    setFaults(
      fieldFaults(
        found.map((fault) => byName(fault, changed)),
        pointerIn(changed),
      ),
    );
  };
  return { faults, check };
}
