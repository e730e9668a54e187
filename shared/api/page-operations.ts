/** Pages that people open in a browser: static files, built into `dist/web`. What they may do is said in workers/routes/pages.ts. */
import type { Operation } from "./operation.ts";

export const PAGES = {
  openMessenger: {
    method: "get",
    path: "/messenger",
    tag: "Pages",
    summary: "The messenger, without its closing slash",
    action: null,
    responses: { 308: { description: "To /messenger/" } },
    errors: [],
    curl: "/messenger",
  },
  getMessenger: {
    method: "get",
    path: "/messenger/{+file}",
    tag: "Pages",
    summary: "The messenger, an example: two people at two sites talk under keys of their sites",
    description: "Static files, the page itself where no file is named. See docs/messenger.md.",
    action: null,
    pathParameters: { file: "Of the page's files; nothing for the page itself." },
    responses: { 200: { description: "The page, or a file of it", contentType: "text/html" } },
    errors: ["not-found"],
    streams: true,
    curl: "/messenger/",
  },
} as const satisfies Record<string, Operation>;
