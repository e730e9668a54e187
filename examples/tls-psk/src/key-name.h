/*
 * Which key two ends mean: the site that took it as a new one, its block and its index. In TLS it stands as
 * "SITE BLOCK INDEX", as in the hint of tls-kms-demo.
 */
#ifndef KEY_NAME_H
#define KEY_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "kms-conf.h"

enum { BLOCK_CHARS = 36, KEY_NAME_CHARS = SITE_CHARS + 1 + BLOCK_CHARS + 1 + 20 };

/** Of what is taken from others; it fits a long. */
enum { MOST_INDEX = 999999999 };

struct key_name {
  char site[SITE_CHARS + 1];
  char block[BLOCK_CHARS + 1];
  long index;
};

void write_key_name(const struct key_name *name, char text[KEY_NAME_CHARS + 1]);

/** @param text from the other end: anything may stand in it. @returns false where it is no such name */
bool parse_key_name(const char *text, size_t chars, struct key_name *name);

/** A UUID in hexadecimal digits and dashes (RFC 9562). */
bool is_block(const char *text);

#endif
