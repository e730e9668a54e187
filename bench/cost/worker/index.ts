/**
 * The Worker and its objects with a meter on what Cloudflare bills: requests, rows, stored bytes. Bundled by the bench
 * alone; what is metered is the code that is deployed.
 */
import type { Env } from "../../../workers/env.ts";
import * as bundle from "../../../workers/index.ts";
import { METER_PATH, type Meter, NOTHING } from "../meter.ts";

const meter: Meter = { workerRequests: 0, objects: {} };

/** An object of any class, as seen by its own methods. */
interface Metered {
  readonly ctx: DurableObjectState;
}
type Cursor = ReturnType<SqlStorage["exec"]>;

/** By storage: statements run since the last look. Their counts grow until all rows are read. */
const cursorsOf = new WeakMap<object, Cursor[]>();
let metersStorage = false;

/** All objects' storage has one prototype, which only an object can reach. */
function meterStorage(storage: DurableObjectStorage): void {
  if (metersStorage) return;
  metersStorage = true;
  const alarm = { rowsWritten: 1, rowsRead: 0 } as Cursor;
  // An alarm set is billed as a row written.
  patch(Object.getPrototypeOf(storage), "setAlarm", (self) => remember((self as DurableObjectStorage).sql, alarm));
  patch(Object.getPrototypeOf(storage.sql), "exec", (self, cursor) => remember(self as SqlStorage, cursor as Cursor));
}

/** Tells of each call of a method: of which object, and what it answered. */
function patch(prototype: object, name: string, tell: (self: unknown, answer: unknown) => void): void {
  const method = Reflect.get(prototype, name) as (...args: readonly unknown[]) => unknown;
  Reflect.set(prototype, name, function (this: unknown, ...args: readonly unknown[]) {
    const answer = Reflect.apply(method, this, args);
    tell(this, answer);
    return answer;
  });
}

function remember(sql: SqlStorage, cursor: Cursor): void {
  const cursors = cursorsOf.get(sql);
  if (cursors === undefined) cursorsOf.set(sql, [cursor]);
  else cursors.push(cursor);
}

function look(name: string, { sql }: DurableObjectStorage, requests: number): void {
  const counted = (meter.objects[name] ??= { ...NOTHING });
  counted.requests += requests;
  for (const { rowsWritten, rowsRead } of cursorsOf.get(sql) ?? []) {
    counted.rowsWritten += rowsWritten;
    counted.rowsRead += rowsRead;
  }
  cursorsOf.delete(sql);
  counted.storedBytes = sql.databaseSize;
}

/** Public methods are what is called over RPC: each call is billed as a request, and so is an alarm. */
function meterCalls(className: string, prototype: object): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const method: unknown = Reflect.get(prototype, name);
    if (name === "constructor" || typeof method !== "function") continue;
    Reflect.set(prototype, name, async function (this: Metered, ...args: unknown[]) {
      meterStorage(this.ctx.storage);
      try {
        return (await Reflect.apply(method, this, args)) as unknown;
      } finally {
        look(`${className}:${this.ctx.id.toString()}`, this.ctx.storage, 1);
      }
    });
  }
}

const { default: app, ...classes } = bundle;
/** What is exported is a class around the object's own, which has the methods. */
for (const [name, { prototype }] of Object.entries(classes))
  meterCalls(name, Object.getPrototypeOf(prototype) as object);
export * from "../../../workers/index.ts";

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === METER_PATH) return Response.json(meter);
    meter.workerRequests++;
    return await app.fetch(request, env, context);
  },
} satisfies ExportedHandler<Env>;
