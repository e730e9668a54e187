/** Pages' sessions and the ways between them, without what people see: frames wait until a test lets them through. */
import { fromUtf8, utf8 } from "../bytes.ts";
import { Session } from "../session.ts";
import type { TakenKey } from "../sending-key.ts";
import { Clock, KeyStore, until, Way } from "./world.ts";

export type Name = "anna" | "bert";
let sessions = 1;

/** One page, and the two ways on which it sends. */
export class Page {
  readonly session: Session<string>;
  readonly got: string[] = [];
  readonly keysOf = new Map<string, string>();
  readonly arrived: string[] = [];
  readonly lostKeys: string[] = [];
  forged = 0;
  successors = 0;
  readonly ways: { readonly direct: Way; readonly room: Way };

  constructor(world: World, me: Name, peer: Name) {
    world.opened[me].push(this);
    this.session = new Session<string>({
      me,
      peer,
      newId: () => sessions++,
      now: world.clock.now,
      rotation: () => world.rotation,
      takeKey: async (sizeBits) => {
        const [taken] = await world.keys.kme.getKey(peer, { sizeBits });
        return taken as TakenKey;
      },
      fetchKey: async (keyId) =>
        await world.keys.kme.getKeyWithIds(peer, [keyId]).then(
          ([taken]) => (taken as TakenKey).key,
          () => null,
        ),
      isMessage: () => true,
      onSent: (tag, keyId) => void (this.keysOf.has(tag) || this.keysOf.set(tag, keyId)),
      onArrived: (tag) => void this.arrived.push(tag),
      onMessage: (message) => void this.got.push(fromUtf8(message) ?? "not UTF-8"),
      onSound: () => undefined,
      onMet: (isAnother, lost) => {
        this.successors += isAnother ? 1 : 0;
        for (const text of lost) this.session.send(utf8(text), text);
      },
      onKeyLost: (_whose, keyId) => void this.lostKeys.push(keyId),
      onForged: () => void this.forged++,
      onChange: () => undefined,
    });
    const deliver = (frame: Uint8Array<ArrayBuffer>): void => {
      world.pages[peer].session.receive(frame, () => undefined);
    };
    this.ways = { direct: new Way("direct", deliver), room: new Way("room", deliver) };
  }

  send(text: string): void {
    this.session.send(utf8(text), text);
  }
}

export class World {
  /** All pages that there ever were. */
  readonly opened: Record<Name, Page[]> = { anna: [], bert: [] };
  readonly clock = new Clock();
  readonly keys = new KeyStore();
  rotation = { messages: 5, seconds: 600 };
  pages: Record<Name, Page>;

  constructor() {
    this.pages = { anna: new Page(this, "anna", "bert"), bert: new Page(this, "bert", "anna") };
    this.connect("room");
  }

  get all(): readonly Page[] {
    return [this.pages.anna, this.pages.bert];
  }

  connect(kind: "direct" | "room"): void {
    for (const { session, ways } of this.all) session.useCarrier(ways[kind].carrier);
  }

  greet(): void {
    for (const { session } of this.all) session.greet();
  }

  flush(): void {
    for (const { ways } of this.all) for (const way of Object.values(ways)) way.flush();
    for (const { session } of this.all) session.poke();
  }

  /** With time going by, as for the real ones. */
  async run(turns: number): Promise<void> {
    let left = turns;
    await this.untilSo(() => left-- <= 0);
  }

  async untilSo(isSo: () => boolean): Promise<void> {
    await until(isSo, () => {
      this.flush();
      this.clock.nowMs += 100;
      for (const { session } of this.all) session.tick();
    });
  }

  reload(name: Name): Page {
    const gone = this.pages[name];
    gone.session.close();
    const other: Name = name === "anna" ? "bert" : "anna";
    this.pages[name] = new Page(this, name, other);
    this.connect("room");
    this.greet();
    return gone;
  }
}

export async function met(): Promise<World> {
  const world = new World();
  world.greet();
  await world.untilSo(() => world.all.every(({ session }) => session.isMet));
  return world;
}
