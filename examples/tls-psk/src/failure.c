#include "failure.h"

#include <ctype.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

static char line[512];

bool fail(const char *format, ...) {
  /* A later one is mostly what the first has led to. */
  if (line[0] != '\0') return false;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  /* Words of a KMS may be among them: none that a terminal takes for a command. */
  for (char *at = line; *at != '\0'; at++)
    if (iscntrl((unsigned char)*at)) *at = '?';
  return false;
}

bool fail_tls(const char *what) {
  const unsigned long code = ERR_peek_error();
  const char *reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return fail("%s: %s", what, reason != NULL ? reason : "the other end has closed the connection, or is silent");
}

const char *failure_text(void) { return line; }

