/** The Worker's secret that holds the bearer token we show a peer: `kms-x` -> `QKD_KMS_PEER_TOKEN_KMS_X`. */
export const SECRET_PREFIX = "QKD_KMS_PEER_TOKEN_";

/** Names of secrets are letters, digits and `_`. */
export const secretNameOf = (peer: string): `${typeof SECRET_PREFIX}${string}` =>
  `${SECRET_PREFIX}${peer.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
