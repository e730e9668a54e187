/** What an IPsec host has installed, read back by NETCONF's get-config: of SAs with their keys, for who may see those. */
import { IKELESS_NAMESPACE } from "../../shared/ipsec/model.ts";
import type { NetconfConfig } from "../../tunnel/services/netconf/config.ts";
import { NetconfLink } from "../../tunnel/services/netconf/link.ts";
import { child, listOf, textOf, type XmlNode } from "../../tunnel/services/netconf/messages.ts";

export interface InstalledSa {
  readonly name: string;
  readonly spi: number;
  readonly encryption: Buffer | null;
  readonly integrity: Buffer | null;
}

export interface Installed {
  /** Names, the direction behind each. */
  readonly policies: readonly string[];
  /** By name. */
  readonly sas: ReadonlyMap<string, InstalledSa>;
}

/** No more of each entry than is told: a long answer is not read at all. */
const FILTER = [
  `<ipsec-ikeless xmlns="${IKELESS_NAMESPACE}">`,
  "<spd><spd-entry><name/><direction/></spd-entry></spd>",
  "<sad><sad-entry><name/><ipsec-sa-config><spi/><esp-sa/></ipsec-sa-config></sad-entry></sad>",
  "</ipsec-ikeless>",
].join("");
const GET = `<nc:get-config><nc:source><nc:running/></nc:source><nc:filter type="subtree">${FILTER}</nc:filter></nc:get-config>`;

/** One connection, however often it is read. */
export class Reader {
  readonly #link: NetconfLink;

  constructor(host: NetconfConfig) {
    this.#link = new NetconfLink(host, () => undefined);
  }

  async read(): Promise<Installed> {
    const session = await this.#link.session();
    if (!session.ok) throw new Error(session.error.message);
    const answer = await session.value.rpc(GET);
    if (!answer.ok) throw new Error(answer.error.message);
    const root = child(answer.value.data, "ipsec-ikeless");
    const sas = listOf(child(root, "sad"), "sad-entry").map(saOf);
    const policies = listOf(child(root, "spd"), "spd-entry");
    return {
      policies: policies.map((node) => `${textOf(child(node, "name"))} ${textOf(child(node, "direction"))}`),
      sas: new Map(sas.map((sa) => [sa.name, sa])),
    };
  }

  async close(): Promise<void> {
    await this.#link.close();
  }
}

function saOf(node: XmlNode): InstalledSa {
  const config = child(node, "ipsec-sa-config");
  const keyOf = (part: string): Buffer | null => {
    const text = textOf(child(child(child(config, "esp-sa"), part), "key"));
    return text === null ? null : Buffer.from(text.replaceAll(":", ""), "hex");
  };
  return {
    name: textOf(child(node, "name")) ?? "",
    spi: Number(textOf(child(config, "spi"))),
    encryption: keyOf("encryption"),
    integrity: keyOf("integrity"),
  };
}

const PARTS = ["encryption", "integrity"] as const;

/** How long the keys of an SA are, and whether both hosts have the same: never the keys. */
export function compared(name: string, one: Installed, other: Installed): string {
  const [here, there] = [one.sas.get(name), other.sas.get(name)];
  if (here === undefined || there === undefined) return `${name}: at one host only`;
  const parts = PARTS.flatMap((part) => {
    const [key, same] = [here[part], there[part]];
    if (key === null || same === null) return [];
    return [`${part} [${key.length} bytes] ${key.equals(same) ? "equal" : "unequal"}`];
  });
  return `${name}  ${parts.join(", ")}`;
}
