/** `npm start`, step by step; and the way back, whatever ends it. */
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { announcement } from "./announcement.ts";
import { bringUp } from "./bring-up.ts";
import { bindNotes } from "./binds.ts";
import { ensureBundle } from "./bundle.ts";
import { DemoSites, planSites } from "./demo-sites.ts";
import { awaitHealth } from "./edge-client.ts";
import { type Engine, startEngine } from "./engine.ts";
import { openEpochKeys } from "./epoch-keys.ts";
import { messageOf, StartFailure } from "./failure.ts";
import { writeAtomic } from "./files.ts";
import { type Fronts, frontsConfig, startFronts } from "./fronts.ts";
import { checkGateway, gatewayNotes, gatewayPorts } from "./gateway.ts";
import { keepKeys, type KeyKeeper } from "./key-keeper.ts";
import { kmsPortsFile } from "./kms-ports.ts";
import { ensurePages } from "./pages.ts";
import { readIpsecHosts } from "./ipsec-hosts.ts";
import { IPSEC_NODES, ipsecPortsFile } from "./ipsec-ports.ts";
import { readConfig } from "./network.ts";
import type { StartOptions } from "./options.ts";
import { portsFile } from "./local-ports.ts";
import { checkPort, edgePort, kmePorts, loopbackHosts } from "./ports.ts";
import { loadSecrets } from "./secrets.ts";
import { placeSockets, type Sockets } from "./sockets.ts";
import { type Lock, lockStateFolder, openStateFolder, type StateFolder } from "./state-folder.ts";
import { StorageIdentity } from "./storage-identity.ts";

/** Children that do not end by themselves within this time are killed; everything is over within 2 s. */
const PATIENCE_MS = 1000;

/** What has been started so far, and has to be ended. */
interface Running {
  folder?: StateFolder;
  lock?: Lock;
  sockets?: Sockets;
  keeper?: KeyKeeper;
  fronts?: Fronts;
  identity?: StorageIdentity;
  engine?: Engine;
  sites?: DemoSites;
}

/** Runs until `stop` is aborted. Throws a StartFailure when it cannot start, or when a child ends unasked. */
export async function run(options: StartOptions, stop: AbortSignal, print: (text: string) => void): Promise<void> {
  const running: Running = {};
  const failed = Promise.withResolvers<never>();
  // Nothing may be started once all is being ended, whatever the reason.
  const over = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  const watch = (child: ChildProcess, name: string): void => {
    child.once("exit", (code, signal) =>
      failed.reject(new StartFailure(`${name} ended unexpectedly (${signal ?? `code ${code}`})`)),
    );
  };
  try {
    const serve = async (): Promise<void> => {
      const lines = await start(options, running, AbortSignal.any([stop, over.signal]), watch, print);
      // At once: who waits for "ready" finds the rest there too.
      print(lines.join("\n"));
      await stopped;
    };
    await Promise.race([serve(), stopped, failed.promise]);
  } finally {
    over.abort();
    await end(running);
  }
}

