import { expect, test } from "vitest";
import { webSocketUrl } from "./web-socket-url.ts";

test.each([
  ["https://kms.example.org/messenger/", "wss://kms.example.org/api/v1/rooms/sae-b"],
  ["http://127.0.0.1:8787/#/links/a", "ws://127.0.0.1:8787/api/v1/rooms/sae-b"],
])("of a page at %s", (page, url) => expect(webSocketUrl("/api/v1/rooms/sae-b", page).href).toBe(url));
