/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

enum mode { SENDER, RECEIVER };

struct options {
  enum mode mode;
  /** NULL: the usual kms.conf. */
  const char *conf;
  const char *peer_site;
  /** Read by a sender, written by a receiver. */
  const char *file;
  const char *host;
  const char *port;
  int tls_version;
};

extern const char *const USAGE;

/** @returns false, told by fail(), where it cannot be understood */
bool parse_options(int count, char *words[], struct options *options);

#endif
