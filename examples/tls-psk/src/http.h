/* POST of a form, and the JSON object that comes back: all that the KMS API needs of HTTP. */
#ifndef HTTP_H
#define HTTP_H

#include <json-c/json.h>
#include <stdbool.h>

struct form_post {
  const char *url;
  /** application/x-www-form-urlencoded, as it goes out. */
  const char *form;
  /** Of HTTP Basic; NULL: none. */
  const char *user;
  const char *password;
  /** NULL: none. */
  const char *bearer;
};

struct json_answer {
  long status;
  json_object *body;
};

bool http_begin(void);
void http_end(void);

/** @returns false, told by fail(), where there is no answer that is a JSON object */
bool post_form(const struct form_post *post, struct json_answer *answer);

/** A text member of the answer; NULL where it has none. */
const char *text_member(const json_object *body, const char *name);

/** Wipes the texts of the answer's members, and frees it. */
void forget_answer(struct json_answer *answer);

/** name=value with the value escaped; to be wiped and freed. NULL: told by fail(). */
char *form_member(const char *name, const char *value);

#endif
