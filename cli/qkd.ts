#!/usr/bin/env node
/** `npm run qkd -- <command>`: the operator's command line. */
import { processTerminal } from "./lib/terminal.ts";
import { runCli } from "./run.ts";

// `qkd ... | head` closes the pipe early: that is the reader's choice, not an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

/** npm runs scripts in the project's folder; files named on the command line are relative to where the user was. */
const cwd = process.env["npm_lifecycle_event"] === "qkd" ? (process.env["INIT_CWD"] ?? process.cwd()) : process.cwd();

process.exitCode = await runCli(process.argv.slice(2), processTerminal(), { env: process.env, cwd });
