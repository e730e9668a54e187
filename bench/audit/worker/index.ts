/**
 * The Worker and its objects as they are deployed, but that objects can be told to write no audit events: what is left
 * then is what they would cost without. Bundled by the bench alone.
 */
import { AuditOutbox } from "../../../durable-objects/storage/outbox.ts";
import type { Env } from "../../../workers/env.ts";
import app from "../../../workers/index.ts";
import { SWITCH_PATH } from "../switch.ts";

export * from "../../../workers/index.ts";

let isOn = true;

// oxlint-disable-next-line typescript/unbound-method -- it is called with the outbox as `this`
const { record } = AuditOutbox.prototype;

AuditOutbox.prototype.record = function recordIfOn(this: AuditOutbox, events): void {
  if (isOn) record.call(this, events);
};

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== SWITCH_PATH) return await app.fetch(request, env, context);
    isOn = (await request.text()) === "on";
    return new Response(null, { status: 204 });
  },
} satisfies ExportedHandler<Env>;
