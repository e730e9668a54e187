#!/usr/bin/env node
/**
 * `qkd-agent`: a site's end of the tunnel. Here only how its process collects garbage is set, before anything is loaded.
 *
 * What passes through an agent lies in buffers outside V8's heap, tens of kilobytes behind an object of a hundred bytes. V8
 * frees such a buffer when it next collects its object, and collects the young ones when their space is full. That space
 * grows by itself up to 16 MB, which is gigabytes of buffers: before it is ever full, the memory outside has V8 mark the
 * whole heap, many times a second, at half of the agent's CPU time. Kept small, it is full in time.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--semi-space-growth-factor=1");
await import("./agent/main.ts");
