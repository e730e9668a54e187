/** Operation of the contract -> handler. */
import { deleteAlarms } from "./alarms.ts";
import { getAudit } from "./audit.ts";
import { getDecKeys, postDecKeys } from "./dec-keys.ts";
import { getEncKeys, postEncKeys } from "./enc-keys.ts";
import { getEpochs, postEpochsRoll } from "./epochs.ts";
import type { Handlers } from "./handler.ts";
import { getAwaitedBlocks, putBlockKeyIds } from "./hand-over.ts";
import { getLink, getLinks, postPrefill, putBlock } from "./links.ts";
import {
  getNetwork,
  getNetworkSchema,
  getNetworkVersions,
  postNetworkDiff,
  postNetworkRestore,
  putNetwork,
} from "./network.ts";
import { getRevocations, postRevocations } from "./revocations.ts";
import { useService } from "./services.ts";
import { deleteAgent, deleteSiteAlarms, getSite, getSites, postAgents, postSiteReports } from "./sites.ts";
import { getDocs, getHealthz, getOpenapi } from "./service.ts";
import { getStatus } from "./status.ts";
import {
  actionAttach,
  actionCheckId,
  actionClose,
  actionExchange,
  actionGetId,
  actionGetKey,
  actionOpenConnect,
  actionOpenStream,
} from "./streams/module-actions.ts";
import {
  literalAvailableKeys,
  literalClose,
  literalGetKey,
  literalOpenConnect,
  literalStart,
  literalSync,
} from "./streams/module-literals.ts";
import { getStreamSocket, postStreamClose, postStreamKey, postStreams } from "./streams/native.ts";
import { getTunnel, postNonces } from "./tunnel.ts";
import { getWhoami } from "./whoami.ts";

export const HANDLERS: Handlers = {
  getStatus,
  getEncKeys,
  postEncKeys,
  getDecKeys,
  postDecKeys,
  postStreams,
  postStreamKey,
  postStreamClose,
  getStreamSocket,
  actionOpenConnect,
  actionGetKey,
  actionClose,
  actionGetId,
  actionGetIdAsDocumented: actionGetId,
  actionCheckId,
  actionCheckIdAsDocumented: actionCheckId,
  actionOpenStream,
  actionExchange,
  actionAttach,
  literalOpenConnect,
  literalGetKey,
  literalClose,
  literalAvailableKeys,
  literalSync,
  literalStart,
  getNetwork,
  putNetwork,
  getNetworkVersions,
  postNetworkDiff,
  postNetworkRestore,
  getNetworkSchema,
  getRevocations,
  postRevocations,
  getLinks,
  getLink,
  putBlock,
  putBlockKeyIds,
  getAwaitedBlocks,
  postPrefill,
  deleteAlarms,
  getSites,
  getSite,
  postAgents,
  deleteAgent,
  deleteSiteAlarms,
  postSiteReports,
  postNonces,
  getTunnel,
  useService,
  getEpochs,
  postEpochsRoll,
  getAudit,
  getWhoami,
  getHealthz,
  getOpenapi,
  getDocs,
};
