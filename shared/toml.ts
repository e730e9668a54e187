/** TOML with a line for everything that is wrong in it: its syntax, and what its values shall be. */
import { type AST, getStaticTOMLValue, ParseError, parseTOML } from "toml-eslint-parser";
import * as v from "valibot";
import { err, ok, type Result } from "./result.ts";

export interface TomlFault {
  /** From 1. */
  readonly line: number;
  /** `service.0.port`; empty where the syntax is at fault. */
  readonly field: string;
  readonly message: string;
}

type Key = string | number;

export function parseToml<Schema extends v.GenericSchema>(
  text: string,
  schema: Schema,
): Result<v.InferOutput<Schema>, readonly TomlFault[]> {
  const document = readSyntax(text);
  if (!document.ok) return document;
  const parsed = v.safeParse(schema, getStaticTOMLValue(document.value));
  if (parsed.success) return ok(parsed.output);
  const lines = linesOf(document.value);
  return err(
    parsed.issues.map((issue) => {
      const path = (issue.path ?? []).map(({ key }) => key as Key);
      return { line: lineOf(lines, path), field: path.join("."), message: messageOf(issue) };
    }),
  );
}

function readSyntax(text: string): Result<AST.TOMLProgram, readonly TomlFault[]> {
  try {
    return ok(parseTOML(text));
  } catch (thrown) {
    if (!(thrown instanceof ParseError)) throw thrown;
    return err([{ line: thrown.lineNumber, field: "", message: thrown.message }]);
  }
}

function messageOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type === "strict_object" && issue.expected === "never") return "no such field";
  if (issue.kind === "schema" && issue.input === undefined) return "missing";
  return issue.message;
}

const nameOf = (path: readonly Key[]): string => JSON.stringify(path.map(String));

/** Where each table, key and value begins. */
function linesOf(document: AST.TOMLProgram): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  // What is written first is where a table begins: `[log]` stands before `[log.file]`.
  const note = (path: readonly Key[], line: number): void => {
    for (let length = 1; length <= path.length; length++) {
      const name = nameOf(path.slice(0, length));
      if (!lines.has(name)) lines.set(name, line);
    }
  };
  const visit = (path: readonly Key[], node: AST.TOMLContentNode): void => {
    note(path, node.loc.start.line);
    if (node.type === "TOMLArray") node.elements.forEach((element, index) => visit([...path, index], element));
    else if (node.type === "TOMLInlineTable") node.body.forEach((entry) => visitEntry(path, entry));
  };
  const visitEntry = (path: readonly Key[], { key, value }: AST.TOMLKeyValue): void =>
    visit([...path, ...getStaticTOMLValue(key)], value);
  for (const node of document.body[0].body) {
    if (node.type === "TOMLKeyValue") visitEntry([], node);
    else {
      note(node.resolvedKey, node.loc.start.line);
      for (const entry of node.body) visitEntry(node.resolvedKey, entry);
    }
  }
  return lines;
}

/** What is missing is reported where the table begins that it is missing in. */
function lineOf(lines: ReadonlyMap<string, number>, path: readonly Key[]): number {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(nameOf(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return 1;
}
