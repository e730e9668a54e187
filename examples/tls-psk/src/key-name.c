#include "key-name.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void write_key_name(const struct key_name *name, char text[KEY_NAME_CHARS + 1]) {
  snprintf(text, KEY_NAME_CHARS + 1, "%s %s %ld", name->site, name->block, name->index);
}

bool is_block(const char *text) {
  if (strlen(text) != BLOCK_CHARS) return false;
  for (size_t at = 0; at < BLOCK_CHARS; at++) {
    const bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
    if (is_dash ? text[at] != '-' : !isxdigit((unsigned char)text[at])) return false;
  }
  return true;
}

/** Digits alone, and no more than MOST_INDEX has. */
static bool parse_index(const char *text, long *index) {
  const size_t digits = strlen(text);
  if (digits == 0 || digits > 9 || strspn(text, "0123456789") != digits) return false;
  *index = strtol(text, NULL, 10);
  return true;
}

bool parse_key_name(const char *text, size_t chars, struct key_name *name) {
  char copy[KEY_NAME_CHARS + 1];
  if (chars > KEY_NAME_CHARS || memchr(text, '\0', chars) != NULL) return false;
  memcpy(copy, text, chars);
  copy[chars] = '\0';
  char *block = strchr(copy, ' ');
  if (block == NULL) return false;
  *block++ = '\0';
  char *index = strchr(block, ' ');
  if (index == NULL) return false;
  *index++ = '\0';
  if (!is_site(copy) || !is_block(block) || !parse_index(index, &name->index)) return false;
  memcpy(name->site, copy, strlen(copy) + 1);
  memcpy(name->block, block, BLOCK_CHARS + 1);
  return true;
}
