/** What wrangler runs before it bundles the Worker: see wrangler.toml. */
import { extractKems } from "./extract.ts";

await extractKems();
