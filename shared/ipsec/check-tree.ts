/**
 * One entry against the model: what JSON or XML brought becomes a tree of canonical values, in the order in which they
 * came, or faults that name their leaves.
 */
import { LIMITS } from "../limits.ts";
import { isRecord } from "../records.ts";
import type { EntryFault } from "./faults.ts";
import { Findings } from "./faults.ts";
import type { Leaf, LeafList, List, Node, Nodes, RawValue } from "./yang.ts";

export interface CheckedTree {
  readonly tree: Readonly<Record<string, unknown>>;
  /** `sad-entry[<name>]`. */
  readonly root: string;
  readonly faults: readonly EntryFault[];
  readonly warnings: readonly string[];
  /** Path below the entry -> octets of a key that stood there; null: it was none. */
  readonly secrets: ReadonlyMap<string, number | null>;
}

/** RFC 7951 clause 4: names of the top level may have their module before them. */
const MODULE_PREFIX = /^ietf-i2nsf-ikeless:/;
/** What CCIPS calls a leaf that has another name in RFC 9061. */
const ALIASES: Readonly<Record<string, string>> = { "anti-replay-window": "anti-replay-window-size" };
/** `yang:hex-string`, and what CCIPS agents take besides: without colons. */
const HEX_STRING = /^(?:[0-9a-f]{2}(?::[0-9a-f]{2})*|(?:[0-9a-f]{2})*)$/i;

const SHOWN_CHARS = 64;
const shown = (text: string): string => (text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}...` : text);

/** An empty element of XML is an empty text, or a container with nothing in it. */
const membersOf = (raw: unknown): Readonly<Record<string, unknown>> | null =>
  raw === "" ? {} : isRecord(raw) ? raw : null;

export function checkTree(nodes: Nodes, raw: unknown, what: string): CheckedTree {
  const name = isRecord(raw) ? raw["name"] : undefined;
  const root = typeof name === "string" ? `${what}[${shown(name)}]` : what;
  const walk = new Walk(root);
  const tree = walk.container(nodes, raw, "");
  const { faults, warnings } = walk.findings;
  return { tree, root, faults, warnings, secrets: walk.secrets };
}

class Walk {
  readonly findings: Findings;
  readonly secrets = new Map<string, number | null>();

  constructor(root: string) {
    this.findings = new Findings(root);
  }

  container(nodes: Nodes, raw: unknown, at: string): Record<string, unknown> {
    const tree: Record<string, unknown> = {};
    const members = membersOf(raw);
    if (members === null) {
      this.findings.fault(at, "shall be an object");
      return tree;
    }
    for (const [posted, value] of Object.entries(members)) {
      const name = this.#nameOf(posted, nodes, members, at);
      const node = Object.hasOwn(nodes, name) ? nodes[name] : undefined;
      const path = under(at, node === undefined ? shown(name) : name);
      if (node === undefined) this.findings.fault(path, "RFC 9061 has no such leaf here");
      else {
        const read = this.#node(node, value, path);
        if (read !== undefined) tree[name] = read;
      }
      if (this.findings.isFull) return tree;
    }
    for (const [name, node] of Object.entries(nodes)) {
      const isNeeded = (node.kind === "leaf" || node.kind === "container") && node.mandatory;
      if (isNeeded && !Object.hasOwn(tree, name) && !Object.hasOwn(members, name)) {
        this.findings.fault(under(at, name), "is missing");
      }
    }
    return tree;
  }

  #nameOf(posted: string, nodes: Nodes, members: Readonly<Record<string, unknown>>, at: string): string {
    const name = posted.replace(MODULE_PREFIX, "");
    const alias = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
    if (alias === undefined || !Object.hasOwn(nodes, alias) || Object.hasOwn(members, alias)) return name;
    this.findings.warn(under(at, name), `RFC 9061 calls it ${alias}: taken as that`);
    return alias;
  }

  /** @returns undefined where nothing of it goes into the tree */
  #node(node: Node, raw: unknown, path: string): unknown {
    if (node.kind === "leaf") return this.#leaf(node, raw, path);
    if (node.kind === "leaf-list") return this.#leafList(node, raw, path);
    if (node.kind === "container") return this.container(node.nodes, raw, path);
    if (node.kind === "list") return this.#list(node, raw, path);
    if (node.kind === "secret") this.#secret(raw, path);
    else this.findings.fault(path, "is state of the host, which nobody can set");
    return undefined;
  }

  #leaf({ type }: Leaf<RawValue, boolean> | LeafList<RawValue>, raw: unknown, path: string): RawValue | undefined {
    if (Array.isArray(raw)) {
      this.findings.fault(path, "is there more than once");
      return undefined;
    }
    const isValue = typeof raw === "string" || typeof raw === "number" || typeof raw === "boolean";
    const value = isValue ? type.read(raw) : undefined;
    if (value === undefined) this.findings.fault(path, type.words);
    else if (isValue) {
      const remark = type.remark?.(raw) ?? null;
      if (remark !== null) this.findings.warn(path, remark);
    }
    return value;
  }

  /** One of them may stand for the list: so XML has it, and CCIPS controllers in JSON. */
  #several(raw: unknown, path: string): readonly unknown[] {
    const several: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
    if (several.length <= LIMITS.ipsecListEntries) return several;
    this.findings.fault(path, `${several.length} of them, at most ${LIMITS.ipsecListEntries}`);
    return [];
  }

  #leafList(node: LeafList<RawValue>, raw: unknown, path: string): readonly RawValue[] {
    const values = this.#several(raw, path).flatMap((one) => this.#leaf(node, one, path) ?? []);
    if (new Set(values).size < values.length) this.findings.fault(path, "names a value twice");
    return values;
  }

  #list({ keys, nodes }: List<Nodes>, raw: unknown, path: string): readonly Readonly<Record<string, unknown>>[] {
    const entries = this.#several(raw, path).map((one) => this.container(nodes, one, path));
    const named = new Set(entries.map((entry) => JSON.stringify(keys.map((key) => entry[key]))));
    if (named.size < entries.length) this.findings.fault(path, `has two entries of the same ${keys.join(", ")}`);
    return entries;
  }

  #secret(raw: unknown, path: string): void {
    const isKey = typeof raw === "string" && HEX_STRING.test(raw);
    if (raw === "") return;
    this.secrets.set(path, isKey ? raw.replaceAll(":", "").length / 2 : null);
    if (!isKey) this.findings.warn(path, "shall be octets in hex, with colons between; dropped, as all keys are");
  }
}

const under = (at: string, name: string): string => (at === "" ? name : `${at}/${name}`);
