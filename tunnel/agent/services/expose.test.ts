import { expect, onTestFinished, test } from "vitest";
import { SOCKET_SLOT, withSlots } from "../../../shared/mux/frame.ts";
import { Mux } from "../../../shared/mux/mux.ts";
import type { Peer } from "../../../shared/tunnel/services.ts";
import { serve } from "../../../test/support/tunnel-agent.ts";
import { Exposed } from "./expose.ts";

const SLOT = 7;
const now = () => performance.now();

/** An agent that exposes `web` to the edge, its gateway and a site; and what somebody opens there. */
async function openAs(peer: Peer, target: string): Promise<string> {
  const port = await serve((socket) => void socket.resume());
  const web = { name: "web", host: "127.0.0.1", port, allow: ["@edge", "@gateway", "site-b"], tls: false };
  const exposed = new Exposed({ services: [web], tls: undefined, log: () => {} });
  onTestFinished(() => exposed.close());
  const owner: Mux = new Mux({
    role: "owner",
    now,
    transport: { send: (message) => opener.received(withSlots(message, SOCKET_SLOT)) },
    onOpen: (open) => exposed.answer(open, peer),
  });
  const opener = new Mux({
    role: "peer",
    now,
    transport: { send: (message) => owner.received(withSlots(message, SLOT)) },
    onOpen: (open) => open.refuse("unknown-service"),
  });
  const started = opener.start(SOCKET_SLOT, target);
  if (!started.ok) return started.error.code;
  started.value.end().catch(() => {}); // `opened` tells
  const opened = await started.value.opened;
  started.value.reset("cancelled");
  return opened.ok ? "open" : opened.error.code;
}

test.each<[string, Peer, string]>([
  ["another site", { site: "site-b", linked: true }, "not-allowed"],
  ["the gateway", { site: "@gateway", linked: false }, "not-allowed"],
  // It is heard; a request without a head is none.
  ["the edge", { site: null, linked: false }, "protocol-error"],
])("HTTP for %s, which may open the service as such", async (_, peer, outcome) => {
  expect(await openAs(peer, "http/web")).toBe(outcome);
  expect(await openAs(peer, "web")).toBe("open");
});
