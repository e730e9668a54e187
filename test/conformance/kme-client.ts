/** One SAE's way to one KME, for what the doctor's cases do not say: raw answers, each on a connection of its own. */
import { type Answer, type Call, exchange, type Identity } from "../../cli/doctor/exchange.ts";
import { Redactor } from "../../cli/doctor/redact.ts";
import { Transcript } from "../../cli/doctor/transcript.ts";

const redactor = new Redactor();
/** Nobody reads it. */
const recording = { redactor, transcript: new Transcript(redactor), signal: new AbortController().signal };

export class KmeClient {
  readonly #kme: () => string;
  readonly #ca: string;
  readonly #identity: Identity;

  /** @param kme the KME's URL, asked for with each request: a restart may change its port */
  constructor(kme: () => string, ca: string, identity: Identity) {
    this.#kme = kme;
    this.#ca = ca;
    this.#identity = identity;
  }

  /** @param path below `/api/v1/keys` */
  async call(path: string, call: Call = {}): Promise<Answer> {
    const caller = { name: "a test", identity: this.#identity };
    return await exchange(`${this.#kme()}/api/v1/keys${path}`, this.#ca, caller, call, recording);
  }
}
