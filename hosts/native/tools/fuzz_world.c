// SPDX-License-Identifier: MIT
#include "fuzz_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LONGEST 65536
#define SEED 0x2014102900000001ULL

static uint64_t state = SEED;

_Noreturn void berth_fuzz_stop(const char *why)
{
  fprintf(stderr, "broken rule: %s\n", why);
  abort();
}

void berth_fuzz_restart(void)
{
  state = SEED;
}

int __wrap_mbedtls_ctr_drbg_random(void *context, unsigned char *bytes, size_t count);
time_t __wrap_time(time_t *target);

/* xorshift64* */
int __wrap_mbedtls_ctr_drbg_random(void *context, unsigned char *bytes, size_t count)
{
  (void)context;
  for (size_t i = 0; i < count; i++) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    bytes[i] = (unsigned char)((state * 0x2545F4914F6CDD1DULL) >> 56);
  }
  return 0;
}

/* mbedTLS puts it into the ClientHello, and into what it keeps of a session. */
time_t __wrap_time(time_t *target)
{
  const time_t now = 1790000000;
  if (target != NULL) *target = now;
  return now;
}

uint8_t *berth_fuzz_read(const char *path, size_t *length)
{
  FILE *file = path == NULL ? NULL : fopen(path, "rb");
  uint8_t *bytes = malloc(LONGEST);
  if (file == NULL || bytes == NULL) {
    fprintf(stderr, "cannot read %s\n", path == NULL ? "(nothing)" : path);
    exit(2);
  }
  *length = fread(bytes, 1, LONGEST, file);
  fclose(file);
  return bytes;
}
