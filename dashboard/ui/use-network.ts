import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { LinkEntry, NetworkDocument } from "../../shared/network/document.ts";
import type { Answer, Api } from "../browser/api.ts";
import { cutLinks } from "../core/edits.ts";
import { untilItStands } from "../core/patience.ts";

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
  const [known, setKnown] = useState<Omit<KnownNetwork, "cut">>({ document: null, version: 0, fault: null });
  const [earlier, setEarlier] = useState<readonly NetworkDocument[]>([]);
  const present = useRef(known.document);
  useEffect(() => {
    // The Monitor has not said anything yet.
    if (version === 0) return undefined;
    const leaving = new AbortController();
    const read = async (path: string, onAnswer: (answer: Answer<NetworkDocument>) => void): Promise<void> =>
      await untilItStands(async () => await api.get<NetworkDocument>(path), onAnswer, leaving);
    const remember = (before: NetworkDocument): void => setEarlier((all) => [...all, before].slice(-EARLIER));
    void read(PATH, (answer) => {
      if (!answer.ok) return setKnown((before) => ({ ...before, fault: answer.message }));
      const before = present.current;
      present.current = answer.value;
      setKnown({ document: answer.value, version: answer.version ?? version, fault: null });
      if (before !== null) remember(before);
      // Old versions are dropped after a while.
      else if (version > 1) void read(`${PATH}?version=${version - 1}`, (old) => old.ok && remember(old.value));
      return undefined;
    });
    return () => leaving.abort();
    // A new version is what there is to read
  }, [api, version]);
  const { document } = known;
  const cut = useMemo(() => (document === null ? [] : cutLinks(earlier, document)), [earlier, document]);
  return { ...known, cut };
}
