/** What a NETCONF server says (RFC 6241, RFC 5277), read with suspicion: no entities, no endless depth. */
import { XMLParser } from "fast-xml-parser";
import { LIMITS } from "../../../shared/limits.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { shownMessage, shownPath, shownTag } from "./hidden.ts";
import { hasTooMuchMarkup } from "./markup.ts";

/** An element without text is a text; attributes begin with `@`. A list of one is not one: see `listOf`. */
export type XmlNode = string | { readonly [name: string]: XmlNode | readonly XmlNode[] };

export type RpcFault = {
  readonly tag: string;
  /** As the server wrote it: not for people. */
  readonly rawPath: string;
  readonly path: string | null;
  readonly message: string | null;
};

export type ServerMessage =
  | { readonly kind: "hello"; readonly capabilities: readonly string[] }
  | {
      readonly kind: "reply";
      /** Null: it answers nothing that it could read. */
      readonly id: string | null;
      readonly faults: readonly RpcFault[];
      readonly data: XmlNode | undefined;
    }
  | { readonly kind: "notification"; readonly xml: string };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: LIMITS.netconfDepth,
});
const decoder = new TextDecoder("utf-8", { fatal: true });

export function readMessage(bytes: Uint8Array): Result<ServerMessage, string> {
  try {
    const text = decoder.decode(bytes);
    if (hasTooMuchMarkup(text)) return err("a message with more elements than anybody has asked for");
    if (text.includes("<!DOCTYPE")) return err("a message with a document type");
    const root = parser.parse(text, true) as Readonly<Record<string, XmlNode>>;
    const { hello, "rpc-reply": reply, notification } = root;
    if (Object.keys(root).length !== 1 || Object.values(root).some(Array.isArray)) return err("no NETCONF message");
    if (notification !== undefined) return ok({ kind: "notification", xml: text.trim() });
    if (reply !== undefined) return ok(readReply(reply));
    if (hello !== undefined) return ok({ kind: "hello", capabilities: capabilitiesOf(hello) });
    return err("no NETCONF message");
  } catch {
    return err("a message that is no XML"); // the parser's words may quote it
  }
}

export const child = (node: XmlNode | undefined, name: string): XmlNode | undefined => {
  const found = typeof node === "object" && Object.hasOwn(node, name) ? node[name] : undefined;
  return Array.isArray(found) ? (found as readonly XmlNode[])[0] : (found as XmlNode | undefined);
};

export const listOf = (node: XmlNode | undefined, name: string): readonly XmlNode[] => {
  const found = typeof node === "object" && Object.hasOwn(node, name) ? node[name] : undefined;
  if (found === undefined) return [];
  return Array.isArray(found) ? (found as readonly XmlNode[]) : [found as XmlNode];
};

/** Of an element that has text only, with or without attributes. */
export const textOf = (node: XmlNode | undefined): string | null => {
  const value = typeof node === "object" ? child(node, "#text") : node;
  return typeof value === "string" ? value : null;
};

const capabilitiesOf = (hello: XmlNode): readonly string[] =>
  listOf(child(hello, "capabilities"), "capability")
    .slice(0, LIMITS.netconfCapabilities)
    .map((each) => (textOf(each) ?? "").trim());

function readReply(reply: XmlNode): ServerMessage {
  const faults = listOf(reply, "rpc-error")
    .filter((each) => textOf(child(each, "error-severity")) !== "warning")
    .slice(0, LIMITS.netconfErrors)
    .map(readFault);
  return { kind: "reply", id: textOf(child(reply, "@message-id")), faults, data: child(reply, "data") };
}

function readFault(error: XmlNode): RpcFault {
  const rawPath = textOf(child(error, "error-path")) ?? "";
  const message = textOf(child(error, "error-message"));
  return {
    tag: shownTag(textOf(child(error, "error-tag"))),
    rawPath: rawPath.slice(0, LIMITS.uriBytes),
    path: rawPath === "" ? null : shownPath(rawPath),
    message: message === null ? null : shownMessage(message),
  };
}
