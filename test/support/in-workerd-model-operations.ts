/**
 * Each operation of a history, done to a real pool. What the pool commits is told to the model in the same order; what
 * the caller is answered must be what was committed.
 */
import { expect } from "vitest";
import { retireBegun } from "../../durable-objects/key-pool/begun-units.ts";
import { deliverKeys } from "../../durable-objects/key-pool/dec-keys.ts";
import { type EncReach, giveKeys } from "../../durable-objects/key-pool/enc-keys.ts";
import { rollStep } from "../../durable-objects/key-pool/epoch-roll.ts";
import { importKeys, voidImport } from "../../durable-objects/key-pool/imports.ts";
import { ingestBlock } from "../../durable-objects/key-pool/ingest.ts";
import type { KeyRecord } from "../../durable-objects/key-pool/rows.ts";
import { expireRecords, voidStep } from "../../durable-objects/key-pool/upkeep.ts";
import { giveUpWaiting } from "../../durable-objects/key-pool/waiting-blocks.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import type { BlockId, KeyId, NodeId, SaeId } from "../../shared/ids.ts";
import { makeNonce, MASK_BYTES, writeKeyIds } from "../../shared/keypool/key-id.ts";
import type {
  DecKeysCall,
  EncKeysCall,
  ImportCall,
  IngestOutcome,
  KeyGrant,
  PoolToPoolRpc,
  Recipient,
} from "../../shared/keypool/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { fail } from "../../shared/errors/errors.ts";
import type { PoolModel } from "./in-workerd-model.ts";
import { areEqual, checkKeys, checkPush, checkRefusal } from "./in-workerd-model-checks.ts";
import { Intended, type Life, type PoolLives } from "./in-workerd-model-life.ts";
import { materialOf, usable } from "./in-workerd-model-material.ts";
import { BLOCK_IDS, type End, type Importer, type Operation, type Plot } from "./in-workerd-model-steps.ts";
