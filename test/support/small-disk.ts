/** A disk that has room for so many more bytes, as a spool opens files on it. */
import { type FileHandle, open } from "node:fs/promises";

const full = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

export function smallDisk(limit: { bytes: number }) {
  return async (file: string, flags: string | number, mode?: number): Promise<FileHandle> => {
    const handle = await open(file, flags, mode);
    const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
    const writeFile = handle.writeFile.bind(handle);
    handle.write = (async (...args: unknown[]) => {
      limit.bytes -= args[2] as number;
      if (limit.bytes < 0) throw full();
      return await write(...args);
    }) as unknown as typeof handle.write;
    handle.writeFile = async (...args: Parameters<typeof writeFile>) => {
      if (limit.bytes < 0) throw full();
      await writeFile(...args);
    };
    return handle;
  };
}
