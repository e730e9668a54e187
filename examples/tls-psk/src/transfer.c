#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "kms-conf.h"

enum { PIECE_BYTES = 16 * 1024, SIZE_BYTES = 8 };
static const uint64_t MOST_BYTES = UINT64_C(1) << 30;
static const char STORED[] = "stored\n";

static bool write_all(SSL *ssl, const void *bytes, size_t size) {
  size_t written = 0;
  return size == 0 || (SSL_write_ex(ssl, bytes, size, &written) == 1 && written == size) || fail_tls("sending");
}

static bool read_all(SSL *ssl, void *bytes, size_t size) {
  for (size_t got = 0, more = 0; got < size; got += more)
    if (SSL_read_ex(ssl, (char *)bytes + got, size - got, &more) != 1) return fail_tls("receiving");
  return true;
}

static bool send_content(SSL *ssl, FILE *file, const char *path, uint64_t size) {
  unsigned char piece[PIECE_BYTES];
  for (uint64_t left = size; left > 0;) {
    const size_t wanted = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    if (fread(piece, 1, wanted, file) != wanted) return fail("%s has become shorter", path);
    if (!write_all(ssl, piece, wanted)) return false;
    left -= wanted;
  }
  return true;
}

static bool send_open(SSL *ssl, FILE *file, const char *path, uint64_t *size_bytes) {
  struct stat told;
  if (fstat(fileno(file), &told) != 0 || !S_ISREG(told.st_mode)) return fail("%s is not a file", path);
  const uint64_t size = (uint64_t)told.st_size;
  if (size > MOST_BYTES) return fail("%s has more than %llu bytes", path, (unsigned long long)MOST_BYTES);
  unsigned char head[SIZE_BYTES];
  for (size_t at = 0; at < SIZE_BYTES; at++) head[at] = (unsigned char)(size >> (8 * (SIZE_BYTES - 1 - at)));
  char said[sizeof STORED - 1];
  if (!write_all(ssl, head, sizeof head) || !send_content(ssl, file, path, size)) return false;
  if (!read_all(ssl, said, sizeof said)) return false;
  if (memcmp(said, STORED, sizeof said) != 0) return fail("the other end does not say that it has the file");
  *size_bytes = size;
  return true;
}

bool send_file(SSL *ssl, const char *path, uint64_t *size_bytes) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return fail("%s: %s", path, strerror(errno));
  const bool sent = send_open(ssl, file, path, size_bytes);
  fclose(file);
  return sent;
}

static bool receive_content(SSL *ssl, FILE *file, const char *path, uint64_t size) {
  unsigned char piece[PIECE_BYTES];
  for (uint64_t left = size; left > 0;) {
    const size_t wanted = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    if (!read_all(ssl, piece, wanted)) return false;
    if (fwrite(piece, 1, wanted, file) != wanted) return fail("%s: %s", path, strerror(errno));
    left -= wanted;
  }
  return true;
}

static bool receive_open(SSL *ssl, FILE *file, const char *path, uint64_t *size_bytes) {
  unsigned char head[SIZE_BYTES];
  if (!read_all(ssl, head, sizeof head)) return false;
  uint64_t size = 0;
  for (size_t at = 0; at < SIZE_BYTES; at++) size = size << 8 | head[at];
  if (size > MOST_BYTES) return fail("the file has more than %llu bytes", (unsigned long long)MOST_BYTES);
  if (!receive_content(ssl, file, path, size)) return false;
  *size_bytes = size;
  return fflush(file) == 0 || fail("%s: %s", path, strerror(errno));
}

bool receive_file(SSL *ssl, const char *path, uint64_t *size_bytes) {
  char part[PATH_CHARS];
  const int chars = snprintf(part, sizeof part, "%s.part", path);
  if (chars < 0 || (size_t)chars >= sizeof part) return fail("the name of the file is too long");
  const int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
  if (file == NULL) return fail("%s: %s", part, strerror(errno));
  bool ok = receive_open(ssl, file, part, size_bytes);
  if (fclose(file) != 0) ok = fail("%s: %s", part, strerror(errno));
  if (ok && rename(part, path) != 0) ok = fail("%s: %s", path, strerror(errno));
  if (!ok) {
    unlink(part);
    return false;
  }
  return write_all(ssl, STORED, sizeof STORED - 1);
}
