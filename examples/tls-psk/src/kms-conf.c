#include "kms-conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "failure.h"

static bool is_url(const char *text) {
  return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

bool is_site(const char *text) {
  const size_t chars = strlen(text);
  if (chars == 0 || chars > SITE_CHARS) return false;
  for (const char *at = text; *at != '\0'; at++)
    if (!isgraph((unsigned char)*at)) return false;
  return true;
}

/** One line without its end, and without blanks around it. */
static bool read_line(FILE *file, char *line, size_t size) {
  if (fgets(line, (int)size, file) == NULL) return false;
  size_t chars = strlen(line);
  if (chars + 1 == size && line[chars - 1] != '\n') return false;
  while (chars > 0 && isspace((unsigned char)line[chars - 1])) line[--chars] = '\0';
  return chars > 0;
}

static bool read_lines(FILE *file, const char *path, struct kms_conf *conf) {
  char *urls[] = {conf->token_url, conf->newkey_url, conf->getkey_url};
  const char *names[] = {"the token's URL", "newkey's URL", "getkey's URL"};
  char line[URL_CHARS + 1];
  for (size_t at = 0; at < 3; at++) {
    if (!read_line(file, line, sizeof line) || !is_url(line))
      return fail("%s: line %zu is not %s, as http://localhost:9992/uaa/oauth/token is one", path, at + 1, names[at]);
    memcpy(urls[at], line, strlen(line) + 1);
  }
  if (!read_line(file, line, sizeof line) || !is_site(line))
    return fail("%s: line 4 is not the id of the own site, as A is one", path);
  memcpy(conf->site, line, strlen(line) + 1);
  return true;
}

bool read_kms_conf(const char *path, struct kms_conf *conf) {
  char usual[PATH_CHARS];
  if (path == NULL) {
    const char *home = getenv("HOME");
    const int chars = snprintf(usual, sizeof usual, "%s/.qkd/kms/kms.conf", home != NULL ? home : "");
    if (chars < 0 || (size_t)chars >= sizeof usual) return fail("HOME is too long");
    path = usual;
  }
  FILE *file = fopen(path, "r");
  if (file == NULL) return fail("%s: %s", path, strerror(errno));
  const bool is_read = read_lines(file, path, conf);
  fclose(file);
  return is_read;
}
