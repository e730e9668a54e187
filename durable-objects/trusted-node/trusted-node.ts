/**
 * TrustedNode: a node hosted here, as a relay sees it: its view of the network, and the relays it begins or takes part in.
 * It holds key only from when both links have given their bits to its answer, and stores none. This class only composes.
 */
import { DurableObject } from "cloudflare:workers";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { NodeSide, type RelayAlarm } from "../../shared/relay/node-side.ts";
import type { Reach } from "../../shared/relay/relay-key.ts";
import {
  type BringKeyCall,
  CHALLENGE_BYTES,
  type CompareCall,
  type RelayId,
  type RelayRoute,
  type RelayStep,
  type TrustedNodeRpc,
  type VoidRelaysCall,
} from "../../shared/relay/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { Planner } from "../storage/planner.ts";
import { Advertising } from "./advertising.ts";
import { Avoided } from "./avoided.ts";
import { BegunRelays } from "./begun-relays.ts";
import { Initiator } from "./initiator.ts";
import { LinkPools } from "./link-pools.ts";
import { NodeAlarms } from "./node-alarms.ts";
import { NodeNetwork } from "./node-network.ts";
import { answered, otherNode } from "./nodes.ts";
import { OwnLinks } from "./own-links.ts";
import { RecentRelays } from "./recent-relays.ts";
import { RelayTallies } from "./relay-tallies.ts";
import { Routes } from "./routes.ts";
import { MIGRATIONS } from "./schema.ts";
import { nodeStatus } from "./status.ts";
import { NodeStore } from "./store.ts";

