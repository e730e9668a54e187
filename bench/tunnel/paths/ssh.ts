/**
 * `ssh -R`, as QKD devices are reached today: OpenSSH as it comes, with keys and configuration of its own in a folder of
 * its own. Nothing of the system's is read or written.
 *
 * Once as users leave it running, `ssh -N -R`, and once with a terminal: only then does OpenSSH turn Nagle's algorithm
 * off. Without, most connections wait 40 ms for a delayed acknowledgement when they are set up.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { accessSync, chmodSync, chownSync, constants, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { userInfo, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { end } from "../../processes/child.ts";
import { freePort } from "../../../scripts/start/ports.ts";
import { endsWithThis, whenInterrupted } from "./guard.ts";
import { Output } from "./output.ts";
import type { DevicePorts, Path } from "./path.ts";

const TOOLS = ["sshd", "ssh", "ssh-keygen"] as const;
type Tools = Readonly<Record<(typeof TOOLS)[number], string>>;
/** Where sshd is, and users' PATH is not. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/sbin"];
/**
 * Without privileges sshd serves its own user only, and needs neither a user `sshd` nor a folder in /run. For a bench
 * run by root: a user of every Linux (LSB) whose account is not locked (systemd says that `nobody` is), in the group of
 * terminals, or it could not give itself one.
 */
const UNPRIVILEGED = { name: "daemon", uid: 1, gid: 5 };
/** Keeps the terminal's session open without a shell, which such a user has not. */
const SUBSYSTEM = "sftp";
const HOST = "127.0.0.1";

/** @returns how to begin, or which tools are not installed */
export function findSsh(): { readonly tools: Tools } | { readonly missing: readonly string[] } {
  const found = TOOLS.map((name) => [name, pathOf(name)] as const);
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  return missing.length > 0 ? { missing } : { tools: Object.fromEntries(found) as Tools };
}

function pathOf(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Without a terminal, and with one. */
type Mode = "ssh" | "sshTerminal";

export async function startSsh(tools: Tools, device: DevicePorts, mode: Mode): Promise<Path> {
  const folder = mkdtempSync(join(tmpdir(), "qkd-bench-ssh-"));
  const children: ChildProcess[] = [];
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  const interrupted = whenInterrupted(removeFolder);
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await end(child);
    interrupted();
    removeFolder();
  };
  try {
    const port = await freePort();
    const user = writeFiles(tools, folder, port);
    const server = spawn(tools.sshd, ["-D", "-e", "-f", join(folder, "sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"],
      ...(user === UNPRIVILEGED ? { uid: user.uid, gid: user.gid } : {}),
    });
    children.push(endsWithThis(server));
    await new Output("sshd", server).line(/^Server listening on /);
    const client = spawn(tools.ssh, clientArguments(folder, user.name, port, device, mode), {
      stdio: ["pipe", "ignore", "pipe"],
    });
    children.push(endsWithThis(client));
    const output = new Output("ssh", client);
    const portTo = async (target: number): Promise<number> => {
      const line = await output.line(new RegExp(`^Allocated port [0-9]+ for remote forward to ${HOST}:${target}\\b`));
      return Number(line.split(" ")[2]);
    };
    const http = `http://${HOST}:${await portTo(device.http)}`;
    const [bulk, echo, h2c] = [await portTo(device.bulk), await portTo(device.echo), await portTo(device.h2c)];
    const endpoints = { bulk, echo, h2c, http: { url: http, token: null } };
    return { name: mode, endpoints, diagnosis: () => output.text, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** Keys of both ends, and what they are told about each other. @returns who may log in */
function writeFiles(tools: Tools, folder: string, port: number): { name: string; uid: number; gid: number } {
  const user = process.getuid?.() === 0 ? UNPRIVILEGED : { ...userInfo(), name: userInfo().username };
  const file = (name: string): string => join(folder, name);
  const publicKeyOf = (name: string): string => {
    execFileSync(tools["ssh-keygen"], ["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", file(name)]);
    return execFileSync(tools["ssh-keygen"], ["-y", "-f", file(name)], { encoding: "utf8" });
  };
  const host = publicKeyOf("host_key");
  writeFileSync(file("known_hosts"), `[${HOST}]:${port} ${host}`);
  writeFileSync(file("authorized_keys"), publicKeyOf("user_key"));
  writeFileSync(file("sshd_config"), serverConfig(file, port));
  if (user === UNPRIVILEGED) {
    for (const name of [".", ...readdirSync(folder)]) chownSync(file(name), user.uid, user.gid);
    chmodSync(folder, 0o755);
  }
  return user;
}

const serverConfig = (file: (name: string) => string, port: number): string =>
  [
    `ListenAddress ${HOST}:${port}`,
    `HostKey ${file("host_key")}`,
    `AuthorizedKeysFile ${file("authorized_keys")}`,
    "AuthenticationMethods publickey",
    "UsePAM no",
    // The folder's parent belongs to everybody.
    "StrictModes no",
    "PidFile none",
    `Subsystem ${SUBSYSTEM} internal-sftp`,
    "",
  ].join("\n");

function clientArguments(folder: string, user: string, port: number, device: DevicePorts, mode: Mode): string[] {
  const options = [
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ExitOnForwardFailure=yes",
    `UserKnownHostsFile=${join(folder, "known_hosts")}`,
  ].flatMap((option) => ["-o", option]);
  const forwards = Object.values(device).flatMap((target) => ["-R", `${HOST}:0:${HOST}:${target}`]);
  const key = join(folder, "user_key");
  const to = `${user}@${HOST}`;
  const session = mode === "ssh" ? ["-N", to] : ["-tt", "-s", to, SUBSYSTEM];
  return ["-F", "none", "-i", key, "-p", String(port), ...options, ...forwards, ...session];
}
