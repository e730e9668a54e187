/** The audit log of acts that concern no single node; every other log bears the id of its node. */
export const DEPLOYMENT_LOG = "deployment";
