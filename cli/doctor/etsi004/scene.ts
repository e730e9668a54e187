/** What one case has to work with: the applications of one binding, and what they are judged by. */
import { ksidOfText } from "../../../shared/etsi004/ksid.ts";
import type { Qos } from "../../../shared/etsi004/qos.ts";
import type { StatusName } from "../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { must, NotRun, type Tell } from "../case.ts";
import {
  type Application,
  type Binding,
  type Call,
  CALL_NAMES,
  type Got,
  type KeyWish,
  type Opened,
  type OpenWish,
  type Party,
  type Said,
} from "./application.ts";
import type { Others, Place, Stage004 } from "./stage.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A stream that both ends have opened. */
export interface Meeting {
  readonly a: Application;
  readonly b: Application;
  readonly ksid: Ksid;
  /** As the first end was told; null where the binding tells of none. */
  readonly qos: Qos | null;
}

export interface MeetingWish extends Pick<OpenWish, "qos" | "label"> {
  /** Both open this one, each waiting for the other. */
  readonly ksid?: Ksid;
}

export const newKsid = (): Ksid => ksidOfText(crypto.randomUUID()) as Ksid;

/** Between two calls a chunk's age may need more of them. */
export const AGE_DIGITS = 4;

/** The statuses of an OPEN_CONNECT that has opened a stream. */
export const OPENED = ["success", "peer-not-connected"] as const satisfies readonly StatusName[];

export class Scene {
  readonly binding: Binding;
  readonly tell: Tell;
  readonly #stage: Stage004;
  readonly #connected: Application[] = [];

  constructor(stage: Stage004, tell: Tell) {
    this.#stage = stage;
    this.binding = stage.binding;
    this.tell = tell;
  }

  /** Ends what the case has connected. */
  end(): void {
    for (const application of this.#connected.splice(0)) application.end();
  }

  async a(): Promise<Application> {
    const { a, b } = this.#stage.parties;
    return await this.#connect(this.binding, a, b);
  }

  async b(): Promise<Application> {
    const { a, b } = this.#stage.parties;
    return await this.#connect(this.binding, b, a);
  }

  /** Two other applications that meet, by whichever binding they have. */
  async others(): Promise<Meeting> {
    const { binding, c, d } = this.#stage.others ?? noOthers();
    const [one, other] = [await this.#connect(binding, c, d), await this.#connect(binding, d, c)];
    return await this.#meet(binding, one, other, { label: crypto.randomUUID() });
  }

  async meet(wish: MeetingWish = {}): Promise<Meeting> {
    const [a, b] = [await this.a(), await this.b()];
    return await this.#meet(this.binding, a, b, { label: crypto.randomUUID(), ...wish });
  }

  get ksids(): number {
    return this.#stage.ksids;
  }

  /** Runs what needs the pool or the link in that state. */
  async in(place: Place, work: () => Promise<void>): Promise<void> {
    await this.#stage.in(place, work);
  }

  has(said: Said, call: Call, ...statuses: readonly StatusName[]): boolean {
    return this.#expected(call, statuses).some(({ code }) => code === said.code);
  }

  /** Does it say one of these statuses? Other words than usual are noted. */
  says(call: Call, said: Said, ...statuses: readonly StatusName[]): void {
    this.#says(this.binding, call, said, statuses);
  }

  /** It says no success; anything but these is noted. */
  refuses(call: Call, said: Said, ...usual: readonly StatusName[]): void {
    must(!this.has(said, call, "success"), `${CALL_NAMES[call]} shall be refused, and says ${words(said)}`);
    const expected = this.#expected(call, usual);
    if (expected.length === 0 || expected.some((one) => one.code === said.code && isWorded(one, said))) return;
    this.tell.note(`${CALL_NAMES[call]} says ${words(said)}; usual is ${expected.map(words).join(" or ")}`);
  }

  /** The chunk of that index, by its index or (asked for in order) as the next. */
  async chunk(app: Application, ksid: Ksid, index: number, more: Omit<KeyWish, "index"> = {}): Promise<Got> {
    const got = await app.getKey(ksid, this.#wish(index, more));
    this.says("get-key", got.said, "success");
    must(got.key !== "", "GET_KEY says success and gives no key");
    must(got.index === index, `GET_KEY gives chunk ${got.index} in place of ${index}`);
    return got;
  }

  /** GET_KEY of it gives no key; anything but these is noted. */
  async noKey(app: Application, ksid: Ksid, index: number, ...usual: readonly StatusName[]): Promise<void> {
    const got = await app.getKey(ksid, this.#wish(index, {}));
    this.refuses("get-key", got.said, ...usual);
    must(got.key === "", "GET_KEY is refused, and gives key all the same");
  }

  /** GET_KEY of it gives no key, and says one of these. */
  async noKeyBut(app: Application, ksid: Ksid, index: number, ...statuses: readonly StatusName[]): Promise<void> {
    const got = await app.getKey(ksid, this.#wish(index, {}));
    must(got.key === "", "GET_KEY gives key where there can be none");
    this.says("get-key", got.said, ...statuses);
  }

  /** The KSID of a stream that is open. */
  ksidOf({ ksid, said }: Opened): Ksid {
    must(ksid !== null, `OPEN_CONNECT says ${words(said)}, and tells no Key_stream_ID`);
    return ksid;
  }

  #wish(index: number, more: Omit<KeyWish, "index">): KeyWish {
    return this.binding.can.has("index") ? { index, ...more } : more;
  }

  #expected(call: Call, statuses: readonly StatusName[], binding = this.binding): readonly Said[] {
    return statuses.flatMap((status) => binding.says(call, status));
  }

  #says(binding: Binding, call: Call, said: Said, statuses: readonly StatusName[]): void {
    const expected = this.#expected(call, statuses, binding);
    const same = expected.filter(({ code }) => code === said.code);
    const due = expected.map(words).join(" or ");
    must(same.length > 0, `${CALL_NAMES[call]} says ${words(said)}, and shall say ${due}`);
    if (!same.some((one) => isWorded(one, said))) {
      this.tell.note(`${CALL_NAMES[call]} says ${words(said)}; usual is ${due}`);
    }
  }

  async #connect(binding: Binding, self: Party, peer: Party): Promise<Application> {
    const application = await binding.connect(self, peer);
    this.#connected.push(application);
    return application;
  }

  async #meet(binding: Binding, a: Application, b: Application, wish: MeetingWish): Promise<Meeting> {
    const opens = binding.can.has("ksid") ? await this.#openByKsid(a, b, wish) : await openBoth(a, b, wish);
    for (const { said } of opens) this.#says(binding, "open", said, OPENED);
    const [ksid, other] = opens.map((opened) => this.ksidOf(opened));
    must(ksid !== undefined && ksid === other, "the two ends are told different Key_stream_IDs");
    return { a, b, ksid, qos: opens[0].qos };
  }

