/**
 * Each operation of a history, done to a real pool. What the pool commits is told to the model in the same order; what
 * the caller is answered must be what was committed.
 */
import { expect } from "vitest";
import { retireBegun } from "../../durable-objects/key-pool/begun-units.ts";
import { deliverKeys } from "../../durable-objects/key-pool/dec-keys.ts";
import { giveKeys } from "../../durable-objects/key-pool/enc-keys.ts";
import { rollStep } from "../../durable-objects/key-pool/epoch-roll.ts";
import { importKeys, voidImport } from "../../durable-objects/key-pool/imports.ts";
import { ingestBlock } from "../../durable-objects/key-pool/ingest.ts";
import { notEnoughKeys } from "../../durable-objects/key-pool/refusals.ts";
import type { KeyRecord } from "../../durable-objects/key-pool/rows.ts";
import { expireRecords, voidStep } from "../../durable-objects/key-pool/upkeep.ts";
import { expanded } from "../../durable-objects/key-pool/read-keys.ts";
import { giveUpWaiting } from "../../durable-objects/key-pool/waiting-blocks.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { BlockId } from "../../shared/ids.ts";
import { makeNonce, MASK_BYTES, type Nonce } from "../../shared/keypool/key-id.ts";
import { expandRun, expandRuns, firstId, type KeyIdRun, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import type {
  DecKeysCall,
  EncKeysCall,
  ImportCall,
  IngestOutcome,
  KeyGrant,
  PendingOf,
  PoolToPoolRpc,
} from "../../shared/keypool/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { type Cast, decOf, encOf, type Given, importOf, type Of, pushesOf, saeOf } from "./in-workerd-model-calls.ts";
import type { Push } from "./in-workerd-model-blocks.ts";
import { areEqual, checkKeys, checkPush, checkRefusal } from "./in-workerd-model-checks.ts";
import { Intended, LAST_EPOCH, type Life, type PoolLives } from "./in-workerd-model-life.ts";
import { usable } from "./in-workerd-model-material.ts";
import type { Importer, Operation, Plot } from "./in-workerd-model-steps.ts";
import type { PoolModel } from "./in-workerd-model.ts";
import { padsAlone } from "./in-workerd-refill.ts";

/** What operations are done to, and with. */
export interface Scene {
  readonly plot: Plot;
  readonly cast: Cast;
  readonly lives: PoolLives;
  readonly model: PoolModel;
  readonly life: Life;
  readonly nowMs: number;
  readonly given: Given[];
  readonly imports: { readonly nonce: Nonce; readonly given: Given }[];
  /** The epoch in force; what came before has no key any more. */
  epoch: number;
}

/** To be made once the model has caught up with all that was committed, where the caller was answered. */
type LastCheck = () => void;
type Voided = ReturnType<PoolModel["void"]>;
type Doing<O> = (scene: Scene, operation: O) => Promise<LastCheck>;

const nothing = () => {};

async function push(scene: Scene, operation: Of<"push">): Promise<LastCheck> {
  const checks: LastCheck[] = [];
  for (const pushed of pushesOf(operation, scene.plot, scene.cast)) checks.push(await pushOne(scene, pushed));
  return () => {
    for (const check of checks) check();
  };
}

async function pushOne({ lives, life, model, nowMs }: Scene, pushed: Push): Promise<LastCheck> {
  const { id, node, material } = pushed;
  const { bytes } = material;
  let committed: Result<IngestOutcome, Fault> | undefined;
  const pool = lives.seenBy(life, (outcome: Result<IngestOutcome | null, Fault>) => {
    // What it was made ready for has changed meanwhile.
    if (outcome.ok && outcome.value === null) return;
    committed = outcome as Result<IngestOutcome, Fault>;
    checkPush(committed, model.push(pushed, nowMs));
  });
  const answer = await ingestBlock(pool, { id, node, bytes, origin: "pushed", principal: "agent" });
  return () => {
    if (committed !== undefined) expect(answer).toEqual(committed);
    else if (answer.ok) expect.unreachable("a block was let in without a commit");
    // Refused before the commit, as it was then.
    else if (answer.error.code === "bad-request") expect(usable(id, material, model.config)).toBeNull();
    else if (answer.error.code === "pool-full")
      expect(model.blocks.wasFullFor(bytes.length * 8, model.config)).toBe(true);
    else checkRefusal(answer, "not-enough-keys");
  };
}

type Cut = Result<{ readonly grant: KeyGrant<KeyIdRun>; readonly record: KeyRecord | undefined } | null, Fault>;

const enc: Doing<Of<"enc">> = async (scene, operation) =>
  await give(scene, encOf(operation, scene.cast), operation.importer === null ? null : importerOf(operation.importer));

/** @param importer of the slaves at another node */
export async function give(
  { lives, life, model, nowMs, given }: Scene,
  call: EncKeysCall,
  importer: ReturnType<typeof importerOf> | null,
): Promise<LastCheck> {
  let granted: KeyGrant<KeyIdRun> | undefined;
  let refused: Fault["code"] | undefined;
  let isPublished = importer === null;
  const cut = (outcome: Cut) => {
    const keyIds = expandRuns(outcome.ok ? (outcome.value?.grant.keyIds ?? []) : []);
    const expected = model.enc(call, keyIds, importer === null ? "pending" : "reserved", nowMs);
    if (outcome.ok && outcome.value === null) {
      expect(expected, "there is too little").toBeNull();
      refused = "not-enough-keys";
      return;
    }
    const grant = outcome.ok ? ok(outcome.value?.grant ?? NO_KEYS) : outcome;
    checkKeys(expanded(grant), expected ?? { code: "not-enough-keys" });
    if (!outcome.ok) refused = outcome.error.code;
    else if (outcome.value !== null) {
      granted = outcome.value.grant;
      // A repeat was published when it was made.
      if (outcome.value.record === undefined) isPublished = true;
      else given.push({ keyIds, master: call.master, recipients: call.recipients });
    }
  };
  const agree = (outcome: Result<null, Fault>) => {
    const first = granted?.keyIds[0];
    if (first === undefined) throw new Error("nothing was cut that others could take part in");
    if (importer?.hasJoined === true && refused === undefined) {
      isPublished = model.publish(firstId(first), nowMs);
      expect(outcome.ok).toBe(isPublished);
      if (!isPublished) refused = "not-enough-keys";
    } else {
      model.takeBack(firstId(first), call);
      refused ??= "not-enough-keys";
    }
  };
  const pool = lives.seenBy(life, (outcome: Cut | Result<null, Fault>) => {
    // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- which of the two it is depends on the turn
    if (granted === undefined) cut(outcome as Cut);
    else agree(outcome as Result<null, Fault>);
  });
  const answer = await giveKeys(pool, call, {
    poolOf: () => (importer ?? expect.unreachable("all are served here")) as unknown as PoolToPoolRpc,
    refill: async () => await Promise.resolve(notEnoughKeys()),
    published: nothing,
  });
  return () => {
    if (!answer.ok) {
      expect(granted === undefined || !isPublished, "keys that were given are told").toBe(true);
      expect(answer.error.code).toBe(refused ?? "not-enough-keys");
      return;
    }
    expect(isPublished && answer.value === granted, "what is told was committed").toBe(true);
    if (importer !== null && importer.bytes !== null) {
      expect(areEqual(importer.bytes, [answer.value.bytes]), "the other pool has the same keys").toBe(true);
    }
  };
}

const NO_KEYS: KeyGrant = { keyIds: [], sizesBytes: [], bytes: new Uint8Array() };

/** Another pool that takes part in a multicast, or does not. */
function importerOf(how: Importer) {
  const importer = {
    hasJoined: false,
    bytes: null as Uint8Array | null,
    canImport: async () => {
      await Promise.resolve();
      return how === "cannot" ? fail("not-enough-keys", "no pad") : ok(null);
    },
    importKeys: async ({ bytes }: ImportCall) => {
      // Others get their turn in between.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      if (how === "is lost") throw new Intended("no answer");
      if (how === "abstains") return fail("not-enough-keys", "no pad");
      importer.bytes = bytes.slice();
      importer.hasJoined = true;
      return ok(null);
    },
    voidImport: async () => {
      await Promise.resolve();
      importer.bytes = null;
      return ok(null);
    },
  };
  return importer;
}

const dec: Doing<Of<"dec">> = async (scene, operation) => await fetchKeys(scene, decOf(operation, scene.given));

export async function fetchKeys({ lives, life, model, nowMs }: Scene, call: DecKeysCall): Promise<LastCheck> {
  let committed: Result<KeyGrant<KeyIdRun>, Fault> | undefined;
  let isOnItsWay = false;
  const pool = lives.seenBy(life, (outcome: Result<KeyGrant<KeyIdRun> | null, Fault>) => {
    if (outcome.ok && outcome.value === null) isOnItsWay = true;
    else {
      committed = outcome as Result<KeyGrant<KeyIdRun>, Fault>;
      // The refusal of what did not come in time changes nothing, and is written down in a commit of its own.
      if (isOnItsWay) checkRefusal(committed, "key-not-found");
      else checkKeys(expanded(committed), model.dec(call, nowMs));
    }
  });
  const answer = await deliverKeys(pool, call, async () => await Promise.resolve(false));
  return () => {
    if (answer.ok)
      expect(committed?.ok === true && answer.value === committed.value, "what is told was committed").toBe(true);
    else checkRefusal(committed ?? ok(null), answer.error.code);
  };
}

async function voidAll({ lives, life, model, cast }: Scene, { sae: which }: Of<"void">): Promise<LastCheck> {
  const sae = which === null ? null : saeOf(which, cast);
  for (let after: number | null = 0; after !== null;) {
    const call: PendingOf = { sae, after };
    const pool = lives.seenBy(life, (outcome: Result<Voided, Fault>) => {
      const { keys, next } = model.void(call);
      // It may look once more where there is nothing.
      const again = sae === null && next === null && outcome.ok && outcome.value.next === call.after;
      expect(outcome).toEqual(ok({ keys, next: again ? call.after : next }));
    });
    const step: Result<Voided, Fault> = await voidStep(pool, { ...call, reason: "test" });
    if (!step.ok) throw new Error(step.error.message);
    after = step.value.next;
  }
  return nothing;
}

async function importAll({ lives, life, model, cast, nowMs, given, imports }: Scene, operation: Of<"import">) {
  const call: EncKeysCall = importOf(operation, cast);
  const nonce = makeNonce(crypto.getRandomValues(new Uint8Array(8)), 0);
  const mask = crypto.getRandomValues(new Uint8Array(MASK_BYTES));
  const keyIds = expandRun(writeKeyIds(nonce, mask, 77, call.count));
  const sizeBytes = call.sizeBits / 8;
  const keys = keyIds.map(() => crypto.getRandomValues(new Uint8Array(sizeBytes)));
  const bytes = Uint8Array.from(keys.flatMap((key) => [...key]));
  const expiresMs = nowMs + model.config.policy.key_ttl_s * 1000;
  const pool = lives.seenBy(life, (outcome: Result<null, Fault>) => {
    expect(outcome.ok).toBe(model.import(call, keyIds, keys, nowMs));
    if (!outcome.ok) return;
    const imported = { keyIds, master: call.master, recipients: call.recipients };
    given.push(imported);
    imports.push({ nonce, given: imported });
  });
  const handed: ImportCall = { ...call, nonce, mask, keys: call.count, sizeBytes, bytes, expiresMs };
  await importKeys(pool, handed, padsAlone(pool));
  return nothing;
}

async function voidOneImport({ lives, life, model, imports }: Scene, { record }: Of<"void import">) {
  const imported = imports[record % Math.max(1, imports.length)];
  if (imported === undefined) return nothing;
  const [first] = imported.given.keyIds;
  const pool = lives.seenBy(life, () => first === undefined || model.voidImport(first));
  await voidImport(pool, imported.nonce);
  return nothing;
}

/** What the alarm does. */
async function upkeep({ lives, life, model, nowMs }: Scene): Promise<LastCheck> {
  const { config, blocks } = model;
  const expiring = lives.seenBy(
    life,
    (_, kept) => model.expire(kept ?? new Set(), nowMs),
    () => new Set(lives.sql<{ id: number }>("SELECT id FROM key_record").map(({ id }) => id)),
  );
  await expireRecords(expiring, nowMs);
  const givingUp = lives.seenBy(
    life,
    (_, kept) => blocks.giveUpLate(config, kept ?? new Set(), nowMs),
    () => new Set(lives.sql<{ id: BlockId }>("SELECT id FROM block WHERE state = 'unmatched'").map(({ id }) => id)),
  );
  await giveUpWaiting(givingUp, nowMs);
  const retiring = lives.seenBy(life, () => blocks.retire(config, nowMs));
  await retireBegun(retiring, nowMs);
  return () => {
    // Nothing may be left that is due.
    model.expire(new Set(), nowMs);
    blocks.giveUpLate(config, new Set(), nowMs);
    blocks.retire(config, nowMs);
  };
}

/** The keys of older epochs go once nothing is said to need them. */
async function roll(scene: Scene): Promise<LastCheck> {
  const { lives, life, epoch } = scene;
  if (epoch === LAST_EPOCH) return nothing;
  for (let remaining = true; remaining;) {
    const step = await rollStep(lives.seenBy(life, nothing), epoch + 1);
    if (!step.ok) throw new Error(step.error.message);
    ({ remaining } = step.value);
  }
  return () => {
    scene.epoch = epoch + 1;
  };
}

/** It takes down the commit it is in. */
async function defect({ life }: Scene): Promise<LastCheck> {
  await life.pool.commits.run(() => {
    throw new Intended("a defect");
  });
  return nothing;
}

const OPERATIONS: { readonly [K in Operation["do"]]: Doing<Of<K>> } = {
  push,
  enc,
  dec,
  void: voidAll,
  import: importAll,
  "void import": voidOneImport,
  upkeep,
  roll,
  defect,
};

export const perform = async (scene: Scene, operation: Operation): Promise<LastCheck> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table pairs each operation with how it is done
  await (OPERATIONS[operation.do] as Doing<Operation>)(scene, operation);
