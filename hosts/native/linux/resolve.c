// SPDX-License-Identifier: MIT
/*
 * Names to addresses. getaddrinfo blocks for as long as the name servers are silent, so that a thread waits for it: the
 * loop goes on, and the program ends when it is told to.
 */
#include "resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "script.h"

/* Longer than any DNS name. */
#define LONGEST_NAME 256
/* The best ones, of IPv4 and IPv6, in the order of RFC 6724; blanks between them. */
#define MOST_ADDRESSES 4
#define LONGEST_ANSWER (MOST_ADDRESSES * (INET6_ADDRSTRLEN + 1))

/* Of the thread, which frees it. */
typedef struct {
  char name[LONGEST_NAME];
  int answer;
} question;

/* Of the loop. */
typedef struct {
  berth_source source;
  xsSlot callback;
} waiting;

static void *ask(void *data)
{
  question *asked = data;
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  char answer[LONGEST_ANSWER] = "";
  size_t length = 0;
  if (getaddrinfo(asked->name, NULL, &hints, &found) != 0) found = NULL;
  int count = 0;
  for (const struct addrinfo *one = found; one != NULL && count < MOST_ADDRESSES; one = one->ai_next) {
    char address[INET6_ADDRSTRLEN] = "";
    if (getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST) != 0) continue;
    length += (size_t)snprintf(answer + length, sizeof answer - length, "%s%s", count == 0 ? "" : " ", address);
    count++;
  }
  if (found != NULL) freeaddrinfo(found);
  /* Few enough to go in one piece; where nobody reads any more it counts for nothing. */
  if (length > 0 && write(asked->answer, answer, length) < 0) answer[0] = 0;
  close(asked->answer);
  free(asked);
  return NULL;
}

static void answered(xsMachine *the, berth_source *source, short events)
{
  waiting *wait = (waiting *)(void *)source;
  char answer[LONGEST_ANSWER];
  (void)events;
  const ssize_t count = read(source->descriptor, answer, sizeof answer);
  close(source->descriptor);
  berth_loop_remove(source);
  berth_call_bytes(the, &wait->callback, answer, count > 0 ? (int)count : 0);
  xsForget(wait->callback);
}

static bool start(question *asked)
{
  pthread_t thread;
  if (pthread_create(&thread, NULL, ask, asked) != 0) return false;
  pthread_detach(thread);
  return true;
}

/* resolve(name, callback): calls it later with its addresses as text in bytes, none where there are none */
void xs_berth_resolve(xsMachine *the)
{
  int ends[2];
  question *asked = calloc(1, sizeof *asked);
  waiting *wait = calloc(1, sizeof *wait);
  if (asked == NULL || wait == NULL || pipe(ends) != 0) {
    free(asked);
    free(wait);
    xsUnknownError("no name can be looked up");
  }
  const char *name = xsmcToString(xsArg(0));
  /* One that is too long is looked up as an empty one, which there is not. */
  if (strlen(name) < sizeof asked->name) memcpy(asked->name, name, strlen(name));
  asked->answer = ends[1];
  wait->source = (berth_source){.descriptor = ends[0], .wanted = POLLIN, .ready = answered};
  wait->callback = xsArg(1);
  xsRemember(wait->callback);
  berth_loop_add(&wait->source);
  if (start(asked)) return;
  close(asked->answer);
  free(asked);
}
