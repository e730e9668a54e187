/** How a module's state is written down: named entries, whose text is JSON with bytes in base64. */
import { fromBase64, toBase64 } from "../bytes/base64.ts";

/** Where a module keeps what has to survive a restart. Few entries, the longest a block's key. */
export interface ModuleStore {
  /** Names of all entries. */
  names(): readonly string[];
  /** Null where there is no such entry, or it can no longer be read. */
  read(name: string): Uint8Array | null;
  /** All or none; null removes. Durable before it returns, or before anything leaves that is sent afterwards. */
  write(changes: ReadonlyMap<string, Uint8Array | null>): void;
}

/** The one entry that holds no key material. */
export const HEAD_ENTRY = "head";

const BYTES = "$bytes";

export const encodeStored = (value: unknown): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify(value, (_, member: unknown) =>
      member instanceof Uint8Array ? { [BYTES]: toBase64(member) } : member,
    ),
  );

/** Reads what `encodeStored` wrote: its shape is known, not checked again. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the one place where stored JSON gets its type
export const decodeStored = <T>(bytes: Uint8Array): T =>
  JSON.parse(new TextDecoder().decode(bytes), (_, member: unknown) =>
    typeof member === "object" && member !== null && BYTES in member ? fromBase64(String(member[BYTES])) : member,
  ) as T;
