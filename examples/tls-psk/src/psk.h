/*
 * TLS whose only secret is one key of the KMS, used for one connection. Which key that is, the two ends tell one another in the
 * handshake, in one of two ways:
 *   TLS 1.2  the server takes a new key and names it in its identity hint (RFC 4279 2), as tls-kms-demo does; the client
 *            fetches it, and repeats the name as its identity.
 *   TLS 1.3  has no hint: the client takes a new key and names it as the identity of an external PSK (RFC 8446 4.2.11); the
 *            server fetches it.
 */
#ifndef PSK_H
#define PSK_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "kms.h"

enum psk_role { TLS_CLIENT, TLS_SERVER };

struct psk_end {
  enum psk_role role;
  /** TLS1_2_VERSION or TLS1_3_VERSION. */
  int version;
  const struct kms_conf *conf;
  const struct kms_login *login;
  const char *peer_site;
  /** From here on: filled in by the handshake. */
  bool has_key;
  struct key_name name;
  unsigned char key[KEY_BYTES];
};

/** @param context to be freed after the connection. @returns NULL, told by fail(), where there was no handshake */
SSL *shake_hands(struct psk_end *end, int socket, SSL_CTX **context);

#endif
