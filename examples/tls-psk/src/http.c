#include "http.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

enum { ANSWER_BYTES = 16 * 1024, CONNECT_SECONDS = 10, ANSWER_SECONDS = 60 };

struct received {
  size_t size;
  char bytes[ANSWER_BYTES];
};

bool http_begin(void) {
  return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK || fail("libcurl cannot be used");
}

void http_end(void) { curl_global_cleanup(); }

/** Less than what came breaks the transfer off: so does an answer that is too large. */
static size_t receive(char *bytes, size_t size, size_t count, void *into) {
  struct received *answer = into;
  const size_t more = size * count;
  if (more > ANSWER_BYTES - answer->size) return 0;
  memcpy(answer->bytes + answer->size, bytes, more);
  answer->size += more;
  return more;
}

static bool set_options(CURL *curl, const struct form_post *post, struct received *received) {
  bool ok = curl_easy_setopt(curl, CURLOPT_URL, post->url) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->form) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, received) == CURLE_OK;
  if (post->user != NULL)
    ok = ok && curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_USERNAME, post->user) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_PASSWORD, post->password) == CURLE_OK;
  if (post->bearer != NULL)
    ok = ok && curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, post->bearer) == CURLE_OK;
  return ok;
}

static json_object *parse_object(const struct received *received) {
  json_tokener *tokener = json_tokener_new();
  if (tokener == NULL) return NULL;
  /* JSON as RFC 8259 has it, and nothing behind it. */
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
  json_object *parsed = json_tokener_parse_ex(tokener, received->bytes, (int)received->size);
  json_tokener_free(tokener);
  if (parsed != NULL && !json_object_is_type(parsed, json_type_object)) {
    json_object_put(parsed);
    return NULL;
  }
  return parsed;
}

bool post_form(const struct form_post *post, struct json_answer *answer) {
  CURL *curl = curl_easy_init();
  struct received *received = calloc(1, sizeof *received);
  answer->body = NULL;
  if (curl != NULL && received != NULL && set_options(curl, post, received)) {
    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) fail("%s: %s", post->url, curl_easy_strerror(code));
    else {
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
      answer->body = parse_object(received);
      if (answer->body == NULL) fail("%s: HTTP %ld without a JSON object", post->url, answer->status);
    }
  } else fail("%s: no request can be made of it", post->url);
  if (received != NULL) OPENSSL_clear_free(received, sizeof *received);
  curl_easy_cleanup(curl);
  return answer->body != NULL;
}

const char *text_member(const json_object *body, const char *name) {
  json_object *member = NULL;
  if (!json_object_object_get_ex(body, name, &member) || !json_object_is_type(member, json_type_string)) return NULL;
  return json_object_get_string(member);
}

void forget_answer(struct json_answer *answer) {
  if (answer->body == NULL) return;
  json_object_object_foreach(answer->body, name, member) {
    (void)name;
    /* The library keeps the text in memory of its own, and does not wipe it. */
    if (json_object_is_type(member, json_type_string))
      OPENSSL_cleanse((void *)(uintptr_t)json_object_get_string(member), (size_t)json_object_get_string_len(member));
  }
  json_object_put(answer->body);
  answer->body = NULL;
}

char *form_member(const char *name, const char *value) {
  char *escaped = curl_easy_escape(NULL, value, 0);
  if (escaped == NULL) {
    fail("out of memory");
    return NULL;
  }
  const size_t size = strlen(name) + strlen(escaped) + 2;
  char *member = malloc(size);
  if (member == NULL) fail("out of memory");
  else snprintf(member, size, "%s=%s", name, escaped);
  OPENSSL_cleanse(escaped, strlen(escaped));
  curl_free(escaped);
  return member;
}
