/** What wrangler runs before it bundles the Worker (see wrangler.toml): the modules it imports, and the pages it serves. */
import { extractKems } from "./kem/extract.ts";
import { buildPages } from "./web/build.ts";

// One after the other: the first stands in for WebAssembly's own `instantiate` meanwhile, which the second's tools use.
await extractKems();
await buildPages();
