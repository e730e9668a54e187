/*
 * A file on a connection: its size (8 bytes, most significant first), its bytes, and from the other end a line when it has all
 * of them. What breaks off is no file.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/** @returns false, told by fail(), where the other end has not got all of it */
bool send_file(SSL *ssl, const char *path, uint64_t *size_bytes);

/** Into a file beside it, which takes the name when it is whole. */
bool receive_file(SSL *ssl, const char *path, uint64_t *size_bytes);

#endif
