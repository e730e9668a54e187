/*
 * A site's KMS, as Open-QKD-Network has it: a token for a user, and with it a new key shared with another site, or the key that
 * the other site took as a new one. Each end gets a key once.
 */
#ifndef KMS_H
#define KMS_H

#include <stdbool.h>

#include "key-name.h"
#include "kms-conf.h"

enum { KEY_BYTES = 32 };

struct kms_login {
  const char *client;
  const char *client_secret;
  const char *user;
  const char *password;
};

/** From QKD_KMS_CLIENT, QKD_KMS_CLIENT_SECRET, QKD_KMS_USER and QKD_KMS_PASSWORD; the original demo's where one is absent. */
struct kms_login login_from_environment(void);

/** @param name with the own site as the one that took it. @returns false, told by fail(), where there is none */
bool new_key(const struct kms_conf *conf, const struct kms_login *login, const char *peer_site, struct key_name *name,
             unsigned char key[KEY_BYTES]);

/** The key that the other site calls so. */
bool get_key(const struct kms_conf *conf, const struct kms_login *login, const struct key_name *name,
             unsigned char key[KEY_BYTES]);

#endif
