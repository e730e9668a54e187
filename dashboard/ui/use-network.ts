import { useEffect, useState } from "preact/hooks";
import type { LinkEntry, NetworkDocument } from "../../shared/network/document.ts";
import type { Api } from "../browser/api.ts";
import { cutLinks } from "../core/edits.ts";

export interface KnownNetwork {
  /** Null until it has come. */
  readonly document: NetworkDocument | null;
  readonly version: number;
  /** Links that were there in the version before, or since the page was opened, and are not any more. */
  readonly cut: readonly LinkEntry[];
  /** Why the document has not come: whose token has scopes may see the network and not read it. */
  readonly fault: string | null;
}

const PATH = "/api/v1/network";
/** Versions that cut links are looked for in. */
const EARLIER = 8;

/** The network document in force, read again whenever the Monitor tells of another version. */
export function useNetwork(api: Api, version: number): KnownNetwork {
  const [known, setKnown] = useState<KnownNetwork>({ document: null, version: 0, cut: [], fault: null });
  const [earlier, setEarlier] = useState<readonly NetworkDocument[]>([]);
  useEffect(() => {
    // The Monitor has not said anything yet.
    if (version === 0) return undefined;
    let isWanted = true;
    void (async () => {
      const before = known.document ?? (await earlierOne(api, version - 1));
      const answer = await api.get<NetworkDocument>(PATH);
      if (!isWanted) return;
      if (!answer.ok) {
        setKnown((present) => ({ ...present, fault: answer.message }));
        return;
      }
      const all = (before === null ? earlier : [...earlier, before]).slice(-EARLIER);
      setEarlier(all);
      setKnown({
        document: answer.value,
        version: answer.version ?? version,
        cut: cutLinks(all, answer.value),
        fault: null,
      });
    })();
    return () => {
      isWanted = false;
    };
    // A new version is what there is to read
  }, [api, version]);
  return known;
}

/** Old versions are dropped after a while. */
async function earlierOne(api: Api, version: number): Promise<NetworkDocument | null> {
  if (version < 1) return null;
  const answer = await api.get<NetworkDocument>(`${PATH}?version=${version}`);
  return answer.ok ? answer.value : null;
}
