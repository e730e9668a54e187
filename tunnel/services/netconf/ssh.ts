/** SSH to a NETCONF server, up to its subsystem `netconf` (RFC 6242 3). */
import { Client, type ClientChannel, type ConnectConfig } from "ssh2";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { reasonOf } from "../../agent/reason.ts";
import { codeOf } from "../../log.ts";
import type { NetconfConfig } from "./config.ts";
import { failed, failure, type NetconfFailure } from "./failure.ts";
import { hostKeyFault, pinsFor, signaturesFor } from "./host-key.ts";
import { firstLine, readFile } from "./secret-files.ts";

export interface SshSubsystem {
  readonly channel: ClientChannel;
  /** Breaks the connection off. */
  destroy(): void;
}

type Opened = Result<SshSubsystem, NetconfFailure>;

/** Within `timeout_ms`. No error is thrown, and none comes later: the channel then closes. */
export async function openSubsystem(config: NetconfConfig, signal: AbortSignal): Promise<Opened> {
  const settings = await settingsFor(config);
  if (!settings.ok) return settings;
  const client = new Client();
  const { promise, resolve } = Promise.withResolvers<Opened>();
  let fault: NetconfFailure | null = null;
  const give = (reason: NetconfFailure): void => resolve({ ok: false, error: fault ?? reason });
  const place = `${config.host} port ${config.port}`;
  const onAbort = (): void => give(failure("closed", "closed by this end"));
  const timer = setTimeout(
    () => give(failure("host-unreachable", `${place}: no NETCONF session within ${config.timeout_ms} ms`)),
    config.timeout_ms,
  );
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();

  client.on("error", (error: Error & { readonly level?: string }) =>
    give(
      error.level === "client-authentication"
        ? failure("login-refused", `${place} refuses the login of ${config.user}`)
        : failure("host-unreachable", `${place}: ${reasonOf(error)}`),
    ),
  );
  client.on("close", () => give(failure("host-unreachable", `${place}: it hung up`)));
  client.on("keyboard-interactive", (_name, _words, _language, prompts, answer) => {
    // A password is asked for once, and not shown while it is typed.
    const [prompt] = prompts;
    answer(prompts.length === 1 && prompt?.echo !== true ? [settings.value.password ?? ""] : []);
  });
  client.on("ready", () => {
    client.subsys("netconf", (error, channel) => {
      if (error === undefined) {
        channel.stderr.resume(); // a channel with something unread never closes
        resolve(ok({ channel, destroy: () => client.destroy() }));
      } else give(failure("no-netconf", `${place} has no SSH subsystem netconf`));
    });
  });
  try {
    client.connect(connectConfig(config, settings.value, (refused) => (fault = refused)));
    client.setNoDelay(true); // the handshake, too: each of its small messages would wait 40 ms
  } catch {
    give(failure("login-refused", `${config.key_file}: no private key, or one of another passphrase`)); // of the key alone
  }

  const opened = await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", onAbort);
  if (!opened.ok) client.destroy();
  return opened;
}

function connectConfig(
  config: NetconfConfig,
  { pins, ...login }: Settings,
  onFault: (fault: NetconfFailure | null) => void,
): ConnectConfig {
  return {
    ...login,
    host: config.host,
    port: config.port,
    username: config.user,
    tryKeyboard: login.password !== undefined,
    readyTimeout: config.timeout_ms,
    keepaliveInterval: config.keep_alive_ms,
    keepaliveCountMax: LIMITS.netconfKeepAlivesMissed,
    algorithms: { serverHostKey: [...signaturesFor(pins)] as never },
    hostVerifier: (key: Buffer): boolean => {
      const fault = hostKeyFault(key, pins, config);
      onFault(fault);
      return fault === null;
    },
  };
}

type Login = Pick<ConnectConfig, "password" | "privateKey" | "passphrase">;
type Settings = Login & { readonly pins: Awaited<ReturnType<typeof pinsFor>> };

/** Files are read for each connection: what was changed counts from the next one on. */
async function settingsFor(config: NetconfConfig): Promise<Result<Settings, NetconfFailure>> {
  const { password_file: password, key_file: key, passphrase_file: passphrase } = config;
  try {
    return ok({
      pins: await pinsFor(config),
      ...(password === undefined ? {} : { password: await firstLine(password) }),
      ...(key === undefined ? {} : { privateKey: await readFile(key) }),
      ...(passphrase === undefined ? {} : { passphrase: await firstLine(passphrase) }),
    });
  } catch (thrown) {
    return failed(
      "login-refused",
      `${config.host} port ${config.port} was not asked: ${codeOf(thrown) === undefined ? "a file of the login cannot be read" : reasonOf(thrown)}`,
    );
  }
}