export class TrustedNode extends DurableObject<ObjectsEnv> implements TrustedNodeRpc {
  readonly #node: NodeId;
  readonly #network: NodeNetwork;
  readonly #routes: Routes;
  readonly #side: NodeSide;
  readonly #begun: BegunRelays;
  readonly #initiator: Initiator;
  readonly #advertising: Advertising;
  readonly #alarms: NodeAlarms;
  readonly #avoided = new Avoided();
  readonly #tallies = new RelayTallies(Date.now());
  readonly #recent = new RecentRelays(Date.now);
  readonly #planner: Planner;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    this.#planner = new Planner({
      ctx,
      name: "trusted node",
      recoveryMs: RECOVERY_MS,
      dueMs: () => this.#dueMs(),
      work: async () => await this.#work(),
    });
    const store = new NodeStore(db);
    const node = store.named(ctx.id.name);
    this.#node = node;
    this.#network = new NodeNetwork(node, () => env.DIRECTORY.getByName(DIRECTORY_NAME));
    const network = this.#network;
    const pools = new LinkPools(node, env.KEY_POOL, network);
    const [avoided, tallies] = [this.#avoided, this.#tallies];
    this.#alarms = new NodeAlarms(node, db, (log) => env.AUDIT_LOG.getByName(log));
    this.#advertising = new Advertising({
      node,
      network,
      store,
      env,
      links: new OwnLinks({ node, network, pools, modules: env.QKD_MODULE }),
      raise: (alarm) => this.#alarms.tell(alarm),
      changed: () => this.#planner.plan(),
    });
    this.#routes = new Routes({ node, network, avoided, words: () => this.#advertising.words(), nowMs: Date.now });
    const raise = (alarm: RelayAlarm): void => {
      this.#alarms.suspect(alarm);
      this.#planner.plan();
    };
    this.#side = new NodeSide({
      node,
      nowMs: Date.now,
      timer: timerOf,
      drawHop: (neighbour, terms) => pools.drawHop(neighbour, terms),
      takeHop: (neighbour, terms, draw) => pools.takeHop(neighbour, terms, draw),
      isElsewhere: (other) => network.isElsewhere(other),
      store: ({ terms, ...block }) => pools.store(terms, block),
      takeBack: (pool, relay) => pools.takeBack(pool, relay),
      raise,
    });
    const reach: Reach = {
      nowMs: Date.now,
      timer: timerOf,
      newRelayId: () => crypto.randomUUID() as RelayId,
      drawHop: (neighbour, terms) => pools.drawHop(neighbour, terms),
      stepAt: async (at, step) => {
        const answer = await answered(() => otherNode(env, network, at).step(step));
        if (answer.ok) this.#heard(at);
        return answer;
      },
      newChallenge: () => crypto.getRandomValues(new Uint8Array(CHALLENGE_BYTES)),
      compareAt: (at, call) => answered(() => otherNode(env, network, at).compare(call)),
      raise,
      voidAt: (at, terms) => answered(() => otherNode(env, network, at).voidRelay({ terms })),
      walking: (terms) => this.#recent.begin(terms),
    };
    this.#begun = new BegunRelays({
      node,
      store,
      nowMs: Date.now,
      voidRelaysAt: (at, call) => answered(() => otherNode(env, network, at).voidRelays(call)),
    });
    const [routes, begun] = [this.#routes, this.#begun];
    this.#initiator = new Initiator({ node, network, routes, avoided, pools, reach, tallies, begun });
  }

  async refresh(): Promise<void> {
    await this.#network.refresh();
    this.#planner.plan();
  }

  async bringKey(call: BringKeyCall): ReturnType<TrustedNodeRpc["bringKey"]> {
    const ready = await this.#ready(call.configVersion);
    if (!ready.ok) return ready;
    this.#advertising.want(Date.now());
    const brought = await this.#initiator.bring(call);
    this.#planner.plan();
    return brought;
  }

  async step(step: RelayStep): ReturnType<TrustedNodeRpc["step"]> {
    const ready = await this.#ready(0);
    if (!ready.ok) return ready;
    this.#heard(step.terms.path[0]);
    return await this.#tallies.steps.count(async () => await this.#side.step(step));
  }

  async voidRelay({ terms }: Parameters<TrustedNodeRpc["voidRelay"]>[0]): ReturnType<TrustedNodeRpc["voidRelay"]> {
    const ready = await this.#hosted(0);
    return ready.ok ? await this.#side.voidRelay(terms) : ready;
  }

  async voidRelays(call: VoidRelaysCall): ReturnType<TrustedNodeRpc["voidRelays"]> {
    const ready = await this.#hosted(0);
    return ready.ok ? await this.#side.voidRelays(call) : ready;
  }

  async compare(call: CompareCall): ReturnType<TrustedNodeRpc["compare"]> {
    const ready = await this.#ready(0);
    return ready.ok ? await this.#side.compare(call) : ready;
  }

  /** No relay: nodes at rest would keep each other awake by telling that they are. */
  async advertise(call: Parameters<TrustedNodeRpc["advertise"]>[0]): ReturnType<TrustedNodeRpc["advertise"]> {
    const ready = await this.#takingPart(0);
    return ready.ok ? await this.#advertising.take(call) : ready;
  }

  async routeTo({
    configVersion,
    node,
    disjointPaths,
  }: Parameters<TrustedNodeRpc["routeTo"]>[0]): Promise<Result<RelayRoute, Fault>> {
    const ready = await this.#ready(configVersion);
    if (!ready.ok) return ready;
    if (this.#network.node(node) === undefined || node === this.#node) return fail("no-route", "no such other node");
    this.#advertising.want(Date.now());
    return ok(this.#routes.describe({ target: node, disjointPaths }));
  }

  async nodeOf({ configVersion, sae }: Parameters<TrustedNodeRpc["nodeOf"]>[0]): ReturnType<TrustedNodeRpc["nodeOf"]> {
    const ready = await this.#ready(configVersion);
    if (!ready.ok) return ready;
    this.#advertising.want(Date.now());
    return ok(await this.#advertising.nodeOf(sae));
  }

  async status({
    configVersion,
    quiet,
  }: Parameters<TrustedNodeRpc["status"]>[0]): ReturnType<TrustedNodeRpc["status"]> {
    const hosted = await this.#hosted(configVersion);
    if (!hosted.ok) return hosted;
    const nowMs = Date.now();
    if (quiet !== true) {
      // One that has just started hears of the others.
      this.#advertising.want(nowMs);
      this.#planner.plan();
    }
    return ok(
      nodeStatus({
        node: this.#node,
        view: this.#network.view,
        judged: this.#routes.links(),
        words: this.#advertising.heard(nowMs),
        avoided: this.#avoided.list(nowMs),
        relays: this.#tallies.figures(),
        recent: this.#recent.list(),
        alarms: this.#alarms.list(),
      }),
    );
  }

  async clearAlarms({
    code,
    principal,
  }: Parameters<TrustedNodeRpc["clearAlarms"]>[0]): ReturnType<TrustedNodeRpc["clearAlarms"]> {
    const cleared = this.#alarms.clear(code, principal);
    this.#advertising.forgetAlarms(code);
    this.#planner.plan();
    return ok({ cleared });
  }

  override async alarm(): Promise<void> {
    await this.#planner.alarm(async () => {
      await this.#network.refresh();
      return await this.#work();
    });
  }

  async #work(): Promise<boolean> {
    this.#side.sweep();
    if (this.#network.isKnown) await this.#begun.tick();
    await this.#advertising.tick();
    await this.#alarms.ship();
    return this.#network.isKnown;
  }

  /** Of neighbours elsewhere it is known by this when they are back. */
  #heard(node: NodeId | undefined): void {
    if (node !== undefined && this.#network.isElsewhere(node)) this.#advertising.heardFrom(node, Date.now());
  }

  /** The network is known as of the caller's version, and this is a node of it. */
  async #hosted(configVersion: number): Promise<Result<null, Fault>> {
    const known = await this.#network.atLeast(configVersion);
    if (!known.ok) return known;
    return known.value.isHosted ? ok(null) : fail("no-route", "the node is not hosted here");
  }

  /** It may take part in relays; from now on it looks after its links. */
  async #ready(configVersion: number): Promise<Result<null, Fault>> {
    const ready = await this.#takingPart(configVersion);
    if (ready.ok && this.#advertising.awake(Date.now())) this.#planner.plan();
    return ready;
  }

  async #takingPart(configVersion: number): Promise<Result<null, Fault>> {
    const hosted = await this.#hosted(configVersion);
    if (!hosted.ok || this.#network.view.policy.relay.enabled) return hosted;
    return fail("no-route", "keys are not relayed: policy.relay.enabled is false");
  }

  #dueMs(): number {
    const begunMs = this.#network.isKnown ? this.#begun.dueMs() : Infinity;
    return Math.min(begunMs, this.#advertising.dueMs(), this.#alarms.dueMs());
  }
}

const RECOVERY_MS = 30_000;

function timerOf(ms: number): ReturnType<Reach["timer"]> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return { over, cancel: () => clearTimeout(timer) };
}
