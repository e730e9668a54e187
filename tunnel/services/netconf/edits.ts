/** Bodies of RPCs (RFC 6241 7 and 8). XML with key in it stays bytes: it is copied and wiped, never a text. */
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Change, EntryRef, Operation } from "./netconf-host.ts";

export type Datastore = "running" | "candidate";

const KINDS = ["spd", "sad"] as const;
const ROOT_CLOSE = Buffer.from("</ipsec-ikeless>");
const GREATER = 0x3e;

/** Where its one entry lies in the document of a change: views of its bytes. */
interface Pieces {
  readonly open: Buffer;
  /** After the entry's name as an element, up to and with its end. */
  readonly entry: Buffer;
}

/** @returns null for bytes of another form than `Change` says */
function piecesOf({ config, entry: { kind } }: Change): Pieces | null {
  const bytes = Buffer.from(config.buffer, config.byteOffset, config.byteLength);
  const open = bytes.subarray(0, bytes.indexOf(GREATER) + 1);
  const start = Buffer.from(`<${kind}><${kind}-entry>`);
  const end = Buffer.from(`</${kind}-entry></${kind}>`);
  const endAt = bytes.length - ROOT_CLOSE.length - end.length;
  const hasForm =
    open.toString("latin1").startsWith("<ipsec-ikeless ") &&
    bytes.indexOf(start) === open.length &&
    endAt >= open.length + start.length &&
    bytes.indexOf(end) === endAt &&
    bytes.indexOf(ROOT_CLOSE) === endAt + end.length;
  if (!hasForm) return null;
  return { open, entry: bytes.subarray(open.length + start.length - 1, endAt + `</${kind}-entry>`.length) };
}

const attributeOf = (operation: Operation, version: Capabilities["version"]): string => {
  // 7.2: `remove` came with 1.1.
  const named = operation === "remove" && version === "1.0" ? "delete" : operation;
  return named === "merge" ? "" : ` nc:operation="${named}"`;
};

/**
 * The `<ipsec-ikeless>` of all changes together, in memory of its own: to be wiped. What is `merge` and stands alone is
 * byte for byte what the change has.
 */
export function joined(changes: readonly Change[], version: Capabilities["version"]): Result<Buffer, string> {
  const sizeBytes = changes.reduce((sum, { config }) => sum + config.length, 0);
  if (changes.length > LIMITS.netconfChanges) return err(`more than ${LIMITS.netconfChanges} changes`);
  if (sizeBytes > LIMITS.netconfEditBytes) return err(`more than ${LIMITS.netconfEditBytes} bytes of changes`);
  const all = changes.map((change) => ({ change, pieces: piecesOf(change) }));
  const open = all[0]?.pieces?.open;
  if (open === undefined) return err("a change that is not one entry of ietf-i2nsf-ikeless");
  const parts: Buffer[] = [open];
  for (const kind of KINDS) {
    const own = all.filter(({ change }) => change.entry.kind === kind);
    if (own.length === 0) continue;
    parts.push(Buffer.from(`<${kind}>`));
    for (const { change, pieces } of own) {
      if (pieces === null || !pieces.open.equals(open))
        return err("a change that is not one entry of ietf-i2nsf-ikeless");
      parts.push(Buffer.from(`<${kind}-entry${attributeOf(change.operation, version)}`), pieces.entry);
    }
    parts.push(Buffer.from(`</${kind}>`));
  }
  return ok(Buffer.concat([...parts, ROOT_CLOSE]));
}

/** What stands around it in an edit-config (7.2). */
export function editConfig(target: Datastore, has: Capabilities): readonly [before: string, after: string] {
  const isRunning = target === "running";
  const test = isRunning && has.isValidate ? "<nc:test-option>test-then-set</nc:test-option>" : "";
  const onError = has.isRollbackOnError ? "<nc:error-option>rollback-on-error</nc:error-option>" : "";
  const before = `<nc:edit-config><nc:target><nc:${target}/></nc:target>${test}${onError}<nc:config>`;
  return [before, "</nc:config></nc:edit-config>"];
}

export const lock = (target: Datastore): string => `<nc:lock><nc:target><nc:${target}/></nc:target></nc:lock>`;
export const unlock = (target: Datastore): string => `<nc:unlock><nc:target><nc:${target}/></nc:target></nc:unlock>`;
export const discard = "<nc:discard-changes/>";
export const commit = "<nc:commit/>";
/** 8.4: taken back by the host unless it is said a second time. */
export const commitForNow = (id: string): string =>
  `<nc:commit><nc:confirmed/><nc:confirm-timeout>${LIMITS.netconfConfirmS}</nc:confirm-timeout><nc:persist>${id}</nc:persist></nc:commit>`;
export const commitForGood = (id: string): string => `<nc:commit><nc:persist-id>${id}</nc:persist-id></nc:commit>`;
export const cancelCommit = (id: string): string =>
  `<nc:cancel-commit><nc:persist-id>${id}</nc:persist-id></nc:cancel-commit>`;

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escaped = (text: string): string => text.replaceAll(/[&<>]/g, (sign) => ESCAPES[sign] ?? "");

/** 6.4: of these entries the leaves that name them, and nothing that is key. */
const SELECTED = {
  spd: "<reqid/>",
  sad: "<reqid/><ipsec-sa-config><spi/></ipsec-sa-config>",
} as const;

export function getEntries(entries: readonly EntryRef[], namespace: string): string {
  const lists = KINDS.map((kind) => {
    const own = entries.filter((entry) => entry.kind === kind);
    const named = own.map(
      ({ name }) => `<${kind}-entry><name>${escaped(name)}</name>${SELECTED[kind]}</${kind}-entry>`,
    );
    return own.length === 0 ? "" : `<${kind}>${named.join("")}</${kind}>`;
  });
  const filter = `<ipsec-ikeless xmlns="${namespace}">${lists.join("")}</ipsec-ikeless>`;
  return `<nc:get-config><nc:source><nc:running/></nc:source><nc:filter type="subtree">${filter}</nc:filter></nc:get-config>`;
}

/** An empty filter selects nothing (6.4.2). */
export const getNothing =
  '<nc:get-config><nc:source><nc:running/></nc:source><nc:filter type="subtree"/></nc:get-config>';
