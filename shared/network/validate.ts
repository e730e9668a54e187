/**
 * Is this a sound network document? Everything wrong with it is told at once, each fault with the JSON pointer
 * (RFC 6901) of what it is about.
 *
 * Shapes are the schema's; what spans several places is a list of rules in `rules.ts`, which look at the entries whose
 * shape is right, so that one slip does not hide the others.
 */
import * as v from "valibot";
import { fail, type Fault } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { NetworkDocumentSchema, type NetworkDocument } from "./document.ts";
import type { PointerFault } from "./directory-types.ts";
import { issueInWords } from "./issue-words.ts";
import type { Entry, InForce, Sections } from "./rule-parts.ts";
import { RULES } from "./rules.ts";

type Input = v.InferIssue<typeof NetworkDocumentSchema>;

/**
 * Validates a document and fills in its defaults.
 *
 * @param inForce what it is to replace: some things may not be undone (shards lowered), and somebody must remain who
 *   can write the next one. What is left out is not looked at.
 * @returns `bad-request` with up to LIMITS.faultsReported details `{pointer, message}`; it stops looking there.
 */
export function validateNetwork(input: unknown, inForce: InForce = {}): Result<NetworkDocument, Fault> {
  const parsed = v.safeParse(NetworkDocumentSchema, input, { message: issueInWords });
  const faults: PointerFault[] = [];
  for (const fault of allFaults(parsed.output, parsed.issues ?? [], inForce)) {
    faults.push(fault);
    if (faults.length > LIMITS.faultsReported) break;
  }
  if (parsed.success && faults.length === 0) return ok(parsed.output);
  return fail("bad-request", summaryOf(faults.length, parsed.success), faults.slice(0, LIMITS.faultsReported));
}

function summaryOf(count: number, shapesAreRight: boolean): string {
  const { faultsReported } = LIMITS;
  const faults =
    count > faultsReported
      ? `more than ${faultsReported} faults, the first of which follow`
      : `${count} fault${count === 1 ? "" : "s"}`;
  // What an entry at fault refers to is not looked at.
  const more = shapesAreRight ? "" : "; mend these first, others may show once their shapes are right";
  return `the network document has ${faults}${more}`;
}

/** Lazily: a document of wrong shapes is not asked for more than can be told. */
function* allFaults(output: unknown, issues: readonly Input[], inForce: InForce): Generator<PointerFault> {
  for (const issue of issues) yield shapeFault(issue);
  // Items of a list that is too long have not been looked at.
  if (issues.some((issue) => issue.type === "max_length" && issue.path?.length === 1)) return;
  const sections = soundSections(output, issues);
  for (const rule of RULES) yield* rule(sections, inForce);
}

/** RFC 6901 pointer of a path. */
export function jsonPointer(path: readonly (string | number)[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

const pathOf = (issue: Input): (string | number)[] =>
  (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));

function shapeFault(issue: Input): PointerFault {
  return { pointer: jsonPointer(pathOf(issue)), message: issue.message };
}

/** The parts of a document that have the right shape. */
function soundSections(output: unknown, issues: readonly Input[]): Sections {
  const faulty = new Set(issues.flatMap((issue) => prefixesOf(pathOf(issue))));
  const document = isRecord(output) ? output : {};
  /** Entries are left out when anything in them is at fault; those that remain are what the schema says. */
  const entries = <T>(section: string): Entry<T>[] => {
    const list = document[section];
    if (!Array.isArray(list)) return [];
    return list.flatMap((value: T, index) => {
      const pointer = jsonPointer([section, index]);
      return faulty.has(pointer) ? [] : [{ pointer, value }];
    });
  };
  /** An entry that is at fault elsewhere still lends its id: links to it are no second fault. */
  const ids = (section: string, member: string): string[] => {
    const list: unknown[] = Array.isArray(document[section]) ? document[section] : [];
    return list.flatMap((value) => {
      const id = isRecord(value) ? value[member] : undefined;
      return typeof id === "string" ? [id] : [];
    });
  };
  const nodes = ids("nodes", "id");
  const allIds = (section: string): ReadonlySet<string> | null => {
    const list = document[section];
    const told = ids(section, "id");
    return Array.isArray(list) && told.length === list.length ? new Set(told) : null;
  };
  return {
    nodes: entries("nodes"),
    links: entries("links"),
    saes: entries("saes"),
    agents: entries("agents"),
    controllers: entries("controllers"),
    operators: entries("operators"),
    pairs: entries("pairs"),
    kmsPeers: entries("kms_peers"),
    legacyNodes: entries("legacy_nodes"),
    kmsClients: entries("kms_clients"),
    kmsUsers: entries("kms_users"),
    webhooks: entries("webhooks"),
    policy: faulty.has("/policy") ? null : part<NetworkDocument["policy"]>(document["policy"]),
    nodeIds: new Set(nodes),
    sites: new Set([...hostedIds(document["nodes"]), ...ids("nodes", "site")]),
    nodesTold: allIds("nodes") !== null,
    saeIds: allIds("saes"),
    linkIds: allIds("links"),
    operatorsAtFault: [...faulty].some((pointer) => pointer.startsWith("/operators")),
  };
}

/** Of nodes without `remote`. */
function hostedIds(nodes: unknown): string[] {
  if (!Array.isArray(nodes)) return [];
  return nodes.flatMap((node: unknown) =>
    isRecord(node) && typeof node["id"] === "string" && node["remote"] === undefined ? [node["id"]] : [],
  );
}

/** Every pointer on the way to a fault, itself included. */
const prefixesOf = (path: readonly (string | number)[]): string[] =>
  path.map((_, index) => jsonPointer(path.slice(0, index + 1)));

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** A part in which the schema found no fault. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters, typescript/no-unsafe-type-assertion
const part = <T>(value: unknown): T | null => (value === undefined ? null : (value as T));
