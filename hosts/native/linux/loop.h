// SPDX-License-Identifier: MIT
/* The event loop: one thread, poll(2), one alarm. */
#ifndef BERTH_LOOP_H
#define BERTH_LOOP_H

#include <stdbool.h>

#include "xsmc.h"

typedef struct berth_source berth_source;

/* Something with a file descriptor. It is embedded in a larger struct, allocated with malloc. */
struct berth_source {
  int descriptor;
  /* POLLIN, POLLOUT. */
  short wanted;
  void (*ready)(xsMachine *the, berth_source *source, short events);
  /* Set by berth_loop_remove; the loop frees the struct once nothing uses it. */
  bool removed;
  berth_source *next;
};

void berth_loop_add(berth_source *source);
void berth_loop_remove(berth_source *source);

/* Milliseconds of the monotonic clock. */
double berth_ticks(void);

/* The time at which `ring` is called once; a negative one cancels. */
void berth_loop_alarm(double at, void (*ring)(xsMachine *the));

/* Ends the loop with this exit status. */
void berth_loop_stop(int status);
bool berth_loop_stopped(void);

/* Runs until stopped, or until nothing is left to wait for. Returns the exit status. */
int berth_loop_run(xsMachine *the);

/* Frees what is left; descriptors are closed by their owners. */
void berth_loop_clear(void);

#endif
