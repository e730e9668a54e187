import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../browser/api.ts";
import { Live, type LiveState } from "../browser/live.ts";
import type { Edit } from "../core/edits.ts";
import type { Detail, Route, Single } from "../core/route.ts";
import { ChangeDialog } from "./change-dialog.tsx";
import { AlarmsPage } from "./pages/alarms.tsx";
import { AuditPage } from "./pages/audit.tsx";
import { ConfigurationPage } from "./pages/configuration.tsx";
import { LinkPage } from "./pages/link.tsx";
import { NetworkPage } from "./pages/network.tsx";
import { NodePage } from "./pages/node.tsx";
import { PairPage } from "./pages/pair.tsx";
import { SitePage } from "./pages/site.tsx";
import { TrafficPage } from "./pages/traffic.tsx";
import { NAMES } from "./names.ts";
import { SurroundingsContext } from "./surroundings.ts";
import { TopBar } from "./top-bar.tsx";
import { useNetwork } from "./use-network.ts";
import { useRoute } from "./use-route.ts";

const SINGLES: Readonly<Record<Single, () => JSX.Element>> = {
  network: NetworkPage,
  alarms: AlarmsPage,
  audit: AuditPage,
  traffic: TrafficPage,
  configuration: ConfigurationPage,
};
const DETAILS: Readonly<Record<Detail, (props: { readonly id: string }) => JSX.Element>> = {
  links: LinkPage,
  nodes: NodePage,
  pairs: PairPage,
  sites: SitePage,
};

interface Proposal {
  readonly edit: Edit;
  readonly onApplied: () => void;
}

interface Props {
  readonly api: Api;
  /** @returns why that did not go */
  readonly onLeave: () => Promise<string | null>;
}

export function Dashboard({ api, onLeave }: Props) {
  const [live, setLive] = useState<LiveState>({ view: null, isLive: false, heardMs: Date.now(), isReplaced: false });
  const [proposal, setProposal] = useState<Proposal | null>(null);
  const propose = (edit: Edit, onApplied = (): void => undefined): void => setProposal({ edit, onApplied });
  const route = useRoute();
  useEffect(() => {
    const socket = new Live(api, setLive);
    return () => socket.close();
  }, [api]);
  const network = useNetwork(api, live.view?.document_version ?? 0);
  useEffect(() => {
    document.title = `${"id" in route ? route.id : NAMES[route.page]} · qkd-edge`;
  }, [route]);
  return (
    <>
      <TopBar api={api} live={live} route={route} onLeave={onLeave} />
      {live.view === null ? (
        <main class="page">
          <p class="waiting">Waiting for the first sample …</p>
        </main>
      ) : (
        <SurroundingsContext.Provider value={{ api, view: live.view, network, propose }}>
          <main class={`page ${route.page}`} id="main">
            <Page key={"id" in route ? `${route.page}/${route.id}` : route.page} route={route} />
          </main>
          {proposal !== null && <ChangeDialog {...proposal} onClose={() => setProposal(null)} />}
        </SurroundingsContext.Provider>
      )}
    </>
  );
}

function Page({ route }: { readonly route: Route }) {
  if ("id" in route) {
    const Shown = DETAILS[route.page];
    return <Shown id={route.id} />;
  }
  const Shown = SINGLES[route.page];
  return <Shown />;
}
