/** The client with a server over real SSH that follows a script: what it sends, and what it makes of bad days. */
import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { sa } from "../../../test/support/netconf-changes.ts";
import {
  type Asked,
  BASE,
  capability,
  error,
  MODEL,
  OK,
  RUNNING,
  type Script,
  ScriptedServer,
} from "../../../test/support/netconf-scripted.ts";
import type { NetconfConfig } from "./config.ts";
import { fetchHostKey } from "./host-key.ts";
import { makeNetconfHost } from "./make-netconf-host.ts";
import type { NetconfHost } from "./netconf-host.ts";

const DONE = { ok: true, value: null };
const CANDIDATE = [BASE["1.0"], BASE["1.1"], MODEL, capability("candidate:1.0"), capability("validate:1.1")];
const CONFIRMED = [...CANDIDATE, capability("confirmed-commit:1.1")];

async function rig(script: Script = {}, more: Partial<NetconfConfig> = {}) {
  const server = await ScriptedServer.start(script);
  const host = makeNetconfHost({ ...server.config, ...more });
  onTestFinished(() => host.close());
  return { server, host };
}

const there = (...names: readonly string[]): string =>
  `<data><ipsec-ikeless xmlns="urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless"><sad>${names
    .map(
      (name) =>
        `<sad-entry><name>${name}</name><reqid>1</reqid><ipsec-sa-config><spi>300</spi></ipsec-sa-config></sad-entry>`,
    )
    .join("")}</sad></ipsec-ikeless></data>`;

/** What was asked, after the goodbye: nobody waits for the answer to an unlock. */
async function edits({ sessions }: ScriptedServer, host: NetconfHost): Promise<readonly string[]> {
  await host.close();
  return sessions.flatMap(({ asked }) => asked).filter((what) => what !== "close-session");
}

test.each([
  { version: "1.0", capabilities: RUNNING.filter((each) => each !== BASE["1.1"]) },
  { version: "1.1", capabilities: RUNNING },
])(
  "$version: running is locked, edited as a whole, and given back; changes are wiped",
  async ({ version, capabilities }) => {
    const texts: string[] = [];
    const { server, host } = await rig({
      capabilities,
      answer: ({ what, text }) => void (what === "edit-config" && texts.push(text)),
    });
    const changes = [sa("a"), sa("b", { operation: "remove" })];
    const before = changes.map(({ config }) => Buffer.from(config).toString());
    expect(await host.installAll(changes)).toEqual(DONE);
    expect(texts[0]).toContain(
      "<nc:target><nc:running/></nc:target><nc:error-option>rollback-on-error</nc:error-option><nc:config>",
    );
    expect(texts[0]).toContain('<sad-entry nc:operation="create"><name>a</name>');
    expect(texts[0]).toContain(
      `<sad-entry nc:operation="${version === "1.0" ? "delete" : "remove"}"><name>b</name></sad-entry></sad>`,
    );
    expect(changes.every(({ config }) => config.every((byte) => byte === 0))).toBe(true);

    // Byte for byte what it is, where nothing has to be said of it.
    expect(await host.installAll([{ ...sa("a"), operation: "merge" }])).toEqual(DONE);
    expect(texts[1]).toContain(`<nc:config>${before[0]}</nc:config></nc:edit-config></nc:rpc>`);
    expect(host.status()).toMatchObject({ state: "connected", connects: 1, capabilities: { version } });
    const once = ["lock", "edit-config", "unlock"];
    expect(await edits(server, host)).toEqual([...once, ...once]);
  },
);

test("test-then-set only where the server can validate", async () => {
  const texts: string[] = [];
  const capabilities = [...RUNNING, capability("validate:1.1")];
  const { host } = await rig({ capabilities, answer: ({ text }) => void texts.push(text) });
  await host.installAll([sa("a")]);
  expect(texts.join("\n")).toContain("<nc:test-option>test-then-set</nc:test-option>");
});

test.each([
  { capabilities: CANDIDATE, commits: ["commit"] },
  { capabilities: CONFIRMED, commits: ["commit", "commit"] },
])("a candidate is locked, edited, committed ($commits.length), and given back", async ({ capabilities, commits }) => {
  const texts: string[] = [];
  const { server, host } = await rig({
    capabilities,
    answer: ({ what, text }) => void (what === "commit" && texts.push(text)),
  });
  expect(await host.installAll([sa("a"), sa("b")])).toEqual(DONE);
  expect(await edits(server, host)).toEqual(["lock", "edit-config", ...commits, "unlock"]);
  if (commits.length === 2) {
    const [, id] = /<nc:confirmed\/>.*<nc:persist>(.+)<\/nc:persist>/.exec(texts[0]!)!;
    expect(texts[1]).toContain(`<nc:persist-id>${id}</nc:persist-id>`);
  }
});

