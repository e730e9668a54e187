/** The engine of an agent, put together: KEMs on threads of their own, QKD key from the edge, and modules if any are peers. */
import { randomBytes } from "node:crypto";
import { makeKems } from "../../kem/kems.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { messageOf, throttled } from "../../log.ts";
import { edgeStreams } from "../etsi004/edge-streams.ts";
import { partners } from "./config.ts";
import type { Engine, EngineParts } from "./engine-types.ts";
import { HybridEngine } from "./engine.ts";
import { ModulePeers } from "./module-peer/module-peers.ts";
import { NO_MODULES, withModules } from "./module-session.ts";
import { EdgeQkdSupply } from "./qkd/supply.ts";
import { EdgeReports } from "./reports.ts";

const nowMs = (): number => performance.now();

export function makeEngine({ site, config, channel, askFor, send, log }: EngineParts): Engine {
  const kems = makeKems();
  const reports = new EdgeReports({ site, send, log, nowMs });
  const qkd = new EdgeQkdSupply({
    streams: (acting) => edgeStreams({ ask: askFor(acting), binding: "qkd-module", log }),
    log,
    nowMs,
  });
  const { node: nodes, peer: peers, module } = config;
  const modules = module === undefined ? null : ModulePeers.start({ config: module, peers, kems, log });
  modules?.catch((thrown: unknown) =>
    log("error", "hybridization modules are not served", { reason: messageOf(thrown) }),
  );
  // What a peer asks for and cannot have shall not fill the disk.
  const calm = throttled(log, LIMITS.localLogMs, nowMs);
  const engine = new HybridEngine(
    { nodes, partners: partners(config, site) },
    {
      kems,
      qkd,
      channel,
      reports,
      log: calm,
      nowMs,
      randomBytes: (lengthBytes) => new Uint8Array(randomBytes(lengthBytes)),
    },
    modules === null ? NO_MODULES : withModules({ modules, askFor, reports, log, nowMs }),
  );
  return {
    streams: engine,
    message: (from, message) => engine.message(from, message),
    closed: (connection) => engine.closed(connection),
    close() {
      engine.close();
      qkd.close();
      reports.close();
      void modules?.then(
        (there) => there.close(),
        () => undefined, // logged above
      );
      void kems.close();
    },
  };
}
