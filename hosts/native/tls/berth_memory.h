// SPDX-License-Identifier: MIT
/*
 * Did an allocation find nothing? mbedTLS does not always tell: a signature that could not be checked is to it one that
 * is wrong, a key that could not be read no key, and a message that lacks what there was no room for leaves all the
 * same.
 */
#ifndef BERTH_MEMORY_H
#define BERTH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  bool lacked;
  /* How many bytes were asked for; 0 where the platform does not say. */
  size_t asked;
} berth_lack;

/* Forgets what was before: call it, then mbedTLS, then berth_memory_note, from one task. */
void berth_memory_watch(void);

/* Adds what has failed since to `lack`. */
void berth_memory_note(berth_lack *lack);

#endif