test.each(["edit-config", "commit"])("a candidate whose %s is refused is discarded", async (fails) => {
  const path = "<error-path xmlns:i=\"urn:x\">/i:ipsec-ikeless/i:sad/i:sad-entry[i:name='b']/i:spi</error-path>";
  const { server, host } = await rig({
    capabilities: CANDIDATE,
    answer: ({ what }) => (what === fails ? error("invalid-value", path) : undefined),
  });
  expect(await host.installAll([sa("a"), sa("b")])).toMatchObject({
    ok: false,
    error: { code: "refused", index: 1, error: { tag: "invalid-value" } },
  });
  expect((await edits(server, host)).slice(-3)).toEqual([fails, "discard-changes", "unlock"]);
});

test("each by itself: what is at fault is told, the others proceed", async () => {
  for (const capabilities of [RUNNING, CANDIDATE]) {
    const { host } = await rig({
      capabilities,
      answer: ({ text }) => (text.includes("<name>b</name>") ? error("data-exists") : undefined),
    });
    expect(await host.installEach([sa("a"), sa("b"), sa("c")])).toMatchObject([
      DONE,
      { ok: false, error: { code: "refused", index: 1, error: { tag: "data-exists" } } },
      DONE,
    ]);
  }
});

test("what the server says is wrong is bounded, and holds no key", async () => {
  const key = "0A:1b:2c:3d:4e:5f:60:71";
  const texts = [key, key.replaceAll(":", ""), key.replaceAll(":", " "), `${"QUJD".repeat(12)}==`];
  const message = `<error-message>bad \u0007 value "${texts.join('" "')}" ${"x ".repeat(5000)}</error-message>`;
  const { host } = await rig({
    answer: ({ what }) => (what === "edit-config" ? error("invalid-value", message) : undefined),
  });
  const refused = JSON.stringify(await host.installAll([sa("a")]));
  for (const text of [...texts, "0A:1b", "QUJDQUJD", String.raw`\u0007`]) expect(refused).not.toContain(text);
  expect(refused.length).toBeLessThan(1500);
});

test("a lock that somebody holds is asked for again, some times", async () => {
  let held = 2;
  const { server, host } = await rig({
    answer: ({ what }) => (what === "lock" && held-- > 0 ? error("lock-denied") : undefined),
  });
  expect(await host.installAll([sa("a")])).toEqual(DONE);
  expect(await edits(server, host)).toEqual(["lock", "lock", "lock", "edit-config", "unlock"]);
});

/** The connection is cut when the first edit has come, done or not. */
function cutOnce(isDone: boolean, at = "edit-config"): Script & { readonly installed: Set<string> } {
  const installed = new Set<string>();
  let isFirst = true;
  return {
    installed,
    answer: ({ what, text, session }: Asked) => {
      const name = /<name>(.*?)<\/name>/.exec(text)?.[1] ?? "";
      if (what === "get-config") return installed.has(name) ? there(name) : "<data/>";
      if (what === at && isFirst) {
        isFirst = false;
        if (isDone) installed.add(name === "" ? "a" : name);
        session.cut();
        return null;
      }
      if (what === "edit-config" && at === what) installed.add(name);
      return undefined;
    },
  };
}

test.each([true, false])(
  "a connection that is lost under way: it is looked for, and not sent twice (done: %s)",
  async (isDone) => {
    const script = cutOnce(isDone);
    const { server, host } = await rig(script);
    expect(await host.installAll([sa("a")])).toEqual(DONE);
    expect(script.installed).toEqual(new Set(["a"]));
    expect(server.operations.filter((what) => what === "edit-config")).toHaveLength(isDone ? 1 : 2);
    expect(host.status().connects).toBe(2);
  },
);

test("one that is lost before the second word of a commit takes the first one back", async () => {
  const script = cutOnce(false, "commit");
  const { server, host } = await rig({ ...script, capabilities: CONFIRMED });
  expect(await host.installAll([sa("a")])).toEqual(DONE);
  expect(await edits(server, host)).toEqual(
    ["lock", "edit-config", "commit", "cancel-commit", "get-config"].concat([
      "lock",
      "edit-config",
      "commit",
      "commit",
      "unlock",
    ]),
  );
});

