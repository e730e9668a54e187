/*
 * One file from one site to another over TLS with a pre-shared key, which each end gets from the KMS of its own site: what
 * tls-kms-demo of Open-QKD-Network shows, with the same kms.conf and the same three URLs.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "failure.h"
#include "http.h"
#include "kms.h"
#include "options.h"
#include "psk.h"
#include "socket.h"
#include "transfer.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static void tell_connection(SSL *ssl, const struct psk_end *end) {
  char name[KEY_NAME_CHARS + 1];
  write_key_name(&end->name, name);
  printf("%s %s, key %s\n", SSL_get_version(ssl), SSL_get_cipher_name(ssl), name);
}

static bool talk(SSL *ssl, const struct options *options) {
  uint64_t size = 0;
  const bool is_sender = options->mode == SENDER;
  if (!(is_sender ? send_file(ssl, options->file, &size) : receive_file(ssl, options->file, &size))) return false;
  SSL_shutdown(ssl);
  printf("%s %llu bytes\n", is_sender ? "sent" : "received", (unsigned long long)size);
  return true;
}

static bool serve(const struct options *options, const struct kms_conf *conf) {
  /* Before a key is spent on it. */
  if (options->mode == SENDER && access(options->file, R_OK) != 0) return fail("%s: %s", options->file, strerror(errno));
  const struct kms_login login = login_from_environment();
  struct psk_end end = {.role = options->mode == SENDER ? TLS_CLIENT : TLS_SERVER,
                        .version = options->tls_version,
                        .conf = conf,
                        .login = &login,
                        .peer_site = options->peer_site};
  const int fd = options->mode == SENDER ? dial(options->host, options->port) : accept_one(options->host, options->port);
  if (fd < 0) return false;
  SSL_CTX *context = NULL;
  SSL *ssl = shake_hands(&end, fd, &context);
  bool ok = false;
  if (ssl != NULL) {
    tell_connection(ssl, &end);
    ok = talk(ssl, options);
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(fd);
  return ok;
}

int main(int count, char *words[]) {
  /* Keys are in this memory. */
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  /* A connection that breaks off is an error of the call that wrote to it. */
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &ignore, NULL);
  struct options options;
  struct kms_conf conf;
  if (!parse_options(count, words, &options)) {
    fprintf(stderr, "tls-psk: %s\n\n%s", failure_text(), USAGE);
    return EXIT_USAGE;
  }
  const bool ok = read_kms_conf(options.conf, &conf) && http_begin() && serve(&options, &conf);
  http_end();
  if (!ok) fprintf(stderr, "tls-psk: %s\n", failure_text());
  return ok ? EXIT_DONE : EXIT_FAILED;
}
