/** Which files of the project the documentation's site is made of. */
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { BESIDES, CONTENTS } from "./contents.ts";

/** What docs/ has besides pages. */
const OTHERS = /^docs\/(?:images\/.*\.(?:png|svg)|schema\/.*\.json)$/;
const PARTS = [
  "docs",
  "shared",
  "examples",
  "tunnel",
  "test/compat",
  "bench/results.md",
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
];

/** Every file that the site is made of, from the project's folder. */
export function docsInputs(project: string): readonly string[] {
  const listed = new Set(CONTENTS.flatMap(({ pages }) => pages));
  return PARTS.flatMap((part) => (part.endsWith(".md") ? [part] : filesIn(project, part))).filter(
    (file) => listed.has(file) || OTHERS.test(file) || BESIDES.some((form) => form.test(file)),
  );
}

const filesIn = (project: string, folder: string): string[] =>
  readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/node_modules|\/dist\//.test(entry.parentPath))
    .map((entry) => relative(project, join(entry.parentPath, entry.name)))
    .toSorted();
