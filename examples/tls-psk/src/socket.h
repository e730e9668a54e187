/* TCP connections that do not wait for ever. */
#ifndef SOCKET_H
#define SOCKET_H

/** @returns -1, told by fail(), where nobody answers */
int dial(const char *host, const char *port);

/** Says on standard output where it listens, and waits for one connection. @returns -1, told by fail(), without one */
int accept_one(const char *address, const char *port);

#endif
