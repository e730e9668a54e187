/** Access and refresh tokens of the KMS API: `qkdk.<client>.<256 random bits, base64url>`. */
import { namedTokens } from "../auth/named-token.ts";

const TOKENS = namedTokens("qkdk");

/** @param random 32 bytes */
export const kmsToken = TOKENS.write;

/** The OAuth client whose TokenIssuer knows a token of this form; null for any other. */
export const clientOfKmsToken = TOKENS.nameOf;
