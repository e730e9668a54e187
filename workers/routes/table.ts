/** Operation of the contract -> handler. */
import { deleteAlarms } from "./alarms.ts";
import { getAudit, getAuditCheckpoints, getAuditKeys, postAuditCheckpoint } from "./audit.ts";
import { deleteAcknowledgement, getAlarms, getWebhooks, postAcknowledgement } from "./deployment-alarms.ts";
import { getDecKeys, postDecKeys } from "./dec-keys.ts";
import { getEncKeys, postEncKeys } from "./enc-keys.ts";
import { getEpochs, postEpochsRoll } from "./epochs.ts";
import type { Handlers } from "./handler.ts";
import { getAwaitedBlocks, putBlockKeyIds } from "./hand-over.ts";
import { getKmapiVersions, postExtKeys, postExtKeysAck, postExtKeysVoid } from "./kmapi.ts";
import {
  deleteIpsecAlarms,
  deleteIpsecEntries,
  getIpsecEntries,
  postCreateQkd,
  postIpsecEntries,
  postIpsecNotifications,
  postIpsecRekey,
} from "./ipsec.ts";
import { getLegacyVersions, postLegacyDiscover, postLegacyExtKeys, postLegacyVoid } from "./legacy.ts";
import { getLink, getLinks, postPrefill, putBlock } from "./links.ts";
import { getMonitor, getMonitorHistory, getMonitorLive } from "./monitor.ts";
import { getMetrics } from "./metrics.ts";
import {
  getNetwork,
  getNetworkSchema,
  getNetworkVersions,
  postNetworkDiff,
  postNetworkRestore,
  putNetwork,
} from "./network.ts";
import { deleteNodeAlarms, getNode, getNodeRoute, getNodes } from "./nodes.ts";
import { getKey, newKey } from "./open-qkd-network/keys.ts";
import { postToken, postTokenRevocation } from "./open-qkd-network/tokens.ts";
import { deletePairAlarms, getPairs } from "./pairs.ts";
import { getDashboard, getDashboardFile, getDocsFile, getMessenger, openDocs, openMessenger } from "./pages.ts";
import { getNodeIdentity, postPeerQuestion } from "./peers.ts";
import { getRevocations, postRevocations } from "./revocations.ts";
import { getRoom } from "./rooms.ts";
import { deleteSession, getSession, postSession } from "./session.ts";
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
  getKmapiVersions,
  postExtKeys,
  postExtKeysAck,
  postExtKeysVoid,
  postToken,
  postTokenRevocation,
  getNewKey: newKey,
  postNewKey: newKey,
  getGetKey: getKey,
  postGetKey: getKey,
  postStreams,
  postStreamKey,
  postStreamClose,
  getStreamSocket,
  getRoom,
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
  getAlarms,
  postAcknowledgement,
  deleteAcknowledgement,
  getWebhooks,
  getSites,
  getSite,
  postAgents,
  deleteAgent,
  deleteSiteAlarms,
  postSiteReports,
  postNonces,
  getTunnel,
  useService,
  getNodes,
  getNode,
  getNodeRoute,
  deleteNodeAlarms,
  getPairs,
  deletePairAlarms,
  getNodeIdentity,
  postPeerQuestion,
  postLegacyDiscover,
  getLegacyVersions,
  postLegacyExtKeys,
  postLegacyVoid,
  postIpsecEntries,
  postIpsecRegister: postIpsecEntries,
  deleteIpsecEntries,
  getIpsecEntries,
  postCreateQkd,
  postIpsecRekey,
  postIpsecNotifications,
  deleteIpsecAlarms,
  getEpochs,
  postEpochsRoll,
  getMonitor,
  getMonitorLive,
  getMonitorHistory,
  getAudit,
  getAuditCheckpoints,
  postAuditCheckpoint,
  getAuditKeys,
  postSession,
  getSession,
  deleteSession,
  getWhoami,
  getMetrics,
  getHealthz,
  getOpenapi,
  getDocs,
  getDashboard,
  getDashboardFile,
  openDocs,
  getDocsFile,
  openMessenger,
  getMessenger,
};
