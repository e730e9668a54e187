import { describe, expect, it } from "vitest";
import type { IncomingOpen } from "../../shared/mux/stream.ts";
import type { TunnelHubRpc } from "../../shared/tunnel/types.ts";
import { echo, freshSites, hubStub, service, TestAgent, useSites } from "../../test/support/in-workerd-tunnel.ts";

useSites();

async function exposing(allow: string[], onOpen: (open: IncomingOpen) => void = echo) {
  const { a } = freshSites();
  const agent = await TestAgent.enrolled(a);
  const session = await agent.connect({ services: [service("netconf", allow)], onOpen });
  // The type of a stub of streams is too deep for the compiler.
  return { session, hub: hubStub(a) as unknown as Pick<TunnelHubRpc, "openService"> };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a stream to a site's service, for another object", () => {
  it("carries bytes both ways and ends each way by itself", async () => {
    const { hub } = await exposing(["@edge"]);
    const opened = await hub.openService("netconf");
    if (!opened.ok) throw new Error(opened.error.message);
    const { readable, writable } = opened.value;
    const large = crypto.getRandomValues(new Uint8Array(60_000));
    const writing = (async () => {
      const writer = writable.getWriter();
      await writer.write(bytes("hello"));
      for (let part = 0; part < 10; part++) await writer.write(large);
      await writer.close();
    })();
    const got = new Uint8Array(await new Response(readable).arrayBuffer());
    await writing;
    expect(got.length).toBe(5 + 10 * large.length);
    expect(got.subarray(0, 5)).toEqual(bytes("hello"));
    expect(got.subarray(-large.length)).toEqual(large);
  });

  it("that breaks off breaks both ways", async () => {
    const opens: IncomingOpen[] = [];
    const { hub } = await exposing(["@edge"], (open) => {
      opens.push(open);
      const stream = open.accept();
      void stream.read().then(() => stream.reset("service-failed"));
    });
    const opened = await hub.openService("netconf");
    if (!opened.ok) throw new Error(opened.error.message);
    const reader = opened.value.readable.getReader();
    await opened.value.writable.getWriter().write(bytes("hello"));
    await expect(reader.read()).rejects.toThrow();
  });

  it.each([
    ["to whom it is not allowed", ["@linked"], "netconf", "forbidden"],
    ["that there is not", ["@edge"], "restconf", "not-found"],
  ])("%s is refused", async (_, allow, name, code) => {
    const { hub } = await exposing(allow);
    expect(await hub.openService(name)).toMatchObject({ ok: false, error: { code } });
  });

  it("needs an agent that serves it", async () => {
    const { hub, session } = await exposing(["@edge"], (open) => open.refuse("dial-failed"));
    expect(await hub.openService("netconf")).toMatchObject({ ok: false, error: { code: "unavailable" } });
    session.socket.close(1000);
    await session.closed;
    expect(await hub.openService("netconf")).toMatchObject({ ok: false, error: { code: "unavailable" } });
  });
});
