/** One process a spool: two would give the same number to different blocks. */
import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import net from "node:net";
import { codeOf } from "../log.ts";

/**
 * Holds the folder until the returned function is called or the process ends, however it ends: the kernel drops an
 * abstract socket with its last owner. Elsewhere than on Linux there are none, and a socket file would outlive a kill:
 * there nothing is held.
 *
 * @throws Error where another process holds it
 */
export async function holdFolder(folder: string): Promise<() => Promise<void>> {
  if (process.platform !== "linux") return async () => {};
  const name = createHash("sha256")
    .update(await realpath(folder))
    .digest("hex")
    .slice(0, 32);
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(codeOf(error) === "EADDRINUSE" ? new Error(`${folder}: another process uses this spool`) : error),
    );
    server.listen(`\0qkd-spool-${name}`, resolve);
  });
  server.unref();
  return async () => {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
}
