/** Answers of the edge, checked against the schemas it promises. */
import * as v from "valibot";
import { CliFailure } from "./failure.ts";

/** @throws CliFailure naming the first member that is not as promised */
export function expectShape<Schema extends v.GenericSchema>(schema: Schema, json: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? "";
  throw new CliFailure(
    `the edge's answer is not what this version expects${where === "" ? "" : ` at ${where}`}: ${issue.message}`,
    "is its version another one?",
  );
}
