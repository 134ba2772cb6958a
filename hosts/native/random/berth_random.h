// SPDX-License-Identifier: MIT
/*
 * Random bytes of the platform: the chip's generator, on a computer the system's. The chip's is fed by noise as long as
 * the radio is on, and from start to then by what the boot loader gathered.
 */
#ifndef BERTH_RANDOM_H
#define BERTH_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

#define BERTH_MOST_RANDOM 256

/* Fills `count` bytes, 256 at most. Returns false where there is no source, or for more. */
bool berth_random_fill(void *bytes, size_t count);

#endif
