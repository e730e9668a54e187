/**
 * How key files are cut into blocks. Both ends of a link must cut alike, since a block's id is what pairs it with its
 * twin: `<file name>:<byte offset>`, 64 KiB a block, the last one short.
 */
import { LIMITS } from "./limits.ts";

export interface Block {
  readonly id: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Cuts a file of `totalBytes` named `fileName` (no folder) into blocks, in order, without gap or overlap. */
export function* cutBlocks(fileName: string, totalBytes: number): Generator<Block> {
  for (let offset = 0; offset < totalBytes; offset += LIMITS.fileBlockBytes) {
    yield {
      id: `${fileName}:${offset}`,
      offset,
      sizeBytes: Math.min(LIMITS.fileBlockBytes, totalBytes - offset),
    };
  }
}

/** Path and query of the block's PUT. */
export function blockPath(link: string, block: string, node: string): string {
  const segment = encodeURIComponent;
  return `/api/v1/links/${segment(link)}/blocks/${segment(block)}?node=${segment(node)}`;
}