  async #openByKsid(a: Application, b: Application, { qos = {}, ksid }: MeetingWish): Promise<[Opened, Opened]> {
    if (ksid !== undefined) return await openBoth(a, b, { qos, ksid });
    const first = await a.open({ qos });
    return [first, await b.open({ qos, ksid: this.ksidOf(first) })];
  }
}

const openBoth = async (a: Application, b: Application, wish: OpenWish): Promise<[Opened, Opened]> =>
  await Promise.all([a.open(wish), b.open(wish)]);

function noOthers(): Others {
  throw new NotRun("there are no two other applications");
}

/** Anything will do where nothing is usual. */
const isWorded = (usual: Said, said: Said): boolean => usual.text === undefined || usual.text === said.text;

const MAX_TEXT_CHARS = 120;
const words = ({ code, text }: Said): string =>
  text === undefined ? code : `${code} "${text.slice(0, MAX_TEXT_CHARS)}"`;

export function mustBeUuid4(ksid: Ksid | null): void {
  must(ksid !== null && UUID_V4.test(ksid), "the Key_stream_ID is no UUID of version 4");
}

/** Equal or not: no words hold a key. */
export const mustBeSame = (one: Got, other: Got): void =>
  must(one.key !== "" && one.key === other.key, "the two ends have different bytes of one chunk", "M");

export const mustDiffer = (chunks: readonly Got[]): void =>
  must(new Set(chunks.map(({ key }) => key)).size === chunks.length, "the same bytes came as two chunks", "M");

export const bytesIn = ({ key }: Got): number => key.length / 2;

export const mustHaveBytes = (chunk: Got, chunkBytes: number): void =>
  must(bytesIn(chunk) === chunkBytes, `a chunk of ${bytesIn(chunk)} bytes, and not of ${chunkBytes}`);
