/** Secrets of several sources made one key, by any of the methods. */
import { copyOf } from "../../bytes/copy.ts";
import { type Result, err, ok } from "../../result.ts";
import { isLegacy, type KdfMethod, type LegacyMethod, type MethodName } from "../methods.ts";
import type { CombineFault, Combined, SourceEntry, ToCombine } from "../types.ts";
import { entriesFault, inOrder, isSoundContext, rankOf } from "./entries.ts";
import { CAS_KDF, CAT_KDF } from "./etsi-session.ts";
import { HKDF_V1 } from "./hkdf-v1.ts";
import { KdfCombined, type KdfScheme } from "./kdf.ts";
import { combineLegacy, legacyCoversBytes } from "./legacy.ts";
import { Transcript } from "./transcript.ts";

export interface CombineOptions {
  /** Gives what the hybridization module would give where a legacy method does not fill the chunk with mixed bytes. */
  readonly allowShort?: boolean;
}

/** Entries that many chunks have in common: what depends on them alone is computed once. */
export interface Epoch {
  /** @param fresh the chunk's own entries, in any order, all of kinds and slots after those of the epoch */
  combine(fresh: readonly SourceEntry[]): Result<Combined, CombineFault>;
  /** What was combined already stays. */
  wipe(): void;
}

const SCHEMES: Readonly<Record<KdfMethod, KdfScheme>> = {
  "cat-kdf": CAT_KDF,
  "cas-kdf": CAS_KDF,
  "qkdedge-hkdf-v1": HKDF_V1,
};

const copied = (entries: readonly SourceEntry[]): readonly SourceEntry[] =>
  inOrder(entries).map((entry) => ({ ...entry, secret: copyOf(entry.secret) }));

/** Has neither index nor confirmation keys: one chunk is all that should be made of it. */
function legacyCombined(method: LegacyMethod, entries: readonly SourceEntry[], allowShort: boolean): Combined {
  const keys = entries.map(({ secret }) => copyOf(secret));
  let isWiped = false;
  return {
    confirms: false,
    chunk(_index, lengthBytes) {
      if (isWiped) throw new Error("this key was wiped");
      if (!Number.isInteger(lengthBytes) || lengthBytes < 1) throw new RangeError("a chunk has at least one byte");
      if (lengthBytes > legacyCoversBytes(method, keys) && !allowShort) return "too-few-bytes";
      return combineLegacy(method, keys, lengthBytes);
    },
    tags: () => null,
    wipe() {
      isWiped = true;
      for (const key of keys) key.fill(0);
    },
  };
}

type Make = (fresh: readonly SourceEntry[]) => Combined;

function kdfMaker(method: KdfMethod, { mode, context }: ToCombine, fixed: readonly SourceEntry[], count: number) {
  const scheme = SCHEMES[method];
  const transcript = Transcript.begin(mode, context, count);
  for (const entry of fixed) transcript.add(entry);
  const epoch = scheme.begin(context, fixed, count);
  const make: Make = (fresh) => {
    const whole = transcript.fork();
    for (const entry of fresh) whole.add(entry);
    const transcriptHash = whole.finish();
    const derivation = epoch.derivation(fresh, transcriptHash);
    return new KdfCombined({ scheme, mode, transcriptHash, derivation });
  };
  return { make, wipe: () => epoch.wipe() };
}

const legacyMaker = (method: LegacyMethod, fixed: readonly SourceEntry[], allowShort: boolean) => ({
  make: ((fresh) => legacyCombined(method, [...fixed, ...fresh], allowShort)) satisfies Make,
  wipe: () => {},
});

/**
 * @param shared with the entries that stay the same; their secrets are copied, the caller wipes its own
 * @param freshCount how many entries each chunk adds
 */
export function beginEpoch(
  method: MethodName,
  shared: ToCombine,
  freshCount: number,
  { allowShort = false }: CombineOptions = {},
): Result<Epoch, CombineFault> {
  if (!isSoundContext(shared.context)) return err("bad-context");
  const count = shared.entries.length + freshCount;
  const fault = shared.entries.length > 0 || count === 0 ? entriesFault(method, shared.entries) : null;
  if (fault !== null) return err(fault);
  const fixed = copied(shared.entries);
  const last = fixed.at(-1);
  const maker = isLegacy(method) ? legacyMaker(method, fixed, allowShort) : kdfMaker(method, shared, fixed, count);
  let isWiped = false;
  return ok({
    combine(entries) {
      if (isWiped) throw new Error("this epoch was wiped");
      const fresh = inOrder(entries);
      const [first] = fresh;
      const wrong = entriesFault(method, [...fixed, ...fresh]);
      if (wrong !== null) return err(wrong);
      if (fresh.length !== freshCount) return err("bad-entry");
      if (first !== undefined && last !== undefined && rankOf(first) < rankOf(last)) return err("bad-entry");
      return ok(maker.make(fresh));
    },
    wipe() {
      isWiped = true;
      maker.wipe();
      for (const { secret } of fixed) secret.fill(0);
    },
  });
}

/** The same without an epoch: all entries at once. Their secrets are copied, the caller wipes its own. */
export function combine(
  method: MethodName,
  { mode, context, entries }: ToCombine,
  options: CombineOptions = {},
): Result<Combined, CombineFault> {
  const epoch = beginEpoch(method, { mode, context, entries: [] }, entries.length, options);
  return epoch.ok ? epoch.value.combine(entries) : epoch;
}
