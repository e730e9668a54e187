/** Builds what `npm start` would build at its first run, so that an image needs no tools for it. */
import { ensureBundle } from "../scripts/start/bundle.ts";

const PATIENCE_MS = 300_000;

process.stdout.write(`${await ensureBundle(AbortSignal.timeout(PATIENCE_MS))}\n`);
