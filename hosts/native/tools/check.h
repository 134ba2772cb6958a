// SPDX-License-Identifier: MIT
/* The least of a test framework. */
#ifndef BERTH_CHECK_H
#define BERTH_CHECK_H

#include <stdio.h>
#include <stdlib.h>

extern int checks_done;

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    checks_done++;                                                                                                     \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                          \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

#endif
