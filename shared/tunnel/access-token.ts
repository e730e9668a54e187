/** Tokens that a hub gives an agent with its connection, for the REST API: `qkda.<site>.<256 random bits, base64url>`. */
import { namedTokens } from "../auth/named-token.ts";

const TOKENS = namedTokens("qkda");

/** @param random 32 bytes */
export const accessToken = TOKENS.write;

/** The site whose hub knows a token of this form; null for any other. */
export const siteOfAccessToken = TOKENS.nameOf;
