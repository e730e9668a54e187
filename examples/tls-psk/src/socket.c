#include "socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "failure.h"

/* Above what the other end may need for a token and a key, each from its own site. */
enum { SILENCE_SECONDS = 150 };

static struct addrinfo *resolve(const char *host, const char *port, int flags) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
  struct addrinfo *found = NULL;
  const int code = getaddrinfo(host, port, &hints, &found);
  if (code == 0) return found;
  fail("%s port %s: %s", host, port, gai_strerror(code));
  return NULL;
}

static int bounded(int fd) {
  const struct timeval silence = {.tv_sec = SILENCE_SECONDS};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence) == 0)
    return fd;
  fail("socket: %s", strerror(errno));
  close(fd);
  return -1;
}

int dial(const char *host, const char *port) {
  struct addrinfo *found = resolve(host, port, 0);
  if (found == NULL) return -1;
  int fd = -1;
  int reason = 0;
  for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
    if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
      reason = errno;
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  if (fd >= 0) return bounded(fd);
  fail("%s port %s: %s", host, port, strerror(reason));
  return -1;
}

static int listen_at(const struct addrinfo *at) {
  const int yes = 1;
  const int fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
  if (fd < 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 && bind(fd, at->ai_addr, at->ai_addrlen) == 0 &&
      listen(fd, 1) == 0)
    return fd;
  const int reason = errno;
  close(fd);
  errno = reason;
  return -1;
}

static int port_of(int fd) {
  struct sockaddr_storage own;
  socklen_t size = sizeof own;
  if (getsockname(fd, (struct sockaddr *)&own, &size) != 0) return 0;
  return ntohs(own.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&own)->sin6_port
                                         : ((struct sockaddr_in *)&own)->sin_port);
}

int accept_one(const char *address, const char *port) {
  struct addrinfo *found = resolve(address, port, AI_PASSIVE | AI_NUMERICHOST);
  if (found == NULL) return -1;
  const int listener = listen_at(found);
  const int reason = errno;
  freeaddrinfo(found);
  if (listener < 0) {
    fail("cannot listen on %s port %s: %s", address, port, strerror(reason));
    return -1;
  }
  printf("listening on %s port %d\n", address, port_of(listener));
  fflush(stdout);
  const int fd = accept(listener, NULL, NULL);
  if (fd < 0) fail("accept: %s", strerror(errno));
  close(listener);
  return fd < 0 ? -1 : bounded(fd);
}
