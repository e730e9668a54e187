/** qkd-module 0.9: bodies as Python's `repr` writes them, answers as well. */
import { parseLiteral, type PythonValue } from "../../../../shared/etsi004/python-literal/parse.ts";
import { V09_STATUS } from "../../../../shared/etsi004/qkd-module/codes.ts";
import type { StatusName } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import {
  allBut,
  type Application,
  type Binding,
  type Call,
  type Got,
  type KeyWish,
  NO_KEY,
  type OpenWish,
  type Party,
  qosWish,
  type Said,
  saidCode,
} from "../application.ts";

const FIRST_AVAILABLE = -1;
const BITS_PER_BYTE = 8;

type Values = readonly (PythonValue | undefined)[];

class LiteralApplication implements Application {
  readonly #self: Party;
  readonly #peer: Party;

  constructor(self: Party, peer: Party) {
    this.#self = self;
    this.#peer = peer;
  }

  async open({ ksid, qos }: OpenWish) {
    const { chunkBytes, timeoutMs } = qosWish(this.#self, qos);
    const asked = ksid === undefined ? "None" : `'${ksid}'`;
    const wishes = `{'timeout': ${timeoutMs}, 'length': ${chunkBytes * BITS_PER_BYTE}}`;
    const names = [this.#self, this.#peer].map(({ address, sae }) => `'${address ?? sae}'`).join(", ");
    const [opened, status] = valuesOf(await this.#ask("/open_connect", `[${names}, ${wishes}, ${asked}]`));
    const said = saidOf(status);
    const isOpen = typeof opened === "string" && opened !== "";
    return { said, ksid: isOpen ? (opened as Ksid) : null, qos: null };
  }

  async getKey(ksid: Ksid, { index = FIRST_AVAILABLE }: KeyWish = {}): Promise<Got> {
    const [key, given, status] = valuesOf(await this.#ask("/get_key", `['${ksid}', ${index}, None]`));
    const said = saidOf(status);
    if (!(key instanceof Uint8Array) && !Array.isArray(key)) return { ...NO_KEY, said };
    const bytes = Buffer.from(key as Uint8Array | number[]);
    return { ...NO_KEY, said, index: given as number, key: bytes.toString("hex") };
  }

  async close(ksid: Ksid): Promise<Said> {
    return saidOf(await this.#ask("/close", `['${ksid}']`));
  }

  end(): void {}

  /** @throws Error where the answer is no literal */
  async #ask(path: string, body: string): Promise<PythonValue> {
    const { text, status } = await this.#self.reach.http({ path, body, shown: withoutBytes });
    const value = parseLiteral(text.trim());
    if (!value.ok) throw new Error(`HTTP ${status} without a Python literal`);
    return value.value;
  }
}

const saidOf = (status: PythonValue | undefined): Said => saidCode(JSON.stringify(status ?? null));

/** What Python prints of bytes. */
const withoutBytes = (text: string): string => text.replaceAll(/b(['"])(?:\\.|(?!\1)[^])*\1/g, "[bytes]");

/** @throws Error where it is no list */
function valuesOf(value: PythonValue): Values {
  if (!Array.isArray(value)) throw new Error("the answer is no list");
  return value as Values;
}

/** V1.1.1 has one status for each call that failed. */
const FAILED: Readonly<Record<Call, number>> = {
  open: V09_STATUS.NO_QKD_CONNECTION_AVAILABLE,
  "get-key": V09_STATUS.INSUFFICIENT_KEY_AVAILABLE,
  close: V09_STATUS.NO_QKD_CONNECTION_AVAILABLE,
};
const SUCCEEDED: ReadonlySet<StatusName> = new Set(["success", "peer-not-connected"]);

const CANNOT: Binding["reasons"] = {
  "qos-told": "the answer of open_connect has no QoS",
  qos: "its QoS has `length` and `timeout` only",
  mimetype: "its QoS has no type of metadata",
  metadata: "the answer of get_key has no metadata",
  "metadata-size": "the answer of get_key has no metadata",
};

export const moduleLiterals: Binding = {
  name: "qkd-module-0.9",
  profile: "qkd-module-0.9",
  ...allBut(CANNOT),
  connect: (self, peer) => Promise.resolve(new LiteralApplication(self, peer)),
  says: (call, status) => [saidCode(SUCCEEDED.has(status) ? V09_STATUS.SUCCESSFUL : FAILED[call])],
};