test("what an agent that ended before the second word of a commit has left is taken back by the next one", async () => {
  const named: string[] = [];
  let isPending = true;
  const { server, host } = await rig({
    capabilities: CONFIRMED,
    answer: ({ what, text }) => {
      named.push(...(/<nc:persist(?:-id)?>(.+)<\/nc:persist/.exec(text)?.slice(1) ?? []));
      if (what === "cancel-commit") isPending = false;
      return what === "lock" && isPending ? error("in-use") : undefined;
    },
  });
  expect(await host.installAll([sa("a")])).toEqual(DONE);
  expect((await edits(server, host)).slice(0, 4)).toEqual(["lock", "cancel-commit", "lock", "edit-config"]);
  expect(new Set(named).size).toBe(1);
});

/** And nobody can look what became of them. */
const muteEdits = ({ what, session }: Asked): null | undefined => {
  if (what === "get-config") session.cut();
  return what === "edit-config" || what === "get-config" ? null : undefined;
};

test("an answer that does not come in time: the host is asked, and where it is mute that is said", async () => {
  const { host } = await rig({ answer: muteEdits }, { timeout_ms: 1200 });
  expect(await host.installAll([sa("a")])).toMatchObject({ ok: false, error: { isUncertain: true } });
});

test("looking never asks for a key; names are as they are", async () => {
  const name = `out/<10.0.0.11> & 'in'`;
  const texts: string[] = [];
  const { host } = await rig({
    answer: ({ what, text }) => {
      texts.push(text);
      return what === "get-config" ? there("out/&lt;10.0.0.11&gt; &amp; 'in'") : undefined;
    },
  });
  expect(
    await host.read([
      { kind: "sad", name },
      { kind: "spd", name: "p" },
    ]),
  ).toEqual({
    ok: true,
    value: [
      { entry: { kind: "sad", name }, isThere: true, reqid: "1", spi: 300 },
      { entry: { kind: "spd", name: "p" }, isThere: false, reqid: null, spi: null },
    ],
  });
  const asked = texts.join("");
  expect(asked).toContain(
    "<sad-entry><name>out/&lt;10.0.0.11&gt; &amp; 'in'</name><reqid/><ipsec-sa-config><spi/></ipsec-sa-config></sad-entry>",
  );
  expect(asked).toContain("<spd-entry><name>p</name><reqid/></spd-entry>");
});

const codeOf = async (host: NetconfHost): Promise<string> => {
  const read = await host.read([sa("a").entry]);
  return read.ok ? "ok" : read.error.code;
};

test("who is not the host that was meant gets no login", async () => {
  const wrong = await rig({}, { host_key: `SHA256:${"B".repeat(43)}` });
  expect(await wrong.host.read([sa("a").entry])).toMatchObject({
    error: { code: "wrong-host-key", fingerprint: wrong.server.fingerprint },
  });
  const { host_key: _, ...rest } = wrong.server.config;
  const file = wrong.server.file("known_hosts");
  const unknown = makeNetconfHost({ ...rest, host_key_file: file });
  onTestFinished(() => unknown.close());
  expect(await unknown.read([sa("a").entry])).toMatchObject({
    error: { code: "host-key-unknown", fingerprint: wrong.server.fingerprint },
  });
  const shown = await fetchHostKey(wrong.server.config, 5000);
  expect(shown).toMatchObject({
    ok: true,
    value: { type: "ecdsa-sha2-nistp256", fingerprint: wrong.server.fingerprint },
  });
  expect(wrong.server.logins).toBe(0);
  writeFileSync(file, shown.ok ? shown.value.line : "");
  expect(await codeOf(unknown)).not.toBe("host-key-unknown");
});

test("a login that is refused is not tried again at once", async () => {
  const { server, host } = await rig();
  writeFileSync(server.config.password_file!, "wrong\n");
  expect(await codeOf(host)).toBe("login-refused");
  const { logins } = server;
  expect(await codeOf(host)).toBe("login-refused");
  expect(server.logins).toBe(logins);
});

test("a file of the login that is missing, a key that is none", async () => {
  const { server } = await rig();
  writeFileSync(server.file("key"), "no key");
  const { password_file: _, ...rest } = server.config;
  for (const name of ["absent", "key"]) {
    const host = makeNetconfHost({ ...rest, key_file: server.file(name) });
    expect(await codeOf(host)).toBe("login-refused");
    await host.close();
  }
});

