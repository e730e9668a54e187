/** Statuses of qkd-module 1.0: those of ETSI GS QKD 004, its own from 9 on, and its messages, letter by letter. */
import { STATUS } from "../status.ts";

export const MODULE_STATUS = {
  ...STATUS,
  "indexes-unavailable": 10,
  "not-initialised": 11,
  "already-initialised": 12,
  "registration-failed": 13,
  "oidc-failed": 14,
} as const;

export type ModuleStatusName = keyof typeof MODULE_STATUS;

export const MODULE_MESSAGES: Readonly<Record<ModuleStatusName, string>> = {
  success: "successfull",
  "peer-not-connected": "Successful connection, but peer not connected",
  "insufficient-key": "GET_KEY failed because insufficient key available",
  "peer-not-yet-connected": "GET_KEY failed because peer application is not yet connected",
  "no-connection": "No QKD connection available",
  "ksid-in-use": "OPEN_CONNECT failed because the KSID is already in use",
  timeout: "TIMEOUT_ERROR The call failed because the specified TIMEOUT",
  "qos-not-met": "OPEN failed because requested QoS settings could not be met",
  "metadata-too-small": "GET_KEY failed because metadata field size insufficient",
  "unknown-ksid": "Request failed because KSID not found",
  "indexes-unavailable": "CHECK_ID failed because some ids are not available",
  "not-initialised": "Error during QKDM or component initialization",
  "already-initialised":
    "Module already initialized : restart it and force reset if you want to attatch to a new server",
  "registration-failed": "Unable to complete registration to requested QKS",
  "oidc-failed": "OIDC error : unable to authenticate",
};

/** qkd-module 0.9 has those of ETSI GS QKD 004 V1.1.1. */
export const V09_STATUS = { SUCCESSFUL: 0, INSUFFICIENT_KEY_AVAILABLE: 1, NO_QKD_CONNECTION_AVAILABLE: 2 } as const;
