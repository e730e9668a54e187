#include "kms.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "http.h"

enum { HTTP_OK = 200, TOKEN_CHARS = 512, FORM_CHARS = 2048 };
static const char TOKEN_CHARACTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

static const char *from_environment(const char *name, const char *usual) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : usual;
}

struct kms_login login_from_environment(void) {
  return (struct kms_login){
      .client = from_environment("QKD_KMS_CLIENT", "html5"),
      .client_secret = from_environment("QKD_KMS_CLIENT_SECRET", "password"),
      .user = from_environment("QKD_KMS_USER", "pwebb"),
      .password = from_environment("QKD_KMS_PASSWORD", "bot"),
  };
}

/** All, separated by `&`. The members are wiped and freed. */
static bool join_members(char form[FORM_CHARS], char *const members[], size_t count) {
  size_t used = 0;
  bool fits = true;
  for (size_t at = 0; at < count; at++) {
    if (members[at] == NULL) fits = false;
    if (fits) {
      const int more = snprintf(form + used, FORM_CHARS - used, "%s%s", at == 0 ? "" : "&", members[at]);
      fits = more >= 0 && (size_t)more < FORM_CHARS - used;
      used += fits ? (size_t)more : 0;
    }
    if (members[at] != NULL) OPENSSL_clear_free(members[at], strlen(members[at]) + 1);
  }
  return fits || fail("a form of more than %d characters", FORM_CHARS);
}

/** What the answer says itself: OAuth's and the KMS's errors have the same member. */
static bool fail_by(const char *what, const struct json_answer *answer) {
  const char *error = text_member(answer->body, "error");
  const char *description = text_member(answer->body, "error_description");
  return fail("%s: HTTP %ld, %s%s%s", what, answer->status, error != NULL ? error : "an answer of another kind",
              description != NULL ? ": " : "", description != NULL ? description : "");
}

/** Of such characters as stand in a header (RFC 6750 2.1). */
static bool is_token(const char *text) {
  const size_t chars = strlen(text);
  return chars > 0 && chars <= TOKEN_CHARS && strspn(text, TOKEN_CHARACTERS) == chars;
}

static bool fetch_token(const struct kms_conf *conf, const struct kms_login *login, char token[TOKEN_CHARS + 1]) {
  char form[FORM_CHARS] = "";
  char *members[] = {form_member("grant_type", "password"), form_member("scope", "openid"),
                     form_member("username", login->user), form_member("password", login->password)};
  struct json_answer answer = {0, NULL};
  bool ok = join_members(form, members, 4);
  if (ok) {
    const struct form_post post = {.url = conf->token_url, .form = form, .user = login->client,
                                   .password = login->client_secret, .bearer = NULL};
    ok = post_form(&post, &answer);
  }
  if (ok) {
    const char *given = text_member(answer.body, "access_token");
    ok = answer.status == HTTP_OK && given != NULL && is_token(given);
    if (ok) memcpy(token, given, strlen(given) + 1);
    else fail_by("no token", &answer);
  }
  OPENSSL_cleanse(form, sizeof form);
  forget_answer(&answer);
  return ok;
}

static int digit_of(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

static bool parse_key(const char *hex, unsigned char key[KEY_BYTES]) {
  if (hex == NULL || strlen(hex) != 2 * KEY_BYTES) return false;
  for (size_t at = 0; at < KEY_BYTES; at++) {
    const int high = digit_of(hex[2 * at]);
    const int low = digit_of(hex[2 * at + 1]);
    if (high < 0 || low < 0) return false;
    key[at] = (unsigned char)(high * 16 + low);
  }
  return true;
}

static bool parse_answer(const json_object *body, struct key_name *name, unsigned char key[KEY_BYTES]) {
  json_object *index = NULL;
  const char *block = text_member(body, "blockId");
  if (block == NULL || !is_block(block) || !parse_key(text_member(body, "hexKey"), key)) return false;
  if (!json_object_object_get_ex(body, "index", &index) || !json_object_is_type(index, json_type_int)) return false;
  const int64_t number = json_object_get_int64(index);
  if (number < 0 || number > MOST_INDEX) return false;
  memcpy(name->block, block, BLOCK_CHARS + 1);
  name->index = (long)number;
  return true;
}

/** A token for each key, as the original's clients do: it need not be kept. */
static bool ask_key(const struct kms_conf *conf, const struct kms_login *login, const char *url, const char *form,
                    struct key_name *name, unsigned char key[KEY_BYTES]) {
  char token[TOKEN_CHARS + 1] = "";
  struct json_answer answer = {0, NULL};
  bool ok = fetch_token(conf, login, token);
  if (ok) {
    const struct form_post post = {.url = url, .form = form, .user = NULL, .password = NULL, .bearer = token};
    ok = post_form(&post, &answer) &&
         ((answer.status == HTTP_OK && parse_answer(answer.body, name, key)) || fail_by("no key", &answer));
  }
  OPENSSL_cleanse(token, sizeof token);
  forget_answer(&answer);
  return ok;
}

bool new_key(const struct kms_conf *conf, const struct kms_login *login, const char *peer_site, struct key_name *name,
             unsigned char key[KEY_BYTES]) {
  char form[FORM_CHARS] = "";
  char *members[] = {form_member("siteid", peer_site)};
  if (!join_members(form, members, 1)) return false;
  memcpy(name->site, conf->site, sizeof name->site);
  return ask_key(conf, login, conf->newkey_url, form, name, key);
}

bool get_key(const struct kms_conf *conf, const struct kms_login *login, const struct key_name *name,
             unsigned char key[KEY_BYTES]) {
  char form[FORM_CHARS] = "";
  char index[24];
  snprintf(index, sizeof index, "%ld", name->index);
  char *members[] = {form_member("siteid", name->site), form_member("index", index),
                     form_member("blockid", name->block)};
  struct key_name given;
  if (!join_members(form, members, 3)) return false;
  if (!ask_key(conf, login, conf->getkey_url, form, &given, key)) return false;
  /* The original's KMS may answer from another block than was asked for. */
  const bool is_asked = given.index == name->index && strcmp(given.block, name->block) == 0;
  return is_asked || fail("no key: the KMS answers with another one than was asked for");
}
