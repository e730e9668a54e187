#include "psk.h"

#include <openssl/crypto.h>
#include <string.h>

#include "failure.h"

/* Key exchange with a fresh secret first, so that a key that leaks later opens nothing that was recorded. */
static const char *const CIPHERS_1_2 = "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES256-GCM-SHA384";
static const char *const CIPHERS_1_3 = "TLS_AES_256_GCM_SHA384";
static const unsigned char CIPHER_OF_PSK[] = {0x13, 0x02};

/** As the site that the key is shared with; anybody may have written the name. */
static bool is_of_peer(const struct psk_end *end, const struct key_name *name) {
  return strcmp(name->site, end->peer_site) == 0 ||
         fail("the other end names a key of site %s, not of %s", name->site, end->peer_site);
}

static bool fetch_named(struct psk_end *end, const char *text, size_t chars) {
  struct key_name name;
  if (!parse_key_name(text, chars, &name)) return fail("the other end names no key as SITE BLOCK INDEX");
  if (!is_of_peer(end, &name) || !get_key(end->conf, end->login, &name, end->key)) return false;
  end->name = name;
  end->has_key = true;
  return true;
}

static bool take_new(struct psk_end *end) {
  end->has_key = new_key(end->conf, end->login, end->peer_site, &end->name, end->key);
  return end->has_key;
}

/** Is it the name of the key that this end has? */
static bool is_own_name(const struct psk_end *end, const char *text, size_t chars) {
  char own[KEY_NAME_CHARS + 1];
  write_key_name(&end->name, own);
  return end->has_key && chars == strlen(own) && memcmp(text, own, chars) == 0;
}

static unsigned int give_key(const struct psk_end *end, unsigned char *key, unsigned int most) {
  if (most < KEY_BYTES) return 0;
  memcpy(key, end->key, KEY_BYTES);
  /* All of it: the original returns 1 here, and its connections are protected by a key of one byte. */
  return KEY_BYTES;
}

static unsigned int client_1_2(SSL *ssl, const char *hint, char *identity, unsigned int identity_size,
                               unsigned char *key, unsigned int most) {
  struct psk_end *end = SSL_get_app_data(ssl);
  if (hint == NULL) {
    fail("the server gives no hint of a key");
    return 0;
  }
  if (!fetch_named(end, hint, strlen(hint)) || identity_size <= KEY_NAME_CHARS) return 0;
  write_key_name(&end->name, identity);
  return give_key(end, key, most);
}

static unsigned int server_1_2(SSL *ssl, const char *identity, unsigned char *key, unsigned int most) {
  const struct psk_end *end = SSL_get_app_data(ssl);
  if (identity == NULL || !is_own_name(end, identity, strlen(identity))) {
    fail("the client does not mean the key of the hint");
    return 0;
  }
  return give_key(end, key, most);
}

static SSL_SESSION *session_of(SSL *ssl, const struct psk_end *end) {
  const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, CIPHER_OF_PSK);
  SSL_SESSION *session = SSL_SESSION_new();
  if (session != NULL && cipher != NULL && SSL_SESSION_set1_master_key(session, end->key, KEY_BYTES) == 1 &&
      SSL_SESSION_set_cipher(session, cipher) == 1 && SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
    return session;
  SSL_SESSION_free(session);
  fail_tls("the key cannot be used");
  return NULL;
}

static int client_1_3(SSL *ssl, const EVP_MD *md, const unsigned char **identity, size_t *size, SSL_SESSION **session) {
  /* OpenSSL does not copy it. */
  static char text[KEY_NAME_CHARS + 1];
  const struct psk_end *end = SSL_get_app_data(ssl);
  (void)md;
  write_key_name(&end->name, text);
  *identity = (const unsigned char *)text;
  *size = strlen(text);
  *session = session_of(ssl, end);
  return *session != NULL;
}

static int server_1_3(SSL *ssl, const unsigned char *identity, size_t size, SSL_SESSION **session) {
  struct psk_end *end = SSL_get_app_data(ssl);
  const char *text = (const char *)identity;
  *session = NULL;
  /* After a HelloRetryRequest it is asked for again, and the KMS gives it once. */
  if (end->has_key ? !is_own_name(end, text, size) : !fetch_named(end, text, size)) {
    fail("the client names one key after another");
    return 0;
  }
  *session = session_of(ssl, end);
  return *session != NULL;
}

static SSL_CTX *context_of(const struct psk_end *end) {
  SSL_CTX *context = SSL_CTX_new(end->role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
  if (context != NULL && SSL_CTX_set_min_proto_version(context, end->version) == 1 &&
      SSL_CTX_set_max_proto_version(context, end->version) == 1 &&
      SSL_CTX_set_cipher_list(context, CIPHERS_1_2) == 1 && SSL_CTX_set_ciphersuites(context, CIPHERS_1_3) == 1 &&
      SSL_CTX_set_num_tickets(context, 0) == 1) {
    /* A key is for one connection: none is resumed, and none is begun anew. */
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
  }
  SSL_CTX_free(context);
  fail_tls("TLS cannot be used");
  return NULL;
}

/** Who takes a new key does so now, and the other one when it hears which. */
static bool prepare(SSL *ssl, struct psk_end *end) {
  const bool is_1_2 = end->version == TLS1_2_VERSION;
  if (end->role == (is_1_2 ? TLS_SERVER : TLS_CLIENT) && !take_new(end)) return false;
  SSL_set_app_data(ssl, end);
  if (end->role == TLS_CLIENT) {
    if (is_1_2) SSL_set_psk_client_callback(ssl, client_1_2);
    else SSL_set_psk_use_session_callback(ssl, client_1_3);
    return true;
  }
  if (!is_1_2) {
    SSL_set_psk_find_session_callback(ssl, server_1_3);
    return true;
  }
  char hint[KEY_NAME_CHARS + 1];
  write_key_name(&end->name, hint);
  SSL_set_psk_server_callback(ssl, server_1_2);
  return SSL_use_psk_identity_hint(ssl, hint) == 1 || fail_tls("the hint cannot be given");
}

SSL *shake_hands(struct psk_end *end, int socket, SSL_CTX **context) {
  *context = context_of(end);
  SSL *ssl = *context == NULL ? NULL : SSL_new(*context);
  bool ok = ssl != NULL && SSL_set_fd(ssl, socket) == 1 && prepare(ssl, end);
  if (ok) {
    const int shaken = end->role == TLS_SERVER ? SSL_accept(ssl) : SSL_connect(ssl);
    ok = shaken == 1 || fail_tls("TLS");
  }
  /* TLS has derived its own keys from it. */
  OPENSSL_cleanse(end->key, sizeof end->key);
  if (ok) return ssl;
  SSL_free(ssl);
  return NULL;
}
