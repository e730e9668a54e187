/** What every part of the dashboard has at hand while somebody is signed in. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { MonitorView } from "../../shared/api/monitor-schemas.ts";
import type { Api } from "../browser/api.ts";
import type { Edit } from "../core/edits.ts";
import type { KnownNetwork } from "./use-network.ts";

export interface Surroundings {
  readonly api: Api;
  readonly view: MonitorView;
  readonly network: KnownNetwork;
  /** Shows what an edit would change, and applies it if that is wished. */
  readonly propose: (edit: Edit, onApplied?: () => void) => void;
}

export const SurroundingsContext = createContext<Surroundings | null>(null);

export function useSurroundings(): Surroundings {
  const surroundings = useContext(SurroundingsContext);
  if (surroundings === null) throw new Error("nobody is signed in");
  return surroundings;
}
