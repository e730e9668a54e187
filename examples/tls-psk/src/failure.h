/* What went wrong, in one line for whoever started the program. No key, token or password ever goes into it. */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>

/** Keeps the first line that is told; false, so that a function can return it. */
bool fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The same with what OpenSSL has to say, which is then forgotten. */
bool fail_tls(const char *what);

/** Where nothing went wrong: "". */
const char *failure_text(void);

#endif