test.each<[string, string, Script]>([
  ["no-netconf", "no subsystem", { noSubsystem: true }],
  ["no-netconf", "no version that is known", { capabilities: [MODEL] }],
  ["no-netconf", "no XML", { hello: (session) => session.raw("SSH is not NETCONF]]>]]>") }],
  [
    "no-netconf",
    "a document type",
    { hello: (session) => session.raw('<!DOCTYPE a [<!ENTITY b "c">]><hello/>]]>]]>') },
  ],
  ["no-such-model", "other modules", { capabilities: [BASE["1.0"], capability("writable-running:1.0")] }],
])("%s: a server with %s", async (code, _, script) => {
  const { host } = await rig(script);
  expect(await codeOf(host)).toBe(code);
});

test.each<[string, (asked: Asked) => void]>([
  ["a broken frame", ({ session }) => session.raw("\n#nonsense\n")],
  ["a chunk beyond all bounds", ({ session }) => session.raw("\n#4294967295\n")],
  ["no XML", ({ session }) => session.say("<rpc-reply")],
  ["an answer to nothing", ({ session }) => session.say(`<rpc-reply>${OK}</rpc-reply>`)],
  [
    "elements without end",
    ({ session }) => session.say(`<rpc-reply message-id="1">${"<a>".repeat(500)}${"</a>".repeat(500)}</rpc-reply>`),
  ],
  ["a goodbye", ({ session }) => session.end()],
])("%s ends the session, not the agent: the next one is asked", async (_, misbehave) => {
  let isFirst = true;
  const { server, host } = await rig({
    answer: (asked) => {
      if (!isFirst) return "<data/>";
      isFirst = false;
      misbehave(asked);
      return null;
    },
  });
  expect(await codeOf(host)).toBe("ok");
  expect(server.sessions).toHaveLength(2);
});

test("answers out of order, late ones, and large ones", async () => {
  const waiting: Asked[] = [];
  const { host } = await rig({
    answer: (asked) => {
      waiting.push(asked);
      if (waiting.length === 2) {
        const [first, second] = waiting;
        first!.session.reply("77", OK); // of nobody's question
        second!.session.reply(second!.id, there("b"));
        first!.session.reply(first!.id, `${there("a")}<!--${"x".repeat(1_000_000)}-->`);
      }
      return null;
    },
  });
  expect(await Promise.all([host.read([sa("a").entry]), host.read([sa("b").entry])])).toMatchObject([
    { value: [{ isThere: true }] },
    { value: [{ isThere: true }] },
  ]);
});

test("a session that says hello and nothing else is given up before anything is entrusted to it", async () => {
  const { server, host } = await rig({ isMute: ({ number }) => number === 1 });
  expect(await host.installAll([sa("a")])).toEqual(DONE);
  expect(server.sessions.map(({ asked }) => asked.includes("edit-config"))).toEqual([false, true]);
});

test("nobody is there", async () => {
  const { server } = await rig();
  const host = makeNetconfHost(server.config);
  onTestFinished(() => host.close());
  await server.stop();
  expect(await codeOf(host)).toBe("host-unreachable");
  expect(host.status()).toMatchObject({ state: "idle", connects: 0, failure: { code: "host-unreachable" } });
});

test("when it is closed, what is under way fails, and it says goodbye", async () => {
  const asked = Promise.withResolvers<void>();
  const { server, host } = await rig({
    answer: ({ what }) => {
      if (what !== "get-config") return undefined;
      asked.resolve();
      return null;
    },
  });
  const reading = host.read([sa("a").entry]);
  await asked.promise;
  await host.close();
  expect(await reading).toMatchObject({ error: { code: "closed" } });
  expect(server.operations.at(-1)).toBe("close-session");
  expect(await codeOf(host)).toBe("closed");
});

test("changes of another form are not sent", async () => {
  const { server, host } = await rig();
  for (const text of [
    "",
    "<ipsec-ikeless/>",
    "<sad-entry/>",
    '<ipsec-ikeless xmlns="x"><sad><sad-entry></sad-entry></sad><sad><sad-entry></sad-entry></sad></ipsec-ikeless>',
  ]) {
    const result = await host.installAll([{ ...sa("a"), config: Buffer.from(text) }]);
    expect(result).toMatchObject({ error: { code: "too-large" } });
  }
  expect(server.operations).not.toContain("edit-config");
});
