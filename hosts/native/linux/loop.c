// SPDX-License-Identifier: MIT
#include "loop.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* More connections at a time than a device has. */
#define MOST_SOURCES 32

static struct {
  berth_source *first;
  double alarm;
  void (*ring)(xsMachine *the);
  bool stopped;
  int status;
} loop = {.alarm = -1};

void berth_loop_add(berth_source *source)
{
  source->removed = false;
  source->next = loop.first;
  loop.first = source;
}

void berth_loop_remove(berth_source *source)
{
  source->removed = true;
}

double berth_ticks(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void berth_loop_alarm(double at, void (*ring)(xsMachine *the))
{
  loop.alarm = at;
  loop.ring = ring;
}

void berth_loop_stop(int status)
{
  if (!loop.stopped) loop.status = status;
  loop.stopped = true;
}

bool berth_loop_stopped(void)
{
  return loop.stopped;
}

static void sweep(void)
{
  for (berth_source **link = &loop.first; *link != NULL;) {
    berth_source *source = *link;
    if (source->removed) {
      *link = source->next;
      free(source);
    } else {
      link = &source->next;
    }
  }
}

static int timeout(void)
{
  if (loop.alarm < 0) return -1;
  const double rest = ceil(loop.alarm - berth_ticks());
  return rest <= 0 ? 0 : rest > 60000 ? 60000 : (int)rest;
}

static void ring_if_due(xsMachine *the)
{
  if (loop.alarm < 0 || berth_ticks() < loop.alarm) return;
  loop.alarm = -1;
  loop.ring(the);
}

int berth_loop_run(xsMachine *the)
{
  while (!loop.stopped) {
    struct pollfd polled[MOST_SOURCES];
    berth_source *sources[MOST_SOURCES];
    nfds_t count = 0;
    for (berth_source *source = loop.first; source != NULL && count < MOST_SOURCES; source = source->next) {
      sources[count] = source;
      polled[count++] = (struct pollfd){source->descriptor, source->wanted, 0};
    }
    if (count == 0 && loop.alarm < 0) break;
    if (poll(polled, count, timeout()) < 0 && errno != EINTR) {
      perror("poll");
      return 70;
    }
    ring_if_due(the);
    for (nfds_t i = 0; i < count && !loop.stopped; i++)
      if (polled[i].revents != 0 && !sources[i]->removed) sources[i]->ready(the, sources[i], polled[i].revents);
    sweep();
  }
  return loop.status;
}

void berth_loop_clear(void)
{
  for (berth_source *source = loop.first; source != NULL; source = source->next) source->removed = true;
  sweep();
}
