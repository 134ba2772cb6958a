// SPDX-License-Identifier: MIT
/* What the fuzz targets share. */
#ifndef BERTH_FUZZ_WORLD_H
#define BERTH_FUZZ_WORLD_H

#include <stddef.h>
#include <stdint.h>

/* Prints why, and ends in a way that a fuzzer takes for a finding. */
_Noreturn void berth_fuzz_stop(const char *why);

/*
 * Starts randomness anew. It is no randomness: the same numbers each time, so that what a server once sent to this
 * client can be sent to it again, keys, signatures and Finished included. Linked with
 * -Wl,--wrap=mbedtls_ctr_drbg_random,--wrap=time; for fuzzing only.
 */
void berth_fuzz_restart(void);

/* The file `path`, with its length; to be freed. Stops when it cannot be read. */
uint8_t *berth_fuzz_read(const char *path, size_t *length);

#endif
