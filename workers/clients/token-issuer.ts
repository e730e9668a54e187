/** The TokenIssuer objects, one an OAuth client of the KMS API, and what they say of its tokens. */
import type { TokenHolder, TokenIssuerRpc } from "../../shared/open-qkd-network/types.ts";
import type { Env } from "../env.ts";
import { TokenWords } from "./token-words.ts";

/** @param client of the network document: no stranger shall wake objects by making up names */
export const issuerOf = (env: Env, client: string): TokenIssuerRpc => env.TOKEN_ISSUER.getByName(client);

/** This isolate's. */
export const kmsTokenWords = new TokenWords<TokenHolder>();
