/**
 * Where epoch keys are kept: outside the objects' storage, so that a copy of that alone opens nothing, and what was
 * sealed in an epoch is gone for good with the epoch's key.
 */
export const EPOCH_KEY_BYTES = 32;

interface KeptKeys {
  /** Numbers of the keys that are there, in rising order. */
  numbers(): Promise<readonly number[]>;
  /**
   * @returns null where there is no such key (any more)
   * @throws Error where that cannot be told, or what is there is no key
   */
  read(epoch: number): Promise<Uint8Array | null>;
}

/** Numbered secrets of the deployment: they come and go by the operator's hand alone. */
export interface SecretKeys extends KeptKeys {
  readonly kind: "secrets";
}

/** A folder that whoever started the engine looks after (scripts/start/key-keeper.ts). */
export interface FolderKeys extends KeptKeys {
  readonly kind: "folder";
  /** Makes a key at random; durable once resolved. One that is there already stays. */
  make(epoch: number): Promise<void>;
  /** Idempotent. */
  destroy(epoch: number): Promise<void>;
}

export type EpochStore = SecretKeys | FolderKeys;

/** @param env of the deployment: the folder where one is bound, else the secrets */
export const epochStoreOf = (env: { readonly EPOCH_KEYS?: Service }): EpochStore =>
  env.EPOCH_KEYS === undefined ? secretKeys(env) : folderKeys(env.EPOCH_KEYS);

const SECRET_NAME = /^QKD_EPOCH_KEY_(?<epoch>[1-9][0-9]{0,8})$/;

/** @param env holds QKD_EPOCH_KEY_1, QKD_EPOCH_KEY_2 ..., each base64 of 32 bytes */
export function secretKeys(env: object): SecretKeys {
  const secrets = new Map<number, string>();
  for (const [name, text] of Object.entries(env)) {
    const epoch = SECRET_NAME.exec(name)?.groups?.["epoch"];
    if (epoch !== undefined && typeof text === "string") secrets.set(Number(epoch), text);
  }
  const numbers = [...secrets.keys()].sort((a, b) => a - b);
  return {
    kind: "secrets",
    numbers: async () => await Promise.resolve(numbers),
    read: async (epoch) => {
      const text = secrets.get(epoch);
      return await Promise.resolve(text === undefined ? null : keyOf(text, `the secret QKD_EPOCH_KEY_${epoch}`));
    },
  };
}

/** What is needed of a binding to another service. */
export interface Service {
  fetch(url: string, init?: { readonly method: string }): Promise<Response>;
}

const OK = 200;
const NOT_FOUND = 404;

/** @param service answers GET, PUT and DELETE of /NUMBER, and GET of / with all numbers */
export function folderKeys(service: Service): FolderKeys {
  const ask = async (method: string, path: string): Promise<Response> => {
    const response = await service.fetch(`http://epoch-keys/${path}`, { method });
    if (response.ok || response.status === NOT_FOUND) return response;
    throw new Error(`the epoch keys' folder answers ${method} with ${response.status}`);
  };
  const done = async (method: string, epoch: number): Promise<void> => {
    const { status } = await ask(method, String(epoch));
    if (status === NOT_FOUND) throw new Error(`the epoch keys' folder does not know ${method}`);
  };
  return {
    kind: "folder",
    numbers: async () => {
      const listed: unknown = await (await ask("GET", "")).json();
      if (!Array.isArray(listed) || !listed.every((each) => Number.isSafeInteger(each) && each > 0)) {
        throw new Error("the epoch keys' folder lists no numbers");
      }
      return (listed as number[]).sort((a, b) => a - b);
    },
    read: async (epoch) => {
      const response = await ask("GET", String(epoch));
      const text = await response.text();
      return response.status === OK ? keyOf(text.trim(), `the key of epoch ${epoch}`) : null;
    },
    make: async (epoch) => await done("PUT", epoch),
    destroy: async (epoch) => await done("DELETE", epoch),
  };
}

function keyOf(text: string, what: string): Uint8Array {
  let key: Uint8Array | undefined;
  try {
    key = Uint8Array.fromBase64(text);
  } catch {
    // Told below, without the text.
  }
  if (key?.length !== EPOCH_KEY_BYTES) throw new Error(`${what} must be base64 of ${EPOCH_KEY_BYTES} bytes`);
  return key;
}