async function start(
  options: StartOptions,
  running: Running,
  signal: AbortSignal,
  watch: (child: ChildProcess, name: string) => void,
  print: (text: string) => void,
): Promise<string[]> {
  const config = options.config === null ? null : readConfig(options.config);
  const ipsecHosts = options.ipsecHosts === null ? {} : readIpsecHosts(options.ipsecHosts, IPSEC_NODES);
  const folder = openStateFolder(options.state);
  running.folder = folder;
  running.lock = await lockStateFolder(folder);
  rmSync(folder.ports, { force: true });
  const secrets = loadSecrets(folder);
  const port = await edgePort(options.randomPorts);
  await checkPort(port, "the edge", options.edgeBind);
  const bundle = await ensureBundle(signal);
  const pages = await ensurePages(folder);

  signal.throwIfAborted();
  const sockets = placeSockets(folder);
  running.sockets = sockets;
  // First the guard, then what it guards.
  const fronts = startFronts();
  running.fronts = fronts;
  watch(fronts.process, "the process of the KME fronts");
  const identity = new StorageIdentity(folder, options.restored);
  running.identity = identity;
  if (identity.putBack !== null) print(putBackLine(folder, identity.putBack));
  running.keeper = await keepKeys(openEpochKeys(folder, identity.putBack !== null), sockets.epochKeys);
  const { generation } = identity;
  const { demo, gateway } = options;
  const hosts = [...loopbackHosts(port), ...options.publicHosts];
  const bind = options.edgeBind;
  const engine = startEngine({ folder, bundle, pages, secrets, sockets, generation, demo, hosts, gateway, bind, port });
  identity.keep();
  running.engine = engine;
  fronts.guard(engine.pid);
  running.lock.noteEngine(engine.pid);
  watch(engine.process, "the engine");
  const edge = await engine.listening;
  await awaitHealth(edge, signal);

  const socket = sockets.fronts;
  const broughtUp = await bringUp({ options, config, folder, secrets, edge, socket, signal });
  const { network, nodes, fronted } = broughtUp;
  const notes = [...broughtUp.notes];
  const usual = kmePorts(nodes, options.randomPorts);
  const wanted = Object.fromEntries(fronted.map((node) => [node, usual[node] ?? 0]));
  for (const [node, kmePort] of Object.entries(wanted)) await checkPort(kmePort, `the KME of ${node}`, options.kmeBind);
  if (gateway !== null) await checkGateway(gateway, wanted);
  const kme = await fronts.serve(frontsConfig(folder.certs, socket, wanted, { bind: options.kmeBind, gateway }));
  const writePorts = (): void => {
    const pids = { engine: engine.pid, fronts: [fronts.process.pid], ...running.sites?.pids };
    const local = portsFile(running.sites?.local ?? []);
    const ipsec = ipsecPortsFile(running.sites?.ipsec ?? []);
    const kms = kmsPortsFile(running.sites?.kms ?? []);
    const ports = { edge, kme, ...gatewayPorts(gateway), ...local, ...ipsec, ...kms, pids };
    writeAtomic(folder.ports, `${JSON.stringify(ports, null, 2)}\n`, 0o644);
  };
  if (options.agents && broughtUp.isDemo && network !== null) {
    const plan = await planSites(network, options.randomPorts, ipsecHosts);
    signal.throwIfAborted();
    const around = { folder, edge, guard: fronts, say: print, onChange: () => orNote(writePorts, print) };
    if (plan.sites.length === 0) print(UNFED_LINE);
    else {
      running.sites = new DemoSites({ ...around, plan });
      notes.push(...plan.notes, ...(await running.sites.listening(signal)));
    }
  }
  writePorts();
  const sites = running.sites?.names ?? [];
  const lines = await announcement({
    folder,
    secrets,
    serving: { edge, kme },
    sites,
    local: running.sites?.local ?? [],
    ipsec: running.sites?.ipsec ?? [],
    kms: running.sites?.kms ?? [],
    ipsecHosts,
    gateway,
    socket,
    network,
    signal,
  });
  return [...notes, ...bindNotes(options.edgeBind, port), ...(gateway === null ? [] : gatewayNotes(gateway)), ...lines];
}

/** What goes wrong while it serves is no reason to end. */
function orNote(work: () => void, print: (text: string) => void): void {
  try {
    work();
  } catch (thrown) {
    print(`note: ${messageOf(thrown)}`);
  }
}

const UNFED_LINE =
  "note: no site agents: this network, made with --no-agents or changed since, has no link that they feed";

const putBackLine = ({ storage }: StateFolder, sign: string): string =>
  `note: the storage ${storage} was put back from a copy: all key material in it is voided (${sign})`;

async function end({ folder, lock, sockets, keeper, fronts, identity, engine, sites }: Running): Promise<void> {
  // First, for they take leave of the engine.
  await sites?.stop();
  const children = [fronts?.process, engine?.process].filter((child) => child !== undefined);
  fronts?.stop();
  engine?.process.kill("SIGTERM");
  const ended = Promise.all(children.map(exited));
  await Promise.race([ended, sleep(PATIENCE_MS, undefined, { ref: false })]);
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await ended;
  identity?.close();
  keeper?.close();
  sockets?.remove();
  // Without the lock the folder is another's.
  if (lock === undefined || folder === undefined) return;
  rmSync(folder.ports, { force: true });
  lock.release();
}

function exited(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
