// SPDX-License-Identifier: MIT
/* Stands in for ESP-IDF's header: the names of its reference, "Random Number Generation". */
#ifndef BERTH_FAKE_ESP_RANDOM_H
#define BERTH_FAKE_ESP_RANDOM_H

#include <stddef.h>
#include <unistd.h>

static inline void esp_fill_random(void *bytes, size_t count)
{
  if (getentropy(bytes, count) != 0) _exit(1);
}

#endif
