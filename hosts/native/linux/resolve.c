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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "script.h"

/* Longer than any DNS name. */
#define LONGEST_NAME 256

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
  const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  char address[INET_ADDRSTRLEN] = "";
  if (getaddrinfo(asked->name, NULL, &hints, &found) == 0 && found != NULL) {
    const struct sockaddr_in *first = (const struct sockaddr_in *)(const void *)found->ai_addr;
    inet_ntop(AF_INET, &first->sin_addr, address, sizeof address);
  }
  if (found != NULL) freeaddrinfo(found);
  /* Few enough to go in one piece; where nobody reads any more it counts for nothing. */
  if (address[0] != 0 && write(asked->answer, address, strlen(address)) < 0) address[0] = 0;
  close(asked->answer);
  free(asked);
  return NULL;
}

static void answered(xsMachine *the, berth_source *source, short events)
{
  waiting *wait = (waiting *)(void *)source;
  char address[INET_ADDRSTRLEN];
  (void)events;
  const ssize_t count = read(source->descriptor, address, sizeof address);
  close(source->descriptor);
  berth_loop_remove(source);
  berth_call_bytes(the, &wait->callback, address, count > 0 ? (int)count : 0);
  xsForget(wait->callback);
}

static bool start(question *asked)
{
  pthread_t thread;
  if (pthread_create(&thread, NULL, ask, asked) != 0) return false;
  pthread_detach(thread);
  return true;
}

/* resolve(name, callback): calls it later with an IPv4 address as text in bytes, none where there is none */
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
