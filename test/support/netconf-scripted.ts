/** For tests: a NETCONF server over real SSH that says and does what a script has it do. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import ssh2, { type Connection, type ServerChannel } from "ssh2";
import { onTestFinished } from "vitest";
import type { NetconfConfig } from "../../tunnel/services/netconf/config.ts";
import { type FramingVersion, frameOf, FrameReader } from "../../tunnel/services/netconf/framing.ts";
import { fingerprintOf } from "../../tunnel/services/netconf/known-hosts.ts";
import { listenLocally, portOf } from "./listen-locally.ts";
import { temporaryFolder } from "./tunnel-agent.ts";

const CAPABILITY = "urn:ietf:params:netconf:capability:";
export const BASE = { "1.0": "urn:ietf:params:netconf:base:1.0", "1.1": "urn:ietf:params:netconf:base:1.1" } as const;
export const MODEL = "urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless?module=ietf-i2nsf-ikeless&amp;revision=2021-07-14";
export const capability = (name: string): string => `${CAPABILITY}${name}`;
export const RUNNING = [
  BASE["1.0"],
  BASE["1.1"],
  MODEL,
  capability("writable-running:1.0"),
  capability("rollback-on-error:1.0"),
];

export interface Asked {
  /** The operation's name. */
  readonly what: string;
  readonly text: string;
  readonly id: string;
  readonly session: ScriptedSession;
}

export interface Script {
  readonly capabilities?: readonly string[];
  /** What `<rpc-reply>` holds; null: no answer. `<ok/>` for what is undefined. */
  readonly answer?: (asked: Asked) => string | null | undefined | Promise<string | null | undefined>;
  /** Instead of a hello. */
  readonly hello?: (session: ScriptedSession) => void;
  readonly noSubsystem?: boolean;
  /** Says hello, and reads nothing after it. */
  readonly isMute?: (session: ScriptedSession) => boolean;
}

export const OK = "<ok/>";
export const error = (tag: string, more = ""): string =>
  `<rpc-error><error-type>application</error-type><error-tag>${tag}</error-tag><error-severity>error</error-severity>${more}</rpc-error>`;

export class ScriptedSession {
  readonly number: number;
  readonly asked: string[] = [];
  readonly #channel: ServerChannel;
  readonly #connection: Connection;
  version: FramingVersion = "1.0";

  constructor(number: number, channel: ServerChannel, connection: Connection) {
    this.number = number;
    this.#channel = channel;
    this.#connection = connection;
  }

  say(xml: string): void {
    this.raw(frameOf(this.version, [Buffer.from(xml)]));
  }

  raw(bytes: Uint8Array | string): void {
    this.#channel.write(bytes);
  }

  reply(id: string, inner: string): void {
    this.say(`<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="${id}">${inner}</rpc-reply>`);
  }

  /** As a cable that is pulled. */
  cut(): void {
    this.#connection.end();
  }

  end(): void {
    this.#channel.close();
  }
}

const OPERATION = /<nc:rpc [^>]*message-id="(\d+)"[^>]*>\s*<(?:nc:)?([a-z-]+)/;

export class ScriptedServer {
  readonly sessions: ScriptedSession[] = [];
  logins = 0;
  readonly #script: Script;
  readonly #server: ssh2.Server;
  readonly #hostKey: string;
  readonly #connections = new Set<Connection>();
  readonly #folder = temporaryFolder();
  #isStopped = false;

  /** Ends with the test. */
  static async start(script: Script = {}): Promise<ScriptedServer> {
    const server = new ScriptedServer(script);
    await listenLocally(server.#server);
    onTestFinished(() => server.stop());
    return server;
  }

  private constructor(script: Script) {
    this.#script = script;
    this.#hostKey = ecKey();
    writeFileSync(this.file("password"), "open sesame\n");
    this.#server = new ssh2.Server({ hostKeys: [this.#hostKey] }, (connection) => this.#accept(connection));
  }

  get fingerprint(): string {
    const parsed = ssh2.utils.parseKey(this.#hostKey);
    if (parsed instanceof Error) throw parsed;
    return fingerprintOf(parsed.getPublicSSH());
  }

  get config(): NetconfConfig {
    return {
      host: "127.0.0.1",
      port: portOf(this.#server),
      user: "agent",
      password_file: this.file("password"),
      host_key: this.fingerprint,
      timeout_ms: 5000,
      keep_alive_ms: 0,
    };
  }

  get operations(): readonly string[] {
    return this.sessions.flatMap(({ asked }) => asked);
  }

  file(name: string): string {
    return path.join(this.#folder, name);
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.end();
    if (this.#isStopped) return;
    this.#isStopped = true;
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  #accept(connection: Connection): void {
    this.#connections.add(connection);
    (connection as Connection & { setNoDelay(on: boolean): void }).setNoDelay(true); // which its types leave out
    connection.on("close", () => this.#connections.delete(connection));
    connection.on("error", () => undefined);
    connection.on("authentication", (login) => {
      this.logins += 1;
      if (login.method === "password" && login.password === "open sesame") login.accept();
      else if (login.method === "publickey") login.accept();
      else login.reject(["password", "publickey"]);
    });
    connection.on("session", (accept) => {
      accept().on("subsystem", (take, refuse, { name }) => {
        if (name !== "netconf" || this.#script.noSubsystem === true) refuse();
        else this.#serve(take(), connection);
      });
    });
  }

  #serve(channel: ServerChannel, connection: Connection): void {
    const session = new ScriptedSession(this.sessions.length + 1, channel, connection);
    this.sessions.push(session);
    const { capabilities = RUNNING, hello } = this.#script;
    const is11 = capabilities.includes(BASE["1.1"]);
    const list = capabilities.map((each) => `<capability>${each}</capability>`).join("");
    if (hello === undefined)
      session.say(
        `<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>${list}</capabilities><session-id>1</session-id></hello>`,
      );
    else hello(session);
    const reader = new FrameReader();
    channel.on("error", () => undefined);
    channel.on("data", (bytes: Buffer) => {
      reader.push(bytes);
      for (;;) {
        const frame = reader.next();
        if (!frame.ok) throw new Error(frame.error);
        if (frame.value === null) return;
        const text = frame.value.toString("utf8");
        if (text.includes("<hello")) {
          session.version = is11 ? "1.1" : "1.0";
          reader.switchTo(session.version);
        } else void this.#answer(session, text);
      }
    });
  }

  async #answer(session: ScriptedSession, text: string): Promise<void> {
    if (this.#script.isMute?.(session) === true) return;
    const [, id = "", what = ""] = OPERATION.exec(text) ?? [];
    // What a client asks to see whether it is heard.
    if (text.includes('<nc:filter type="subtree"/>')) return session.reply(id, "<data/>");
    session.asked.push(what);
    const answer = await this.#script.answer?.({ what, text, id, session });
    if (answer !== null) session.reply(id, answer ?? OK);
  }
}

/** ssh2 reads PEM of elliptic curves as it is. */
const ecKey = (): string =>
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "sec1", format: "pem" }).toString();
