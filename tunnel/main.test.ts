/** The agent as a process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { connectTo, readToEnd, serve, startHub, temporaryFolder, tokenFile } from "../test/support/tunnel-agent.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves once the text has been written to either. */
  readonly seen: (words: string) => Promise<void>;
  readonly code: Promise<number | null>;
}

function run(...argv: string[]): Run {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const texts = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const code = once(child, "close").then(([status]) => status as number | null);
  return {
    child,
    code,
    out: () => texts.stdout,
    err: () => texts.stderr,
    async seen(words) {
      while (!`${texts.stdout}${texts.stderr}`.includes(words)) {
        const { promise, resolve } = Promise.withResolvers<void>();
        listeners.add(resolve);
        await Promise.race([
          promise,
          code.then(() => Promise.reject(new Error(`ended without "${words}": ${texts.stdout}${texts.stderr}`))),
        ]);
        listeners.delete(resolve);
      }
    },
  };
}

/** With options of a site of this hub. */
const optionsOf = (hub: { readonly url: string; token(site: string): string }, site: string) => [
  hub.url,
  "--site",
  site,
  "--token-file",
  tokenFile(hub.token(site)),
  "--state",
  temporaryFolder(),
];

test("help, and wrong usage in one line", async () => {
  const help = run("--help");
  expect(await help.code).toBe(0);
  expect(help.out()).toContain("-R [bind:]port:host:port");
  const wrong = run("-R", "9000", "https://edge.example", "--site", "a");
  expect(await wrong.code).toBe(2);
  expect(wrong.err()).toBe(
    "qkd-agent: -R 9000: shall be [bind:]port:host:port, with IPv6 addresses in brackets (qkd-agent --help tells more)\n",
  );
  const check = run("check", "/gone/agent.toml");
  expect(await check.code).toBe(1);
});

test("ssh -R on one side and -L on the other; SIGTERM ends both in order", async () => {
  const hub = await startHub({ links: { "site-a": ["site-b"] } });
  const port = await serve((socket) => void socket.pipe(socket));
  const one = run("-N", "-R", `0:127.0.0.1:${port}`, ...optionsOf(hub, "site-a"));
  await one.seen("serves the site");
  expect(one.out()).toMatch(new RegExp(`^Allocated port \\d+ for remote forward to 127\\.0\\.0\\.1:${port}\n`));
  expect(one.out()).toContain("no --allow: open to the sites that have a QKD link with site-a (@linked)");
  const [service] = await hub.servicesOf("site-a");
  const other = run("-L", `0:site-a/${service?.name}`, ...optionsOf(hub, "site-b"));
  await other.seen("connected");
  const listening = Number(/listening bind=127\.0\.0\.1 port=(\d+)/.exec(other.err())?.[1]);
  const socket = await connectTo(listening);
  socket.end("through both");
  expect(String(await readToEnd(socket))).toBe("through both");
  one.child.kill("SIGUSR2");
  await one.seen("gauges");
  for (const { child, code } of [one, other]) {
    child.kill("SIGTERM");
    expect(await code).toBe(0);
  }
  expect(one.err()).toContain("ended");
  expect(hub.ownerOf("site-a")).toBeNull();
});

test("-f: prints its process and goes on without its parent", async () => {
  const hub = await startHub();
  const state = temporaryFolder();
  const token = tokenFile(hub.token("site-a"));
  const parent = run(
    "-f",
    "-R",
    "9000:127.0.0.1:1",
    hub.url,
    "--site",
    "site-a",
    "--token-file",
    token,
    "--state",
    state,
  );
  expect(await parent.code).toBe(0);
  const pid = Number(/process (\d+), log in /.exec(parent.out())?.[1]);
  onTestFinished(() => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended, as it should.
    }
  });
  expect(readFileSync(path.join(state, "agent.pid"), "utf8")).toBe(`${pid}\n`);
  expect(parent.err()).toContain("connected");
  const owner = hub.ownerOf("site-a")!;
  const gone = once(owner, "close");
  process.kill(pid, "SIGTERM");
  await gone;
  // The process ends after its socket; its last line is in the log by then or soon after.
  while (existsSync(path.join(state, "agent.pid"))) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(readFileSync(path.join(state, "agent.log"), "utf8")).toContain("ended");
});

test("-f does not go to the background with a refusal", async () => {
  const hub = await startHub();
  hub.enrolStatus = 401;
  const parent = run("-f", "-R", "9000:127.0.0.1:1", ...optionsOf(hub, "site-a"));
  expect(await parent.code).toBe(1);
  expect(parent.err()).toContain("the edge does not know the token");
});

test("check: exit 1 and a line for what is wrong, 0 where nothing is", async () => {
  const hub = await startHub();
  const port = await serve(() => undefined);
  const fine = run("check", "-R", `1:127.0.0.1:${port}`, ...optionsOf(hub, "site-a"));
  expect(await fine.code).toBe(0);
  expect(fine.out()).not.toContain("FAILED");
  const wrong = run("check", "-R", "1:127.0.0.1:1", ...optionsOf(hub, "site-a"));
  expect(await wrong.code).toBe(1);
  expect(
    wrong
      .out()
      .split("\n")
      .filter((line) => line.startsWith("FAILED")),
  ).toHaveLength(1);
});
