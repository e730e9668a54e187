/** Whether the edge would take this agent. Uses no token up, and takes nobody's place. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Claims } from "../../../shared/tunnel/messages.ts";
import type { Log } from "../../log.ts";
import type { AgentSettings } from "../config/command-line.ts";
import { Enrolment } from "../identity/enrolment.ts";
import { openIdentity } from "../identity/identity.ts";
import { readTokenFile } from "../identity/token-file.ts";
import type { Edge } from "../link/edge.ts";
import { byHello } from "../link/by-hello.ts";
import { Session } from "../link/session.ts";
import { LINK_TIMES } from "../link/times.ts";
import { reasonOf } from "../reason.ts";
import { bad, type Finding, good } from "./finding.ts";

const SILENT: Log = () => undefined;

/** @param edge null where it cannot be reached: then only what lies here is looked at */
export async function checkCredential(settings: AgentSettings, edge: Edge | null): Promise<Finding> {
  const { state, site, token_file: tokenFile } = settings;
  if (!existsSync(path.join(state, "identity.json"))) return await checkToken(tokenFile);
  try {
    const identity = await openIdentity(state);
    if (edge === null) return good("credential: the agent has keys; whether the edge knows them cannot be told now");
    // No token file: what is on record is looked at, and nothing enrolled.
    const known = await new Enrolment({ edge, site, identity, state, tokenFile: undefined, log: SILENT }).ensure();
    if (!known.ok) return await checkToken(tokenFile);
    // As a peer of its own site: an owner would take the place of the one that runs.
    const { instance } = identity;
    const claims: Claims = {
      version: 1,
      role: "peer",
      standby: false,
      agent: known.value,
      site,
      instance,
    };
    const ended = new AbortController();
    const opened = await Session.connect(
      {
        ...byHello({ edge, site, identity, claims, services: [], certificates: [] }),
        times: LINK_TIMES,
        onOpen: (open) => open.refuse("going-away"),
        onActive: () => undefined,
      },
      ended.signal,
    );
    ended.abort();
    return opened.ok
      ? good(`credential: the hub of ${site} knows ${known.value}`)
      : bad(`credential: ${opened.error.reason}`);
  } catch (thrown) {
    return bad(`credential: ${reasonOf(thrown)}`);
  }
}

async function checkToken(file: string | undefined): Promise<Finding> {
  if (file === undefined) return bad("credential: not enrolled yet, and no token file is given");
  const read = await readTokenFile(file);
  if (!read.ok) return bad(`credential: not enrolled yet, and the token file is of no use: ${read.error}`);
  if (read.value.isOpen) return bad(`credential: others than its owner may read ${file}: chmod 600`);
  return good(`credential: not enrolled yet; the first start uses the token in ${file}`);
}
