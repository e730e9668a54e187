#include "options.h"

#include <getopt.h>
#include <openssl/ssl.h>
#include <string.h>

#include "failure.h"
#include "kms-conf.h"

const char *const USAGE =
    "usage: tls-psk receiver --peer SITE --file FILE [--conf FILE] [--host ADDRESS] [--port N] [--tls 1.2|1.3]\n"
    "       tls-psk sender   --peer SITE --file FILE [--conf FILE] [--host HOST] [--port N] [--tls 1.2|1.3]\n"
    "\n"
    "Sends one file over TLS with a pre-shared key that each end gets from the KMS of its own site.\n"
    "\n"
    "  --peer SITE   the other end's site\n"
    "  --file FILE   what is sent, or where it is written\n"
    "  --conf FILE   kms.conf (default $HOME/.qkd/kms/kms.conf)\n"
    "  --host HOST   where the receiver listens (default 127.0.0.1)\n"
    "  --port N      (default 10446; a receiver with 0 takes a free one, and says which)\n"
    "  --tls V       1.2: the receiver takes the key and hints at it, as tls-kms-demo does (default);\n"
    "                1.3: the sender takes the key and names it\n"
    "\n"
    "Environment: QKD_KMS_USER, QKD_KMS_PASSWORD, QKD_KMS_CLIENT, QKD_KMS_CLIENT_SECRET\n"
    "(default: tls-kms-demo's, pwebb/bot by html5/password)\n";

static bool parse_mode(const char *word, enum mode *mode) {
  if (strcmp(word, "sender") == 0) *mode = SENDER;
  else if (strcmp(word, "receiver") == 0) *mode = RECEIVER;
  else return fail("\"%s\" is neither sender nor receiver", word);
  return true;
}

static bool parse_version(const char *word, int *version) {
  if (strcmp(word, "1.2") == 0) *version = TLS1_2_VERSION;
  else if (strcmp(word, "1.3") == 0) *version = TLS1_3_VERSION;
  else return fail("--tls takes 1.2 or 1.3, not \"%s\"", word);
  return true;
}

static bool take_option(int option, const char *word, struct options *options) {
  switch (option) {
    case 'c': options->conf = word; return true;
    case 'p': options->peer_site = word; return true;
    case 'f': options->file = word; return true;
    case 'h': options->host = word; return true;
    case 'n': options->port = word; return true;
    case 't': return parse_version(word, &options->tls_version);
    default: return fail("an option that is not known, or lacks its value");
  }
}

bool parse_options(int count, char *words[], struct options *options) {
  static const struct option LONG[] = {
      {"conf", required_argument, NULL, 'c'}, {"peer", required_argument, NULL, 'p'},
      {"file", required_argument, NULL, 'f'}, {"host", required_argument, NULL, 'h'},
      {"port", required_argument, NULL, 'n'}, {"tls", required_argument, NULL, 't'},
      {NULL, 0, NULL, 0},
  };
  *options = (struct options){.host = "127.0.0.1", .port = "10446", .tls_version = TLS1_2_VERSION};
  if (count < 2) return fail("sender or receiver?");
  if (!parse_mode(words[1], &options->mode)) return false;
  opterr = 0;
  optind = 2;
  for (int option; (option = getopt_long(count, words, "", LONG, NULL)) != -1;)
    if (!take_option(option, optarg, options)) return false;
  if (optind < count) return fail("\"%s\" is one word too many", words[optind]);
  if (options->file == NULL) return fail("--file is missing");
  if (options->peer_site == NULL || !is_site(options->peer_site)) return fail("--peer is missing, or is no site's id");
  return true;
}
