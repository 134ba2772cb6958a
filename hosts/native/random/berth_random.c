// SPDX-License-Identifier: MIT
#if defined(_WIN32)
#define _CRT_RAND_S
#include <stdlib.h>
#endif

#include "berth_random.h"

#if defined(ESP_PLATFORM)

#include <esp_random.h>

static bool fill(void *bytes, size_t count)
{
  esp_fill_random(bytes, count);
  return true;
}

#elif defined(_WIN32)

static bool fill(void *bytes, size_t count)
{
  unsigned char *at = bytes;
  for (size_t i = 0; i < count; i++) {
    unsigned number;
    if (rand_s(&number) != 0) return false;
    at[i] = (unsigned char)number;
  }
  return true;
}

#else

#include <sys/random.h>
#include <unistd.h>

static bool fill(void *bytes, size_t count)
{
  return getentropy(bytes, count) == 0;
}

#endif

bool berth_random_fill(void *bytes, size_t count)
{
  return count <= BERTH_MOST_RANDOM && fill(bytes, count);
}
