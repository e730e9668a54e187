/*
 * kms.conf as qTox and tls-kms-demo of Open-QKD-Network read it: the token's URL, newkey's, getkey's and the own site's id,
 * a line each. What stands below, as the `false` of some setups, is left alone.
 */
#ifndef KMS_CONF_H
#define KMS_CONF_H

#include <stdbool.h>

enum { URL_CHARS = 512, SITE_CHARS = 64, PATH_CHARS = 4096 };

struct kms_conf {
  char token_url[URL_CHARS + 1];
  char newkey_url[URL_CHARS + 1];
  char getkey_url[URL_CHARS + 1];
  char site[SITE_CHARS + 1];
};

/** @param path NULL: $HOME/.qkd/kms/kms.conf. @returns false, told by fail(), where it is none */
bool read_kms_conf(const char *path, struct kms_conf *conf);

/** Can a site be called so in a hint, whose parts are separated by spaces? */
bool is_site(const char *text);

#endif
