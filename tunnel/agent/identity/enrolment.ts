/** Makes the instance's keys known to the hub of its site, once, with the one-time token. */
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { EnrolledSchema } from "../../../shared/tunnel/messages.ts";
import { agentsPath } from "../../../shared/tunnel/paths.ts";
import type { Log } from "../../log.ts";
import { writeDurably } from "../../spool/durable-files.ts";
import { messageIn } from "../../http/message-in.ts";
import { type Edge, type EdgeAnswer, failureOf, retryAfterMs } from "../link/edge.ts";
import type { Identity } from "./identity.ts";
import { readTokenFile } from "./token-file.ts";

const FILE = "enrolled.json";
const RecordSchema = v.strictObject({ edge: v.string(), site: v.string(), instance: v.string(), agent: v.string() });

export interface EnrolmentFailure {
  readonly reason: string;
  /** It will not be otherwise until somebody does something. */
  readonly refused: boolean;
  /** When trying again makes sense, by the edge's word; null: it does not say. */
  readonly retryAfterMs: number | null;
}

export interface EnrolmentOptions {
  readonly edge: Edge;
  readonly site: string;
  readonly identity: Identity;
  readonly state: string;
  readonly tokenFile: string | undefined;
  readonly log: Log;
}

export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #file: string;
  #agent: string | null = null;
  #underWay: Promise<Result<string, EnrolmentFailure>> | null = null;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    this.#file = path.join(options.state, FILE);
  }

  /** @returns the agent's id in the network document. Several links that ask at once enrol once. */
  ensure(): Promise<Result<string, EnrolmentFailure>> {
    if (this.#agent !== null) return Promise.resolve(ok(this.#agent));
    this.#underWay ??= this.#enrol().finally(() => (this.#underWay = null));
    return this.#underWay;
  }

  /** The hub does not know these keys: the next attempt needs a new token. */
  async forget(): Promise<void> {
    this.#agent = null;
    await rm(this.#file, { force: true });
  }

  async #enrol(): Promise<Result<string, EnrolmentFailure>> {
    const known = await this.#readRecord();
    if (known !== null) {
      this.#agent = known;
      return ok(known);
    }
    const { tokenFile, log } = this.#options;
    if (tokenFile === undefined) {
      return err(refusedHere("not enrolled yet, and no token file is given"));
    }
    const read = await readTokenFile(tokenFile);
    if (!read.ok) return err(refusedHere(`not enrolled yet, and the token file is of no use: ${read.error}`));
    if (read.value.isOpen) log("warn", "others than its owner may read the token file: chmod 600", { file: tokenFile });
    const enrolled = await this.#ask(read.value.token);
    if (!enrolled.ok) return enrolled;
    this.#agent = enrolled.value;
    await writeDurably(this.#file, JSON.stringify(this.#record(enrolled.value)));
    log("info", "enrolled; the token file is no longer needed", { agent: enrolled.value, file: tokenFile });
    return enrolled;
  }

  async #ask(token: string): Promise<Result<string, EnrolmentFailure>> {
    const { edge, site, identity } = this.#options;
    const { instance, keys } = identity;
    const bytes = Buffer.from(JSON.stringify({ instance, keys }));
    try {
      const answer = await edge.request(
        { method: "POST", path: agentsPath(site), token, body: { bytes, contentType: "application/json" } },
        AbortSignal.timeout(LIMITS.agentRequestMs),
      );
      const parsed = v.safeParse(EnrolledSchema, answer.json);
      const isGood = answer.status >= 200 && answer.status < 300;
      if (isGood && parsed.success) return ok(parsed.output.agent);
      return err(refusalOf(answer, site));
    } catch (thrown) {
      return err({ reason: `enrolment: ${failureOf(thrown)}`, refused: false, retryAfterMs: null });
    }
  }

  /** A record of another edge or site, or of another instance, is of no use. */
  async #readRecord(): Promise<string | null> {
    try {
      const parsed = v.parse(RecordSchema, JSON.parse(await readFile(this.#file, "utf8")));
      const { agent, ...expected } = this.#record(parsed.agent);
      return Object.entries(expected).every(([name, value]) => parsed[name as keyof typeof expected] === value)
        ? agent
        : null;
    } catch {
      return null;
    }
  }

  #record(agent: string): v.InferOutput<typeof RecordSchema> {
    const { edge, site, identity } = this.#options;
    return { edge: edge.url.href, site, instance: identity.instance, agent };
  }
}

const refusedHere = (reason: string): EnrolmentFailure => ({ reason, refused: true, retryAfterMs: null });

/** What those answers of the edge mean for who has to do something about them. */
const REASONS: Readonly<Record<number, (site: string) => string>> = {
  401: () => "the edge does not know the token: it is wrong, or expired",
  403: (site) => `the token is not one that enrols an agent of ${site}`,
  404: (site) => `the edge knows no site ${site}, or has no tunnel`,
  409: () => "the token has been used: it enrols one agent, once",
};

function refusalOf({ status, headers, json }: EdgeAnswer, site: string): EnrolmentFailure {
  const meaning = REASONS[status]?.(site) ?? "the edge does not enrol it";
  const message = messageIn(json);
  return {
    reason: `${meaning} (${status}${message === null ? "" : `: ${message}`})`,
    refused: status < 500 && status !== 429,
    retryAfterMs: retryAfterMs(headers),
  };
}
